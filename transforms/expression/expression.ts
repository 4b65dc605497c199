import { DataError, type ConnectRecord, type Schema } from '../../core/index.ts'
import { ExpressionFault, fault, type Code, type Frame, type Run } from './code.ts'
import { compile, evaluate } from './compile.ts'
import { looseRun } from './operators.ts'
import { parse, placeText, type Node } from './parse.ts'
import { plainResult, resultOf } from './results.ts'
import * as types from './types.ts'
import { typeText, type Type } from './types.ts'
import { EvaluationError, startWork } from './values.ts'

/** An expression that is true, false or null for a record. Throws a DataError where it has no value. */
export type Condition = (record: ConnectRecord) => boolean | null

/** An expression that gives a text, or null. Throws a DataError where it has no value. */
export type TextExpression = (record: ConnectRecord) => string | null

/** An expression whose results become fields. */
export interface Computation {
  readonly text: string
  /** For records of these schemas. Throws a DataError where the expression does not fit them. */
  forSchemas(keySchema: Schema | null, valueSchema: Schema | null, plain: boolean): Computed
}

export interface Computed {
  /** Schema of the field; null for records without one. */
  readonly schema: Schema | null
  /** Throws a DataError where the expression has no value for the record. */
  value(record: ConnectRecord): unknown
}

/** Compiles a CEL text to a condition. Throws an Error, for a ConfigError, for what is wrong whatever the record, with its place. */
export function condition(text: string, by: string): Condition {
  return single(text, by, types.bool) as Condition
}

/** Compiles a CEL text that gives a text. Throws as `condition` does. */
export function textExpression(text: string, by: string): TextExpression {
  return single(text, by, types.string) as TextExpression
}

/** Compiles a CEL text for fields. Throws as `condition` does. */
export function computation(text: string, by: string): Computation {
  const node = checked(text)
  const frame = newFrame()
  return {
    text,
    forSchemas(keySchema, valueSchema, plain) {
      try {
        const code = compile(node, { keySchema, valueSchema, bound: new Map(), depth: 0, lazy: true })
        if (code.wrong) code.run(frame)
        const run: Run = plain ? plainRun(code) : resultOf(code).run
        return { schema: plain ? null : resultOf(code).schema, value: (record) => guarded(run, frame, record, text, by) }
      } catch (error) {
        throw told(error, by, text, valueSchema)
      }
    },
  }
}

/** For `check` in a config definition: what is wrong with an expression; undefined: nothing that could be known now. */
export function expressionFault(text: string, wanted?: Type['kind']): string | undefined {
  try {
    checked(text, wanted)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function plainRun(code: Code): Run {
  const run = looseRun(code)
  return (frame) => plainResult(run(frame))
}

function single(text: string, by: string, wanted: Type): (record: ConnectRecord) => unknown {
  const node = checked(text, wanted.kind)
  const frame = newFrame()
  const usesKey = /\bkey(?:Schema)?\b/.test(text)
  const usesValue = /\bvalue(?:Schema)?\b/.test(text)
  const find = bySchemas((keySchema, valueSchema) => {
    try {
      const code = compile(node, { keySchema, valueSchema, bound: new Map(), depth: 0, lazy: true })
      checkType(code, wanted.kind)
      const { run } = code
      if (code.type.kind === wanted.kind) return run
      return (inner: Frame) => ofKind(run(inner), wanted.kind, code)
    } catch (error) {
      throw told(error, by, text, valueSchema)
    }
  })
  return (record) => guarded(find(usesKey ? record.keySchema : null, usesValue ? record.valueSchema : null), frame, record, text, by)
}

function ofKind(value: unknown, kind: Type['kind'], code: Code): unknown {
  if (value === null || typeof value === (kind === 'bool' ? 'boolean' : 'string')) return value
  throw new EvaluationError(`the result must be a ${kind}`, code.at)
}

/** Parses and checks all that does not depend on a record's schema. Throws an Error with the place. */
function checked(text: string, wanted?: Type['kind']): Node {
  try {
    startWork()
    const node = parse(text)
    const code = compile(node, { keySchema: null, valueSchema: null, bound: new Map(), depth: 0, lazy: false })
    if (wanted !== undefined) checkType(code, wanted)
    return node
  } catch (error) {
    if (!(error instanceof ExpressionFault || error instanceof EvaluationError)) throw error
    throw new Error(`${error.message}, at ${placeText(text, error.at ?? 0)}`, { cause: error })
  }
}

function checkType(code: Code, wanted: Type['kind']): void {
  if (![wanted, 'dyn', 'null'].includes(code.type.kind)) fault(code.at, `the result must be a ${wanted}, but is ${typeText(code.type)}`)
}

function newFrame(): Frame {
  return { record: undefined as unknown as ConnectRecord, slots: [] }
}

function guarded(run: Run, frame: Frame, record: ConnectRecord, text: string, by: string): unknown {
  startWork()
  try {
    return evaluate(run, frame, record)
  } catch (error) {
    if (error instanceof RangeError) throw new DataError(`${by}: ${shownText(text)} asks for too much: ${error.message}`, { cause: error })
    // The types were checked against the schema, so a value is not what its schema says.
    if (error instanceof TypeError) {
      throw new DataError(`${by}: a record of topic "${record.topic}" does not fit its schema in ${shownText(text)}: ${error.message}`, {
        cause: error,
      })
    }
    if (!(error instanceof EvaluationError)) throw error
    const place = error.at === undefined ? '' : `, at ${placeText(text, error.at)}`
    throw new DataError(`${by}: ${error.message}${place} of ${shownText(text)} (a record of topic "${record.topic}")`, { cause: error })
  }
}

function told(error: unknown, by: string, text: string, schema: Schema | null): unknown {
  if (error instanceof EvaluationError) return new DataError(`${by}: ${error.message} (${shownText(text)})`, { cause: error })
  if (!(error instanceof ExpressionFault)) return error
  const name = schema?.name ? ` for the schema ${schema.name}` : ''
  return new DataError(`${by}: ${error.message}, at ${placeText(text, error.at)} of ${shownText(text)}${name}`, { cause: error })
}

function shownText(text: string): string {
  return `"${text.length > 200 ? `${text.slice(0, 200)}...` : text}"`
}

const none: Schema = Object.freeze({}) as Schema

type Made<T> = { readonly made: T } | { readonly error: unknown }

/**
 * Remembers what is made for a pair of schemas, or why it cannot be: the same pair again, which is nearly always the case, costs two
 * comparisons, and a schema that does not fit costs its records no new attempt.
 */
export function bySchemas<T>(
  make: (keySchema: Schema | null, valueSchema: Schema | null) => T,
): (keySchema: Schema | null, valueSchema: Schema | null) => T {
  const known = new WeakMap<Schema, WeakMap<Schema, Made<T>>>()
  let last: { readonly key: Schema | null; readonly value: Schema | null; readonly made: T } | undefined
  return (key, value) => {
    if (last !== undefined && last.key === key && last.value === value) return last.made
    const [outer, inner] = [value ?? none, key ?? none]
    let byKey = known.get(outer)
    if (byKey === undefined) known.set(outer, (byKey = new WeakMap()))
    let entry = byKey.get(inner)
    if (entry === undefined) byKey.set(inner, (entry = attempt(() => make(key, value))))
    if ('error' in entry) throw entry.error
    last = { key, value, made: entry.made }
    return entry.made
  }
}

function attempt<T>(make: () => T): Made<T> {
  try {
    return { made: make() }
  } catch (error) {
    return { error }
  }
}
