import { DataError, logical, primitive } from '../../core/index.ts'
import type { ValueSettings } from './settings.ts'
import type { ColumnCodec } from './tuple.ts'
import type { ColumnType } from './types.ts'

/**
 * interval: `numeric` is Debezium's MicroDuration, in which a month counts 30.4375 days (365.25 / 12), so only spans without months are
 * exact; `string` is exact: `P1Y2M3DT4H5M6.7S`, every part with its own sign.
 */
export function intervalType(mode: ValueSettings['intervals']): ColumnType {
  const text = mode === 'string'
  const schema = primitive(text ? 'string' : 'int64', { name: text ? logical.interval : logical.microDuration, version: 1 })
  return { schema, codec: text ? isoInterval : microDuration, placeholder: null }
}

const microsOfMonth = 2_629_800_000_000n
const microsOfDay = 86_400_000_000n

interface Span {
  readonly years: number
  readonly months: number
  readonly days: number
  /** Of the time part. */
  readonly micros: bigint
}

const microDuration: ColumnCodec = (buffer, start, end) => {
  const text = buffer.latin1Slice(start, end)
  const { years, months, days, micros } = parseSpan(text)
  const sum = BigInt(years * 12 + months) * microsOfMonth + BigInt(days) * microsOfDay + micros
  if (BigInt.asIntN(64, sum) !== sum) {
    throw new DataError(`interval ${text} does not fit 64 bits of microseconds; set interval.handling.mode=string, or correct the row`)
  }
  return sum
}

const isoInterval: ColumnCodec = (buffer, start, end) => {
  const text = buffer.latin1Slice(start, end)
  if (text === 'infinity' || text === '-infinity') return text
  const { years, months, days, micros } = parseSpan(text)
  const seconds = micros / 1_000_000n
  const sign = micros < 0n ? '-' : ''
  const rest = seconds % 60n
  const fraction = String(micros < 0n ? -micros % 1_000_000n : micros % 1_000_000n)
    .padStart(6, '0')
    .replace(/0+$/, '')
  const secondsText = fraction === '' ? String(rest) : `${rest === 0n ? `${sign}0` : rest}.${fraction}`
  return `P${years}Y${months}M${days}DT${seconds / 3600n}H${(seconds / 60n) % 60n}M${secondsText}S`
}

/** Reads IntervalStyle postgres: `1 year -2 mons +3 days -04:05:06.7`. */
function parseSpan(text: string): Span {
  const match =
    /^(?:([+-]?\d+) years? ?)?(?:([+-]?\d+) mons? ?)?(?:([+-]?\d+) days? ?)?(?:([+-]?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?$/.exec(text)
  if (!match || text === '') {
    throw new DataError(
      `interval "${text}" has no finite length in IntervalStyle postgres; set interval.handling.mode=string, or correct the row`,
    )
  }
  const [, years, months, days, sign, hours, minutes, seconds, fraction] = match
  const whole = BigInt(hours ?? 0) * 3600n + BigInt(minutes ?? 0) * 60n + BigInt(seconds ?? 0)
  const micros = whole * 1_000_000n + BigInt((fraction ?? '').padEnd(6, '0'))
  return { years: Number(years ?? 0), months: Number(months ?? 0), days: Number(days ?? 0), micros: sign === '-' ? -micros : micros }
}
