import { parseDecimal, primitive, structOf, type ConnectRecord, type Schema } from '../../core/index.ts'
import { asBool, constant, ExpressionFault, fault, placed, present, type Code, type Frame, type Run } from './code.ts'
import { compileCall, isFunction } from './functions.ts'
import { macros } from './macros.ts'
import { fit64, intMax, lengthMax } from './numbers.ts'
import { coerced, compileArithmetic, compileComparison, compileIn, compileNegation, type ComparisonOperator } from './operators.ts'
import type { ArithmeticOperator } from './numbers.ts'
import { compileIndex, compileMember, type MemberMode } from './members.ts'
import type { Node } from './parse.ts'
import * as types from './types.ts'
import { typeText, unify, type Type } from './types.ts'
import { EvaluationError, Instant, isSpent, looseFrom, readingOf } from './values.ts'

/** What an expression is compiled for. */
export interface Scope {
  readonly keySchema: Schema | null
  readonly valueSchema: Schema | null
  /** Variables that macros bound around this place. */
  readonly bound: ReadonlyMap<string, Bound>
  /** How many variables are bound: the slot of the next. */
  readonly depth: number
  /**
   * True where a schema is known: a branch that is wrong for it (`topic == 'a' && value.only_in_a > 1`) fails when a record takes it, not
   * before. False at validation, where what is wrong is wrong for all records.
   */
  readonly lazy: boolean
}

export interface Bound {
  readonly slot: number
  readonly type: Type
  readonly nullable: boolean
}

const originSchema = structOf([
  ['partition', primitive('string')],
  ['position', primitive('int64')],
  ['seq', primitive('int64')],
])

/** Compiles one node. Throws an ExpressionFault for unknown names, wrong types and fields that a schema lacks. */
export function compile(node: Node, scope: Scope, mode: MemberMode = 'must'): Code {
  const { start: at } = node
  const text = node.input.slice(node.start, node.end)
  const place = { at, text }
  switch (node.op) {
    case 'value':
      return literal(place, node.args)
    case 'id':
      return variable(place, node.args, scope)
    case '.':
      return compileMember({ at: node.pos, text }, compile(node.args[0], scope, mode), node.args[1], mode)
    case '[]':
      return compileIndex({ at: node.pos, text }, compile(node.args[0], scope, mode), compile(node.args[1], scope), mode)
    case '!_': {
      const run = asBool(compile(node.args, scope), 'what follows ! ')
      return { type: types.bool, nullable: false, run: (frame) => !run(frame), at, text }
    }
    case '-_':
      return compileNegation(place, compile(node.args, scope))
    case '&&':
    case '||':
      return logic(place, node.op === '||', compileBranch(node.args[0], scope), compileBranch(node.args[1], scope))
    case '?:':
      return ternary(place, compile(node.args[0], scope), compileBranch(node.args[1], scope), compileBranch(node.args[2], scope))
    case 'in':
      return compileIn(place, compile(node.args[0], scope), compile(node.args[1], scope))
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compileComparison(place, node.op as ComparisonOperator, compile(node.args[0], scope), compile(node.args[1], scope))
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return compileArithmetic(place, node.op as ArithmeticOperator, compile(node.args[0], scope), compile(node.args[1], scope))
    case 'list':
      return list(
        place,
        node.args.map((item) => compile(item, scope)),
      )
    case 'map':
      return map(
        place,
        node.args.map(([key, value]) => [compile(key, scope), compile(value, scope)]),
      )
    case 'call':
      return call(place, node.args[0], null, node.args[1], scope)
    case 'rcall':
      return call(place, node.args[0], node.args[1], node.args[2], scope)
    default:
      return fault(at, `"${String(node.op)}" is not supported`)
  }
}

