import { constant, fault, present, placed, type Code, type Run } from './code.ts'
import {
  arithmetic,
  compareValues,
  decimalArithmetic,
  doubleArithmetic,
  equalValues,
  exactDouble,
  fit64,
  fitDecimal,
  intArithmetic,
  orderOf,
  quotientPlaces,
  toDecimal,
  type ArithmeticOperator,
} from './numbers.ts'
import * as types from './types.ts'
import { isNumeric, typeText, unify, type Type } from './types.ts'
import { EvaluationError, kindOf, looseReading, Span } from './values.ts'
import { isDecimal } from '../scalars.ts'

type Place = Pick<Code, 'at' | 'text'>

/** Compiles + - * / %. Throws an ExpressionFault for types that have none. */
export function compileArithmetic(place: Place, op: ArithmeticOperator, first: Code, second: Code): Code {
  const [left, right] = literalsFor(present(first), present(second))
  const { at, text } = place
  const type = arithmeticType(op, left.type, right.type)
  if (type === undefined) {
    const mixed =
      [left, right].some(({ type: { kind } }) => kind === 'decimal') && [left, right].some(({ type: { kind } }) => kind === 'double')
    const way = mixed ? '; write decimal(...) or double(...) around one of them' : ''
    return fault(at, `there is no ${typeText(left.type)} ${op} ${typeText(right.type)}${way}`)
  }
  return { type, nullable: false, run: placed(at, arithmeticRun(op, left, right, type)), at, text }
}

function arithmeticRun(op: ArithmeticOperator, left: Code, right: Code, type: Type): Run {
  const [a, b] = [left.run, right.run]
  const [x, y] = [left.type.kind, right.type.kind]
  if (x === 'int' && y === 'int') {
    // The usual ones are spelled out: a branch per record for the operator costs as much as the work.
    if (op === '+') return (frame) => fit64((a(frame) as bigint) + (b(frame) as bigint))
    if (op === '-') return (frame) => fit64((a(frame) as bigint) - (b(frame) as bigint))
    if (op === '*') return (frame) => fit64((a(frame) as bigint) * (b(frame) as bigint))
    return (frame) => intArithmetic(op, a(frame) as bigint, b(frame) as bigint)
  }
  if (x === 'double' && y === 'double') return (frame) => doubleArithmetic(op, a(frame) as number, b(frame) as number)
  if (type.kind === 'double') return (frame) => doubleArithmetic(op, exactDouble(a(frame)), exactDouble(b(frame)))
  if (type.kind === 'decimal') return (frame) => decimalArithmetic(op, toDecimal(a(frame)), toDecimal(b(frame)))
  const pair = pairing(left, right)
  if (pair !== undefined) return (frame) => arithmetic(op, ...pair(a(frame), b(frame)))
  return (frame) => arithmetic(op, a(frame), b(frame))
}

function arithmeticType(op: ArithmeticOperator, left: Type, right: Type): Type | undefined {
  if (left.kind === 'dyn' || right.kind === 'dyn') return types.dyn
  if (isNumeric(left.kind) && isNumeric(right.kind)) {
    const both = unify(left, right)
    if (both?.kind !== 'decimal' || both.scale === undefined) return both
    const [x, y] = [left, right].map((type) => (type.kind === 'decimal' ? type.scale! : 0)) as [number, number]
    if (op === '*') return { kind: 'decimal', scale: x + y }
    return op === '/' ? { kind: 'decimal', scale: Math.max(quotientPlaces, both.scale) } : both
  }
  if (op === '+' && left.kind === right.kind && ['string', 'bytes', 'list'].includes(left.kind)) return unify(left, right)
  if (op !== '+' && op !== '-') return undefined
  if (left.kind === 'duration' && right.kind === 'duration') return types.duration
  if (left.kind === 'timestamp' && right.kind === 'timestamp') return op === '-' ? types.duration : undefined
  // Durations of a day or of nanoseconds alike: what does not fit the unit is told when the value leaves the expression.
  if (left.kind === 'timestamp' && right.kind === 'duration') return moved(left)
  return op === '+' && left.kind === 'duration' && right.kind === 'timestamp' ? moved(right) : undefined
}

