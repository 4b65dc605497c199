import { DataError, type Field, type Schema } from '../core/index.ts'

/** The step of a path that stands for each item of an array: `items[]`. */
export const everyItem: unique symbol = Symbol('each item')

export type Step = string | typeof everyItem

/** Where a field is: a name for each level from the top down. */
export interface FieldPath {
  /** As the config spells it. */
  readonly text: string
  readonly steps: readonly Step[]
}

/**
 * How paths are spelled. V1: the text is the name of a field at the top, dots and all. V2 (KIP-821): dots separate the levels, backticks
 * around a step keep dots in it, a backslash before a closing backtick makes it part of the name. `own`, for Millrace's own transforms: V2,
 * and `[]` after a name stands for each item of that array.
 */
export type PathSyntax = 'V1' | 'V2' | 'own'

/** The key that Connect has in ExtractField only, for all transforms that name fields. */
export const syntaxKey = {
  'field.syntax.version': {
    type: 'string',
    default: 'V1',
    oneOf: ['V1', 'V2'],
    importance: 'high',
    doc: 'V1: names are those of fields at the top. V2: dots lead into nested fields, backticks keep dots in a name (KIP-821).',
  },
} as const

/** Reads a path. Throws an Error, for a ConfigError, where a backtick is never closed or a step is empty. */
export function parsePath(text: string, syntax: PathSyntax): FieldPath {
  if (syntax === 'V1') return { text, steps: [text] }
  const steps: Step[] = []
  let at = 0
  do {
    const step = (text[at] === '`' ? quotedStep : plainStep)(text, at, syntax === 'own')
    if (step.name === '') throw new Error(`the path "${text}" has an empty step at character ${at}; put a name that has dots in backticks`)
    steps.push(step.name, ...Array.from({ length: step.arrays }, (): Step => everyItem))
    at = step.next
  } while (at <= text.length)
  return { text, steps }
}

/** Splits at the first colon that is not inside backticks: a path, and what is said of it. */
export function splitColon(text: string): readonly [string, string | undefined] {
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '`') quoted = !quoted
    else if (text[at] === ':' && !quoted) return [text.slice(0, at), text.slice(at + 1)]
  }
  return [text, undefined]
}

/** Reads paths of a list key; collects what is wrong with them, for `check`. */
export function pathsFault(texts: readonly string[], syntax: PathSyntax): string | undefined {
  try {
    for (const text of texts) parsePath(text, syntax)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/** The syntax that a transform's settings name, in any case. */
export function syntaxOf(settings: { readonly 'field.syntax.version': string }): PathSyntax {
  return settings['field.syntax.version'].toUpperCase() === 'V2' ? 'V2' : 'V1'
}

/** An object's or map's member; undefined where it has none of that name. Members that all objects inherit do not count. */
export function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (value instanceof Map) return (value as Map<string, unknown>).get(name)
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return undefined
  if (name in Object.prototype && !Object.hasOwn(value, name)) return undefined
  return (value as Readonly<Record<string, unknown>>)[name]
}

/**
 * Compiles a path to a reader of values; `undefined` where the path leads nowhere, null where it or a level above is null. Paths with
 * `[]` cannot be read so: they have many values.
 */
export function pathReader({ steps }: FieldPath): (value: unknown) => unknown {
  const names = steps as readonly string[]
  if (names.length === 1) {
    const name = names[0]!
    return (value) => memberOf(value, name)
  }
  return (value) => {
    let current = value
    for (const name of names) {
      if (current === null) return null
      current = memberOf(current, name)
      if (current === undefined) return undefined
    }
    return current
  }
}

/** The field that a path leads to through structs; undefined where there is none. */
export function fieldAt(schema: Schema, { steps }: FieldPath): Field | undefined {
  let current: Schema | null = schema
  let field: Field | undefined
  for (const step of steps) {
    if (step === everyItem) current = current?.valueSchema ?? null
    else {
      field = current?.fields.find(({ name }) => name === step)
      current = field?.schema ?? null
    }
    if (current === null) return undefined
  }
  return field
}

/** Every value that a path leads to, arrays walked through, with the place of each (`items[2].price`). Missing values are undefined. */
export function visitPath(path: FieldPath, value: unknown, visit: (value: unknown, place: () => string) => void): void {
  visitFrom(path.steps, 0, value, [], visit)
}

function visitFrom(
  steps: readonly Step[],
  at: number,
  value: unknown,
  items: readonly number[],
  visit: (value: unknown, place: () => string) => void,
): void {
  let current = value
  for (let index = at; index < steps.length; index++) {
    const step = steps[index]!
    if (current === null || current === undefined) break
    if (step !== everyItem) {
      current = memberOf(current, step)
      continue
    }
    if (!Array.isArray(current)) throw new DataError(`"${placeOf(steps.slice(0, index), items)}" is not an array, which [] asks for`)
    current.forEach((item, number) => visitFrom(steps, index + 1, item, [...items, number], visit))
    return
  }
  visit(current, () => placeOf(steps, items))
}

function placeOf(steps: readonly Step[], items: readonly number[]): string {
  let next = 0
  return steps.reduce<string>((text, step) => {
    if (step === everyItem) return `${text}[${items[next++] ?? ''}]`
    return text === '' ? step : `${text}.${step}`
  }, '')
}

interface SpelledStep {
  readonly name: string
  /** How often `[]` follows. */
  readonly arrays: number
  readonly next: number
}

function plainStep(text: string, at: number, arrays: boolean): SpelledStep {
  const dot = text.indexOf('.', at)
  const end = dot < 0 ? text.length : dot
  const spelled = text.slice(at, end)
  const name = arrays ? spelled.replace(/(?:\[\])+$/, '') : spelled
  // A name that has brackets is far rarer than a forgotten dot, by which a field would be looked for where it never is.
  if (arrays && name.includes('[]')) {
    throw new Error(`the path "${text}" has "[]" inside a step; put a dot after it, or the name in backticks if it has brackets`)
  }
  return { name, arrays: (spelled.length - name.length) / 2, next: end + 1 }
}

// A backtick closes the step only at the end of the text or before a dot; elsewhere it belongs to the name.
function quotedStep(text: string, open: number, arrays: boolean): SpelledStep {
  let name = ''
  let start = open + 1
  for (let at = text.indexOf('`', start); at >= 0; at = text.indexOf('`', at + 1)) {
    const tail = (arrays ? /^(?:\[\])*(?=\.|$)/ : /^(?=\.|$)/).exec(text.slice(at + 1))?.[0]
    if (tail === undefined) continue
    if (text[at - 1] !== '\\') return { name: name + text.slice(start, at), arrays: tail.length / 2, next: at + 1 + tail.length + 1 }
    name += `${text.slice(start, at - 1)}\``
    start = at + 1
  }
  throw new Error(`the path "${text}" has an incomplete backtick pair; put a backslash before the backtick at character ${open}`)
}
