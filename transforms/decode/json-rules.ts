import { compareNumbers, equalJson, numberOf } from './json-values.ts'
import { DataError, NumberText } from '../../core/index.ts'
import { javaRegex } from '../java-regex.ts'

/** Checks a value at a place; throws a DataError that names it. */
type Rule = (value: unknown, place: string) => void
type Node = Readonly<Record<string, unknown>>

/** Keywords that say nothing about which values are right, or that the types say already. */
const silent = new Set(
  (
    '$schema $id $anchor $comment $defs definitions title description default examples readOnly writeOnly deprecated format contentEncoding contentMediaType ' +
    'additionalProperties additionalItems'
  ).split(' '),
)
/** Deepest nesting of a schema. */
const depthMax = 100

/**
 * Compiles what a JSON Schema demands beside types: required, enum, const, bounds, lengths, patterns, alternatives. Throws an Error, for a
 * ConfigError, for a keyword that is not known: a rule that nobody checks would guard nothing. `$ref` leads within the schema only.
 */
export function jsonRules(schema: unknown): (parsed: unknown) => void {
  const compiled = new Map<unknown, Rule>()
  const compile = (node: unknown, depth: number): Rule => {
    if (node === true) return () => {}
    if (node === false) return (_, place) => fail(place, 'is not allowed')
    if (typeof node !== 'object' || node === null || Array.isArray(node)) throw new Error('a part of the JSON Schema is no schema')
    if (depth > depthMax) throw new Error(`the JSON Schema is nested deeper than ${depthMax} levels`)
    const known = compiled.get(node)
    if (known !== undefined) return known
    const rules: Rule[] = []
    const rule: Rule = (value, place) => {
      for (const one of rules) one(value, place)
    }
    compiled.set(node, rule)
    for (const [keyword, value] of Object.entries(node)) {
      if (silent.has(keyword) || keyword.startsWith('connect.')) continue
      const make = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined
      if (make === undefined)
        throw new Error(`the JSON Schema has the keyword "${keyword}", which is not supported; leave it out, or check it by Validate`)
      rules.push(make(value, { node: node as Node, root: schema, compile: (part) => compile(part, depth + 1) }))
    }
    return rule
  }
  const rule = compile(schema, 0)
  return (parsed) => rule(parsed, '')
}

interface Around {
  readonly node: Node
  readonly root: unknown
  compile(part: unknown): Rule
}