function literal(place: Pick<Code, 'at' | 'text'>, value: unknown): Code {
  switch (typeof value) {
    case 'bigint':
      // The one that only a minus before it brings into range is let through: `compileNegation` negates it.
      if (value > intMax + 1n) fault(place.at, `${value} does not fit 64 bits; write decimal("${value}")`)
      return constant(place, types.int, value, { unscaled: value, scale: 0 })
    case 'number':
      return constant(place, types.double, value, parseDecimal(place.text))
    case 'string':
      return constant(place, types.string, value)
    case 'boolean':
      return constant(place, types.bool, value)
    default:
      if (value === null) return constant(place, types.nullType, null)
      if (value instanceof Uint8Array) return constant(place, types.bytes, value)
      return fault(place.at, `${place.text} is not supported: there are no unsigned integers in Connect; leave the u away`)
  }
}

function variable(place: Pick<Code, 'at' | 'text'>, name: string, scope: Scope): Code {
  const bound = scope.bound.get(name)
  if (bound !== undefined) {
    const { slot, type, nullable } = bound
    return { ...place, type, nullable, run: ({ slots }) => slots[slot] }
  }
  switch (name) {
    case 'value':
      return side(place, scope.valueSchema, ({ record }) => record.value)
    case 'key':
      return side(place, scope.keySchema, ({ record }) => record.key)
    case 'valueSchema':
      return schemaPart(place, scope.lazy, scope.valueSchema)
    case 'keySchema':
      return schemaPart(place, scope.lazy, scope.keySchema)
    case 'topic':
      return { ...place, type: types.string, nullable: false, run: ({ record }) => record.topic }
    case 'partition':
      return counted(place, ({ partition }) => partition)
    case 'offset':
      return counted(place, ({ origin }) => origin?.position ?? null)
    case 'timestamp': {
      const run: Run = ({ record: { timestamp } }) => (timestamp === null ? null : new Instant(BigInt(timestamp) * 1_000_000n))
      return { ...place, type: types.timestampMs, nullable: true, run }
    }
    case 'origin': {
      const run: Run = ({ record: { origin } }) =>
        origin && { partition: origin.partition, position: BigInt(origin.position), seq: BigInt(origin.seq) }
      return { ...place, type: { kind: 'struct', schema: originSchema }, nullable: true, run }
    }
    case 'headers':
      return { ...place, type: { ...types.dynMap, key: types.string } as Type, nullable: false, run: ({ record }) => headerMap(record) }
    default:
      return fault(
        place.at,
        `unknown variable "${name}"; known are value, key, topic, headers, timestamp, partition, offset, origin, valueSchema and keySchema`,
      )
  }
}

function counted(place: Pick<Code, 'at' | 'text'>, read: (record: ConnectRecord) => number | null): Code {
  const run: Run = ({ record }) => {
    const number = read(record)
    return number === null ? null : BigInt(number)
  }
  return { ...place, type: types.int, nullable: true, run }
}

function side(place: Pick<Code, 'at' | 'text'>, schema: Schema | null, raw: Run): Code {
  const { type, read } = readingOf(schema)
  const run: Run = read === undefined ? raw : (frame) => (raw(frame) === null ? null : read(raw(frame)))
  return { ...place, type, nullable: true, run, taken: { schema, raw } }
}

/** What Debezium's expressions ask of a schema; at validation it may be any. */
function schemaPart(place: Pick<Code, 'at' | 'text'>, known: boolean, schema: Schema | null): Code {
  if (!known) return { ...place, type: types.dyn, nullable: true, run: () => null }
  if (schema === null) return { ...place, type: types.dynMap, nullable: true, run: () => null }
  const { name, version, type } = schema
  const part = new Map<string, unknown>([
    ['name', name],
    ['version', version === null ? null : BigInt(version)],
    ['type', type],
  ])
  return { ...place, type: types.dynMap, nullable: false, run: () => part }
}

function headerMap({ headers }: ConnectRecord): ReadonlyMap<string, unknown> {
  return new Map(headers.map(({ key, value, schema }) => [key, looseFrom(schema)(value)]))
}

/** A part that not every record comes to. */
function compileBranch(node: Node, scope: Scope): Code {
  if (!scope.lazy) return compile(node, scope)
  try {
    return compile(node, scope)
  } catch (error) {
    if (!(error instanceof ExpressionFault)) throw error
    const { message, at } = error
    const run = (): never => {
      throw new EvaluationError(message, at)
    }
    return { type: types.nullType, nullable: false, run, at: node.start, text: node.input.slice(node.start, node.end), wrong: true }
  }
}