function moved(type: Type): Type {
  return type.kind === 'timestamp' && type.unit === 'day' ? types.timestampMs : type
}

/** A literal beside a decimal is the decimal that it spells: `price * 1.19` is exact. */
function literalsFor(left: Code, right: Code): readonly [Code, Code] {
  return [spelledFor(left, right), spelledFor(right, left)]
}

function spelledFor(code: Code, other: Code): Code {
  const { spelled } = code
  if (spelled === undefined) return code
  if (other.type.kind === 'decimal') return constant(code, { kind: 'decimal', scale: spelled.scale }, spelled)
  return code
}

/** Compiles - and !. */
export function compileNegation(place: Place, operand: Code): Code {
  const code = present(operand)
  const { at, text } = place
  const { run, type } = code
  if (!isNumeric(type.kind) && type.kind !== 'dyn' && type.kind !== 'duration') return fault(at, `there is no -${typeText(type)}`)
  const negate = (value: unknown): unknown => {
    if (typeof value === 'bigint') return fit64(-value)
    if (typeof value === 'number') return -value
    if (value instanceof Span) return new Span(-value.nanos)
    if (isDecimal(value)) return fitDecimal({ unscaled: -value.unscaled, scale: value.scale })
    throw new EvaluationError(`there is no -${kindOf(value)}`)
  }
  if (code.constant === undefined) return { type, nullable: false, run: placed(at, (frame) => negate(run(frame))), at, text }
  const { spelled } = code
  return constant(place, type, negate(code.constant.value), spelled && { unscaled: -spelled.unscaled, scale: spelled.scale })
}

export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>='

/** Compiles comparisons. Numbers of all kinds compare by what they count; other types only with their own. */
export function compileComparison(place: Place, op: ComparisonOperator, first: Code, second: Code): Code {
  const { at, text } = place
  const equality = op === '==' || op === '!='
  const [left, right] = equality ? literalsFor(first, second) : literalsFor(present(first), present(second))
  if (!comparable(left.type, right.type, equality)) {
    return fault(at, `${typeText(left.type)} and ${typeText(right.type)} cannot be compared by ${op}`)
  }
  const [a, b] = [comparedRun(left), comparedRun(right)]
  const judge = judgeOf(op)
  const pair = pairing(left, right)
  if (pair !== undefined) {
    const run: Run = (frame) => judge(...pair(a(frame), b(frame)))
    return { type: types.bool, nullable: false, run: placed(at, run), at, text }
  }
  const run: Run = equality ? equalityRun(at, op === '==', left, right, a, b) : placed(at, (frame) => judge(a(frame), b(frame)))
  return { type: types.bool, nullable: false, run, at, text }
}

function comparedRun(code: Code): Run {
  return code.type.kind === 'struct' || code.type.kind === 'list' || code.type.kind === 'map' ? looseRun(code) : code.run
}

type Pairing = (a: unknown, b: unknown) => readonly [unknown, unknown]

/** Where a literal's other side turns out to be a decimal, the literal is the decimal that it spells; undefined: that cannot be. */
function pairing(left: Code, right: Code): Pairing | undefined {
  const open = (code: Code, other: Code) => (code.type.kind === 'double' && other.type.kind === 'dyn' ? code.spelled : undefined)
  const [x, y] = [open(left, right), open(right, left)]
  if (x !== undefined) return (a, b) => [isDecimal(b) ? x : a, b]
  if (y !== undefined) return (a, b) => [a, isDecimal(a) ? y : b]
  return undefined
}