const keywords: Readonly<Record<string, (value: unknown, around: Around) => Rule>> = {
  type(types) {
    const names = (Array.isArray(types) ? types : [types]) as readonly string[]
    return (value, place) => {
      if (!names.some((name) => isOfType(value, name))) fail(place, `is ${kindOf(value)}, but must be ${names.join(' or ')}`)
    }
  },
  required(names) {
    return onObjects((object, place) => {
      for (const name of names as readonly string[]) if (!Object.hasOwn(object, name)) fail(join(place, name), 'is missing (required)')
    })
  },
  properties(parts, { compile }) {
    const rules = Object.entries(parts as Node).map(([name, part]) => [name, compile(part)] as const)
    return onObjects((object, place) => {
      for (const [name, rule] of rules) if (Object.hasOwn(object, name)) rule(object[name], join(place, name))
    })
  },
  items(part, { compile }) {
    if (Array.isArray(part)) throw new Error('the JSON Schema has items for each place (a tuple), which has no Connect form')
    const rule = compile(part)
    return onArrays((items, place) => items.forEach((item, index) => rule(item, `${place}[${index}]`)))
  },
  $ref(reference, { root, compile }) {
    let rule: Rule | undefined
    const target = resolve(root, String(reference))
    return (value, place) => (rule ??= compile(target))(value, place)
  },
  allOf: (parts, { compile }) => all((parts as readonly unknown[]).map(compile)),
  anyOf: (parts, { compile }) => alternatives((parts as readonly unknown[]).map(compile), false),
  oneOf: (parts, { compile }) => alternatives((parts as readonly unknown[]).map(compile), true),
  enum: (values) => oneOf(values as readonly unknown[]),
  const: (value) => oneOf([value]),
  minimum: (bound) => onNumbers((value, place) => compareNumbers(value, bound) < 0 && fail(place, `is less than ${numberOf(bound)}`)),
  maximum: (bound) => onNumbers((value, place) => compareNumbers(value, bound) > 0 && fail(place, `is more than ${numberOf(bound)}`)),
  exclusiveMinimum: (bound) =>
    onNumbers((value, place) => compareNumbers(value, bound) <= 0 && fail(place, `is not more than ${numberOf(bound)}`)),
  exclusiveMaximum: (bound) =>
    onNumbers((value, place) => compareNumbers(value, bound) >= 0 && fail(place, `is not less than ${numberOf(bound)}`)),
  minLength: (least) =>
    onTexts((text, place) => [...text].length < Number(least) && fail(place, `is shorter than ${String(least)} characters`)),
  maxLength: (most) =>
    onTexts((text, place) => [...text].length > Number(most) && fail(place, `is longer than ${String(most)} characters`)),
  minItems: (least) => onArrays((items, place) => items.length < Number(least) && fail(place, `has fewer than ${String(least)} items`)),
  maxItems: (most) => onArrays((items, place) => items.length > Number(most) && fail(place, `has more than ${String(most)} items`)),
  minProperties: (least) =>
    onObjects((object, place) => Object.keys(object).length < Number(least) && fail(place, `has fewer than ${String(least)} members`)),
  maxProperties: (most) =>
    onObjects((object, place) => Object.keys(object).length > Number(most) && fail(place, `has more than ${String(most)} members`)),
  pattern(text) {
    // As JSON Schema has it, the pattern may match anywhere.
    const regex = javaRegex(`(?s).*(?:${String(text)}).*`)
    return onTexts((value, place) => !regex.matches(value) && fail(place, `does not match ${String(text)}`))
  },
}

function resolve(root: unknown, reference: string): unknown {
  if (!reference.startsWith('#')) throw new Error(`the JSON Schema refers to ${reference}; only references within it (#/...) are followed`)
  let node = root
  for (const part of reference.slice(1).split('/').slice(1)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, name))
      throw new Error(`the JSON Schema refers to ${reference}, which is not there`)
    node = (node as Node)[name]
  }
  return node
}

function all(rules: readonly Rule[]): Rule {
  return (value, place) => {
    for (const rule of rules) rule(value, place)
  }
}

function alternatives(rules: readonly Rule[], single: boolean): Rule {
  return (value, place) => {
    let reason: DataError | undefined
    let fitting = 0
    for (const rule of rules) {
      try {
        rule(value, place)
        fitting++
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        reason ??= error
      }
    }
    if (fitting === 0) fail(place, `fits none of its alternatives (the first: ${reason?.message ?? ''})`)
    if (single && fitting > 1) fail(place, `fits ${fitting} of its alternatives, but must fit one`)
  }
}

function oneOf(values: readonly unknown[]): Rule {
  return (value, place) => {
    if (!values.some((one) => equalJson(one, value))) fail(place, `is none of the values that are allowed`)
  }
}

function onObjects(rule: (object: Node, place: string) => unknown): Rule {
  return (value, place) => void (kindOf(value) === 'object' && rule(value as Node, place))
}

function onArrays(rule: (items: readonly unknown[], place: string) => unknown): Rule {
  return (value, place) => void (Array.isArray(value) && rule(value, place))
}

function onTexts(rule: (text: string, place: string) => unknown): Rule {
  return (value, place) => void (typeof value === 'string' && rule(value, place))
}

function onNumbers(rule: (value: unknown, place: string) => unknown): Rule {
  return (value, place) => void (kindOf(value) === 'number' && rule(value, place))
}

function isOfType(value: unknown, type: string): boolean {
  const kind = kindOf(value)
  return type === 'integer' ? kind === 'number' && /^-?\d+(?:\.0+)?$/.test(numberOf(value)) : kind === type
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return value instanceof NumberText ? 'number' : typeof value
}

function join(place: string, name: string): string {
  return place === '' ? name : `${place}.${name}`
}

function fail(place: string, what: string): never {
  throw new DataError(`${place === '' ? 'The value' : `Field "${place}"`} ${what}`)
}
