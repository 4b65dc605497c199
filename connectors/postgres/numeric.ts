import {
  DataError,
  decimalText,
  logical,
  parseDecimal,
  primitive,
  rescale,
  structOf,
  unscaledBytes,
  type Decimal,
  type Schema,
} from '../../core/index.ts'
import { minus, nine, point, readDouble, zero } from './digits.ts'
import { textCodec } from './text.ts'
import type { ColumnCodec } from './tuple.ts'

/** Precision and scale of numeric(p, s); undefined: numeric without bounds. The scale may be negative or above the precision (PostgreSQL 15). */
export function numericBounds(modifier: number): { readonly precision: number; readonly scale: number } | undefined {
  if (modifier < 4) return undefined
  const packed = modifier - 4
  return { precision: (packed >> 16) & 0xffff, scale: ((packed & 0x7ff) ^ 0x400) - 0x400 }
}

/** Schema of a numeric with a fixed scale; `precision` undefined for money. */
export function decimalSchema(scale: number, precision?: number): Schema {
  const parameters = { scale: String(scale), ...(precision === undefined ? {} : { 'connect.decimal.precision': String(precision) }) }
  return primitive('bytes', { name: logical.decimal, version: 1, parameters })
}

export const variableScaleSchema: Schema = structOf(
  [
    ['scale', primitive('int32')],
    ['value', primitive('bytes')],
  ],
  { name: logical.variableScaleDecimal, version: 1, doc: 'Variable scaled decimal' },
)

/**
 * A numeric without bounds: `text` is what Postgres wrote, and `scale` and `value` are Debezium's VariableScaleDecimal, made when they are
 * asked for. These throw a DataError for NaN and the infinities; `text` holds them.
 */
export class VariableScaleDecimal {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }

  get scale(): number {
    return this.decimal.scale
  }

  get value(): Uint8Array {
    return unscaledBytes(this.decimal.unscaled)
  }

  /** The exact number, with the trailing zeros that the server keeps. */
  get decimal(): Decimal {
    return parseDecimal(this.text) ?? notFinite(this.text)
  }

  toString(): string {
    return this.text
  }
}

export const variableScaleCodec: ColumnCodec = (buffer, start, end) => new VariableScaleDecimal(textCodec(buffer, start, end))

/** Digits that a number holds exactly together with its sign and point. */
const shortDecimal = 16

/** numeric(p, s) as a Decimal of that scale. Throws a DataError for NaN, which the type allows. */
export function decimalCodec(scale: number): ColumnCodec {
  return (buffer, start, end) => {
    if (end - start <= shortDecimal && scale >= 0) {
      const negative = buffer[start] === minus
      let number = 0
      let fraction = -1
      let at = negative ? start + 1 : start
      for (; at < end; at++) {
        const byte = buffer[at]!
        if (byte >= zero && byte <= nine) number = number * 10 + (byte - zero)
        else if (byte === point && fraction < 0) fraction = end - at - 1
        else break
      }
      // Postgres writes exactly `scale` digits after the point.
      if (at === end && number <= Number.MAX_SAFE_INTEGER && (fraction < 0 ? 0 : fraction) === scale) {
        return { unscaled: BigInt(negative ? -number : number), scale }
      }
    }
    return decimalOf(buffer.latin1Slice(start, end), scale)
  }
}

function decimalOf(text: string, scale: number): Decimal {
  return rescale(parseDecimal(text) ?? notFinite(text), scale)
}

/** `decimal.handling.mode=double`: NaN and the infinities are doubles too. */
export const numericDoubleCodec: ColumnCodec = (buffer, start, end) => readDouble(buffer, start, end)

function notFinite(text: string): never {
  throw new DataError(
    `numeric value ${text} has no form under decimal.handling.mode=precise; set decimal.handling.mode=string to carry it as text, or correct the row`,
  )
}

/** money as lc_monetary=C writes it (`-$1,234.56`), as a Decimal of scale 2. */
export const moneyCodec: ColumnCodec = (buffer, start, end) => ({ unscaled: moneyCents(buffer.latin1Slice(start, end)), scale: 2 })
export const moneyTextCodec: ColumnCodec = (buffer, start, end) =>
  decimalText({ unscaled: moneyCents(buffer.latin1Slice(start, end)), scale: 2 })
export const moneyDoubleCodec: ColumnCodec = (buffer, start, end) =>
  Number(decimalText({ unscaled: moneyCents(buffer.latin1Slice(start, end)), scale: 2 }))

function moneyCents(text: string): bigint {
  const match = /^(-?)\$([\d,]+)\.(\d\d)$/.exec(text)
  if (!match) throw new DataError(`"${text}" is not money as lc_monetary=C writes it`)
  const cents = BigInt(match[2]!.replaceAll(',', '') + match[3])
  return match[1] === '-' ? -cents : cents
}
