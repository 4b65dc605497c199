/**
 * An exact decimal: `unscaled` times ten to the power of `-scale`. Java's BigDecimal in two fields.
 * In a schema with a scale parameter, `scale` equals it.
 */
export interface Decimal {
  readonly unscaled: bigint
  readonly scale: number
}

/** The decimal that a plain or scientific notation spells, keeping its trailing zeros; undefined for anything else ("NaN", "Infinity", ""). */
export function parseDecimal(text: string): Decimal | undefined {
  const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/.exec(text)
  if (!match || (match[2] === '' && (match[3] ?? '') === '')) return undefined
  const fraction = match[3] ?? ''
  const digits = BigInt(match[2] + fraction)
  return { unscaled: match[1] === '-' ? -digits : digits, scale: fraction.length - Number(match[4] ?? 0) }
}

/** The same number at another scale. Throws a RangeError where digits other than zero would be lost. */
export function rescale(decimal: Decimal, scale: number): Decimal {
  if (decimal.scale === scale) return decimal
  if (scale > decimal.scale) return { unscaled: decimal.unscaled * 10n ** BigInt(scale - decimal.scale), scale }
  const divisor = 10n ** BigInt(decimal.scale - scale)
  if (decimal.unscaled % divisor !== 0n) throw new RangeError(`${decimalText(decimal)} does not fit ${scale} decimal places`)
  return { unscaled: decimal.unscaled / divisor, scale }
}

/** Plain notation (never scientific), with `scale` digits after the point. */
export function decimalText({ unscaled, scale }: Decimal): string {
  if (scale <= 0) return (unscaled * 10n ** BigInt(-scale)).toString()
  const negative = unscaled < 0n
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, '0')
  return `${negative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Big-endian two's complement in the fewest bytes, as Connect's Decimal and Avro carry it. */
export function unscaledBytes(unscaled: bigint): Uint8Array {
  let length = 1
  while (unscaled < -(1n << BigInt(length * 8 - 1)) || unscaled >= 1n << BigInt(length * 8 - 1)) length++
  return Buffer.from(
    BigInt.asUintN(length * 8, unscaled)
      .toString(16)
      .padStart(length * 2, '0'),
    'hex',
  )
}

/** Reads what `unscaledBytes` writes. No bytes read as zero. */
export function unscaledFromBytes(bytes: Uint8Array): bigint {
  if (bytes.length === 0) return 0n
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`))
}
