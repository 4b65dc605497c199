/** A time zone's offset from UTC, in milliseconds east, at instants and at local times. */
export interface Zone {
  offsetAt(instantMs: number): number
  /** As java.time finds it: in the hour that comes twice the first one's, in the one that is left out the one before it. */
  offsetAtLocal(localMs: number): number
}

/** Offsets are looked up once per this much time: zones change theirs on quarters of an hour. */
const bucketMs = 900_000
/** Buckets that are remembered per zone. */
const bucketsMax = 10_000
const dayMs = 86_400_000

/** Finds a zone by its name in the IANA database, or an offset like +08:00. Throws an Error, for a ConfigError, for anything else. */
export function zoneOf(name: string): Zone {
  const offset = /^([+-])(\d\d):(\d\d)(?::(\d\d))?$/.exec(name)
  if (offset !== null) {
    const [, sign, hours, minutes, seconds = '0'] = offset
    const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
    if (ms > 18 * 3_600_000 || Number(minutes) > 59 || Number(seconds) > 59)
      throw new Error(`"${name}" is beyond the offsets that there are, up to 18:00`)
    const fixed = sign === '-' ? -ms : ms
    return { offsetAt: () => fixed, offsetAtLocal: () => fixed }
  }
  if (/^[+-]/.test(name)) throw new Error(`"${name}" is no offset; write +hh:mm`)
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      era: 'short',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
  } catch {
    throw new Error(`"${name}" is no time zone; write one like America/Los_Angeles, or an offset like +08:00`)
  }
  const known = new Map<number, number>()
  const offsetAt = (instantMs: number): number => {
    const bucket = Math.floor(instantMs / bucketMs)
    let ms = known.get(bucket)
    if (ms === undefined) {
      ms = readOffset(format, bucket * bucketMs)
      if (known.size >= bucketsMax) known.clear()
      known.set(bucket, ms)
    }
    return ms
  }
  return {
    offsetAt,
    offsetAtLocal(localMs) {
      const before = offsetAt(localMs - dayMs)
      const after = offsetAt(localMs + dayMs)
      if (before === after || offsetAt(localMs - before) === before) return before
      return offsetAt(localMs - after) === after ? after : before
    },
  }
}

function readOffset(format: Intl.DateTimeFormat, instantMs: number): number {
  const parts: Record<string, string> = {}
  for (const { type, value } of format.formatToParts(instantMs)) parts[type] = value
  const local = new Date(0)
  local.setUTCFullYear(Number(parts['year']), Number(parts['month']) - 1, Number(parts['day']))
  return local.setUTCHours(Number(parts['hour']), Number(parts['minute']), Number(parts['second'])) - instantMs
}