// As CEL demands: the result does not depend on the order, so an error on one side gives way to a decision on the other.
function logic(place: Pick<Code, 'at' | 'text'>, decisive: boolean, left: Code, right: Code): Code {
  const name = decisive ? '||' : '&&'
  const [a, b] = [left, right].map((code) => (isWrong(code) ? code.run : asBool(code, `a side of ${name}`))) as [Run, Run]
  const run: Run = (frame) => {
    let first: unknown
    try {
      first = a(frame)
    } catch (error) {
      if (error instanceof EvaluationError && !isSpent() && b(frame) === decisive) return decisive
      throw error
    }
    return first === decisive ? decisive : b(frame)
  }
  return { ...place, type: types.bool, nullable: false, run }
}

function isWrong(code: Code): boolean {
  return code.wrong === true
}

function ternary(place: Pick<Code, 'at' | 'text'>, condition: Code, left: Code, right: Code): Code {
  const test = asBool(condition, 'what stands before ?')
  const type = unify(left.type, right.type)
  if (type === undefined) {
    return fault(place.at, `the two sides of ":" are ${typeText(left.type)} and ${typeText(right.type)}; they must have one type`)
  }
  const [a, b] = [coerced(left, type).run, coerced(right, type).run]
  return { ...place, type, nullable: left.nullable || right.nullable, run: (frame) => (test(frame) === true ? a(frame) : b(frame)) }
}

function list(place: Pick<Code, 'at' | 'text'>, items: readonly Code[]): Code {
  const item = commonType(items)
  const runs = items.map((code) => coerced(code, item).run)
  const run: Run = (frame) => runs.map((one) => one(frame))
  return { ...place, type: { kind: 'list', item, nulls: items.some(({ nullable }) => nullable) }, nullable: false, run }
}

function map(place: Pick<Code, 'at' | 'text'>, entries: readonly (readonly [Code, Code])[]): Code {
  const key = commonType(entries.map(([one]) => one))
  const item = commonType(entries.map(([, one]) => one))
  const runs = entries.map(([k, v]) => [present(coerced(k, key)).run, coerced(v, item).run] as const)
  const run: Run = (frame) => {
    const built = new Map<unknown, unknown>()
    for (const [k, v] of runs) {
      const name = k(frame)
      if (built.has(name)) throw new EvaluationError(`the key ${String(name)} stands twice in a map`)
      built.set(name, v(frame))
    }
    return built
  }
  return {
    ...place,
    type: { kind: 'map', key, item, nulls: entries.some(([, { nullable }]) => nullable) },
    nullable: false,
    run: placed(place.at, run),
  }
}

function commonType(items: readonly Code[]): Type {
  if (items.length === 0) return types.dyn
  return items.map(({ type }) => type).reduce((a, b) => unify(a, b) ?? types.dyn)
}

function call(place: Pick<Code, 'at' | 'text'>, name: string, receiver: Node | null, given: readonly Node[], scope: Scope): Code {
  const macro = macros.get(receiver !== null && receiver.op === 'id' && receiver.args === 'cel' ? `cel.${name}` : name)
  const nodes = receiver === null ? given : [receiver, ...given]
  if (macro !== undefined) return macro({ place, scope, receiver, nodes: given, compile })
  if (!isFunction(name)) fault(place.at, `there is no function "${name}"`)
  return compileCall(
    place,
    name,
    nodes.map((node) => compile(node, scope)),
  )
}

/** Runs code for a record; the frame belongs to the expression. */
export function evaluate(run: Run, frame: Frame, record: ConnectRecord): unknown {
  frame.record = record
  const value = run(frame)
  if (typeof value === 'bigint') fit64(value)
  if (typeof value === 'string' && value.length > lengthMax) throw new EvaluationError(`a text has more than ${lengthMax} characters`)
  return value
}
