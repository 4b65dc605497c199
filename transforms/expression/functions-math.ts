import type { Decimal } from '../../core/index.ts'
import { isDecimal } from '../scalars.ts'
import type { Code } from './code.ts'
import type { FunctionTable } from './functions.ts'
import { arithmetic, decimalDigitsMax, divideDecimals, fit64, fitDecimal, roundDecimal, toDecimal } from './numbers.ts'
import { extreme } from './operators.ts'
import * as types from './types.ts'
import { unify, type Type } from './types.ts'
import { EvaluationError } from './values.ts'

type Number = bigint | number | Decimal

function placesOf(places: bigint): number {
  if (places < 0n || places > BigInt(decimalDigitsMax))
    throw new EvaluationError(`${places} is no number of decimal places; 0 to ${decimalDigitsMax} are`)
  return Number(places)
}

/** Half away from zero, by the digits that the number has: a double is the shortest decimal that spells it. */
function round(value: Number, places: number): Number {
  if (typeof value === 'bigint') return value
  if (isDecimal(value)) return roundDecimal(value, places)
  if (!Number.isFinite(value) || Number.isInteger(value)) return value
  const [digits, exponent = '0'] = String(Math.abs(value)).split('e')
  const [whole, fraction = ''] = digits!.split('.')
  const scale = fraction.length - Number(exponent)
  if (scale <= places) return value
  const rounded = roundDecimal({ unscaled: BigInt(whole! + fraction), scale }, places)
  return Math.sign(value) * Number(`${rounded.unscaled}e-${places}`)
}

function abs(value: Number): Number {
  if (typeof value === 'number') return Math.abs(value)
  if (typeof value === 'bigint') return value < 0n ? fit64(-value) : value
  return value.unscaled < 0n ? { unscaled: -value.unscaled, scale: value.scale } : value
}

function floor(value: Number, sign: 1n | -1n): Number {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return sign === 1n ? Math.floor(value) : Math.ceil(value)
  if (fitDecimal(value).scale <= 0) return roundDecimal(value, 0)
  const divisor = 10n ** BigInt(value.scale)
  const remainder = value.unscaled % divisor
  const whole = value.unscaled / divisor
  return { unscaled: remainder * sign < 0n ? whole - sign : whole, scale: 0 }
}

const same = ([first]: readonly Code[]): Type => first!.type
const whole = ([first]: readonly Code[]): Type => (first!.type.kind === 'decimal' ? { kind: 'decimal', scale: 0 } : first!.type)
const scaled = ([first, places]: readonly Code[]): Type => {
  if (first!.type.kind !== 'decimal') return first!.type
  const value = places?.constant?.value
  return { kind: 'decimal', scale: typeof value === 'bigint' ? Number(value) : undefined }
}
const united = (args: readonly Code[]): Type => {
  const type = args.map((arg) => arg.type).reduce((a, b) => unify(a, b) ?? types.dyn)
  // The values keep their own kinds, so only one kind all over is sure.
  return args.every((arg) => arg.type.kind === type.kind) ? type : types.dyn
}
const itemOf = ([list]: readonly Code[]): Type => (list!.type.kind === 'list' ? list!.type.item : types.dyn)

function ofList(list: readonly unknown[], sign: 1 | -1): unknown {
  if (list.length === 0) throw new EvaluationError('an empty list has no least or greatest item')
  return extreme(list, sign)
}

const divided = ([, , places]: readonly Code[]): Type => {
  const value = places!.constant?.value
  return { kind: 'decimal', scale: typeof value === 'bigint' ? Number(value) : undefined }
}

function divide(a: Number, b: Number, places: bigint): Decimal {
  if (typeof a === 'number' || typeof b === 'number')
    throw new EvaluationError('divide() takes ints and decimals; write decimal(...) around a double')
  return divideDecimals(toDecimal(a), toDecimal(b), placesOf(places))
}

export const mathematics: FunctionTable = {
  abs: [{ parameters: ['number'], result: same, call: abs }],
  floor: [{ parameters: ['number'], result: whole, call: (value: Number) => floor(value, 1n) }],
  ceil: [{ parameters: ['number'], result: whole, call: (value: Number) => floor(value, -1n) }],
  round: [
    { parameters: ['number'], result: whole, call: (value: Number) => round(value, 0) },
    { parameters: ['number', 'int'], result: scaled, call: (value: Number, places: bigint) => round(value, placesOf(places)) },
  ],
  divide: [{ parameters: ['number', 'number', 'int'], result: divided, call: divide }],
  min: [
    { parameters: ['list'], result: itemOf, call: (list: readonly unknown[]) => ofList(list, -1) },
    { parameters: ['any', 'any'], more: true, united: true, result: united, call: (...values: unknown[]) => extreme(values, -1) },
  ],
  max: [
    { parameters: ['list'], result: itemOf, call: (list: readonly unknown[]) => ofList(list, 1) },
    { parameters: ['any', 'any'], more: true, united: true, result: united, call: (...values: unknown[]) => extreme(values, 1) },
  ],
  sum: [
    {
      parameters: ['list'],
      result: (args) => {
        const item = itemOf(args)
        return item.kind === 'decimal' || item.kind === 'double' || item.kind === 'int' ? item : types.dyn
      },
      call: (list: readonly unknown[]) => list.reduce((sum, item) => arithmetic('+', sum, item), startOf(list)),
    },
  ],
}

function startOf(list: readonly unknown[]): unknown {
  return typeof list[0] === 'number' ? 0 : isDecimal(list[0]) ? { unscaled: 0n, scale: 0 } : 0n
}