function equalityRun(at: number, equal: boolean, left: Code, right: Code, a: Run, b: Run): Run {
  const [x, y] = [left.type.kind, right.type.kind]
  const plain = (kind: string) => kind === 'int' || kind === 'string' || kind === 'bool' || kind === 'double' || kind === 'null'
  if ((plain(x) && x === y) || x === 'null' || y === 'null') return (frame) => (a(frame) === b(frame)) === equal
  return placed(at, (frame) => equalValues(a(frame), b(frame)) === equal)
}

function judgeOf(op: ComparisonOperator): (a: unknown, b: unknown) => boolean {
  switch (op) {
    case '==':
      return equalValues
    case '!=':
      return (a, b) => !equalValues(a, b)
    case '<':
      return (a, b) => orderOf(a, b) < 0
    case '<=':
      return (a, b) => orderOf(a, b) <= 0
    case '>':
      return (a, b) => orderOf(a, b) > 0
    default:
      return (a, b) => orderOf(a, b) >= 0
  }
}

function comparable(left: Type, right: Type, equality: boolean): boolean {
  if (left.kind === 'dyn' || right.kind === 'dyn') return true
  if (equality && (left.kind === 'null' || right.kind === 'null')) return true
  if (isNumeric(left.kind) && isNumeric(right.kind)) return true
  if (left.kind === 'struct' || left.kind === 'map') return equality && (right.kind === 'struct' || right.kind === 'map')
  return left.kind === right.kind && (equality || ['string', 'bool', 'bytes', 'timestamp', 'duration'].includes(left.kind))
}

/** `a in list`, `key in map`. */
export function compileIn(place: Place, first: Code, second: Code): Code {
  const container = present(second)
  const { at, text } = place
  const { kind } = container.type
  if (kind !== 'dyn' && kind !== 'list' && kind !== 'map' && kind !== 'struct') {
    return fault(at, `${container.text} is ${typeText(container.type)}; what follows "in" must be a list or a map`)
  }
  if (container.type.kind === 'list' && !comparable(first.type, container.type.item, true)) {
    return fault(at, `${typeText(first.type)} is never in a ${typeText(container.type)}`)
  }
  const [a, b] = [looseRun(first), looseRun(container)]
  const run: Run = (frame) => {
    const [item, whole] = [a(frame), b(frame)]
    if (Array.isArray(whole)) return whole.some((one) => equalValues(item, one))
    if (whole instanceof Map) return whole.has(item) || [...whole.keys()].some((key) => equalValues(item, key))
    if (kindOf(whole) === 'map') return typeof item === 'string' && Object.hasOwn(whole as object, item)
    throw new EvaluationError(`${container.text} is ${kindOf(whole)}; what follows "in" must be a list or a map`)
  }
  return { type: types.bool, nullable: false, run: placed(at, run), at, text }
}

/** The value without need of its static type. */
export function looseRun(code: Code): Run {
  const loosen = looseReading(code.type)
  const { run } = code
  if (loosen === undefined) return run
  return (frame) => {
    const value = run(frame)
    return value === null ? null : loosen(value)
  }
}

/** The code as one of a type that holds it (see `unify`). */
export function coerced(code: Code, type: Type): Code {
  const { run, at } = code
  if (code.type.kind === type.kind || code.type.kind === 'null') return { ...code, type }
  if (type.kind === 'dyn') return { ...code, type, run: looseRun(code) }
  const change = type.kind === 'decimal' ? toDecimal : type.kind === 'double' ? exactDouble : undefined
  if (change === undefined) return { ...code, type }
  return {
    type,
    nullable: code.nullable,
    at,
    text: code.text,
    run: placed(at, (frame) => {
      const value = run(frame)
      return value === null ? null : change(value)
    }),
  }
}

/** Least or greatest of values that have an order. */
export function extreme(values: readonly unknown[], sign: 1 | -1): unknown {
  let best = values[0]
  for (const value of values) {
    if ((compareValues(value, best) ?? orderOf(value, best)) * sign > 0) best = value
  }
  return best
}
