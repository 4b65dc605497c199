import { DataError } from '../../../core/index.ts'
import { clockText, dayText } from '../moment.ts'

/** Days, microseconds and ISO texts as Postgres reads them under DateStyle ISO. */

const microsOfDay = 86_400_000_000n

/** A day since 1970-01-01. The ends of int32 are the infinite dates, as the source writes them. */
export function dayLiteral(days: number): string {
  if (days >= 2147483647) return 'infinity'
  return days <= -2147483647 ? '-infinity' : postgresYear(dayText(days))
}

/** Microseconds of a day. */
export function clockLiteral(micros: number): string {
  if (micros < 0 || micros > 86_400_000_000) throw new DataError(`${micros} microseconds are no time of a day`)
  return clockText(micros)
}

/** Microseconds since 1970 without a zone; `zone`: the wall clock of that time zone. */
export function momentLiteral(micros: bigint, zone: string): string {
  const local = zone === 'UTC' ? micros : micros + zoneOffset(micros, zone)
  let days = local / microsOfDay
  let rest = local % microsOfDay
  if (rest < 0n) {
    days -= 1n
    rest += microsOfDay
  }
  const text = `${dayText(Number(days))} ${clockText(Number(rest))}`
  return postgresYear(text)
}

/** An ISO text with Postgres' way to write years outside of 0001 to 9999. `2024-...` is left as it is. */
export function postgresYear(text: string): string {
  const first = text.charCodeAt(0)
  if (first === 43) return text.slice(1)
  if (first !== 45 && !text.startsWith('0000-')) return text
  const match = /^-?(\d{4,7})(-.*)$/s.exec(text)
  // "-infinity", or something that the server will refuse by itself.
  if (!match) return text
  return `${String(Number(match[1]) + 1).padStart(4, '0')}${match[2]} BC`
}

const formats = new Map<string, Intl.DateTimeFormat>()
const offsets = new Map<string, Map<bigint, bigint>>()
/** Zones change their offset at full quarters of an hour. Microseconds. */
const slot = 900_000_000n
const slotsMax = 10_000

/** Microseconds to add to UTC for the wall clock of a zone. */
function zoneOffset(micros: bigint, zone: string): bigint {
  let known = offsets.get(zone)
  if (!known) offsets.set(zone, (known = new Map()))
  const place = micros / slot
  let offset = known.get(place)
  if (offset === undefined) {
    offset = computeOffset(Number((place * slot) / 1000n), zone)
    if (known.size >= slotsMax) known.clear()
    known.set(place, offset)
  }
  return offset
}

function computeOffset(millis: number, zone: string): bigint {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(zone, format)
  }
  if (Math.abs(millis) > 8.64e15)
    throw new DataError(`${millis} milliseconds since 1970 are out of reach of time zone ${zone}; set db.timezone=UTC`)
  const parts = Object.fromEntries(format.formatToParts(millis).map(({ type, value }) => [type, value]))
  const year = parts['era']!.startsWith('B') ? 1 - Number(parts['year']) : Number(parts['year'])
  const wall = new Date(0)
  wall.setUTCFullYear(year, Number(parts['month']) - 1, Number(parts['day']))
  wall.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second']))
  return BigInt(wall.getTime() - Math.floor(millis / 1000) * 1000) * 1000n
}
