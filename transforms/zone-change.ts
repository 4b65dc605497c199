import { DataError, logical, type Schema } from '../core/index.ts'
import { floorDivide, shown } from './scalars.ts'
import type { Zone } from './zones.ts'

/** Changes a value that is not null. */
export type ZoneChange = (value: unknown) => unknown

/** How a value of this schema comes into another zone; undefined: it does not. */
export function zoneChange(schema: Schema, zone: Zone): ZoneChange | undefined {
  switch (schema.name) {
    case logical.zonedTimestamp:
      return (value) => zonedTimestamp(value, zone)
    case logical.zonedTime:
      return (value) => zonedTime(value, zone)
    case logical.timestamp:
    case logical.debeziumTimestamp:
      return (value) => asLocal(value as bigint, 1n, zone)
    case logical.microTimestamp:
      return (value) => asLocal(value as bigint, 1_000n, zone)
    case logical.nanoTimestamp:
      return (value) => asLocal(value as bigint, 1_000_000n, zone)
    default:
      return undefined
  }
}

/** True for dates and times that have neither an instant nor a zone. */
export function isZoneless({ name }: Schema): boolean {
  return zoneless.has(name ?? '')
}

const zoneless: ReadonlySet<string> = new Set([
  logical.date,
  logical.time,
  logical.debeziumDate,
  logical.debeziumTime,
  logical.microTime,
  logical.nanoTime,
])

/** The source's ts_ms, ts_us and ts_ns: the local time of the zone, as if it were one of UTC, as in Debezium. */
export function zoneEpoch(field: string, zone: Zone): ZoneChange | undefined {
  const perMs = { ts_ms: 1n, ts_us: 1_000n, ts_ns: 1_000_000n }[field]
  if (perMs === undefined) return undefined
  return (value) => (value as bigint) + BigInt(zone.offsetAt(Number(floorDivide(value as bigint, perMs)))) * perMs
}

function asLocal(value: bigint, perMs: bigint, zone: Zone): bigint {
  return value - BigInt(zone.offsetAtLocal(Number(floorDivide(value, perMs)))) * perMs
}

const minuteMs = 60_000

function zonedTimestamp(value: unknown, zone: Zone): string {
  const parts = /^([+-]?\d{4,6}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(String(value))
  const instant = parts === null ? NaN : Date.parse(`${parts[1]!}${parts[2] ?? ':00'}.000${parts[4]!}`)
  if (Number.isNaN(instant)) throw new DataError(`TimezoneConverter: ${shown(value)} is no timestamp with a zone`)
  const offset = zone.offsetAt(instant)
  const local = new Date(instant + offset).toISOString()
  return `${local.slice(0, -5)}${fractionText(parts![3])}${offsetText(offset)}`
}

// A time has no date, and so its offset is that of now, as in Debezium.
function zonedTime(value: unknown, zone: Zone): string {
  const parts = /^(\d\d):(\d\d)(?::(\d\d))?(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(String(value))
  if (parts === null) throw new DataError(`TimezoneConverter: ${shown(value)} is no time with a zone`)
  const [, hours, minutes, seconds = '0', fraction, given] = parts as unknown as [string, string, string, string?, string?, string?]
  const from = given === 'Z' ? 0 : Date.parse(`1970-01-01T00:00:00${given}`) * -1
  const offset = zone.offsetAt(Date.now())
  const ms = (Number(hours) * 60 + Number(minutes)) * minuteMs + Number(seconds) * 1000 - from + offset
  const local = new Date(((ms % 86_400_000) + 86_400_000) % 86_400_000).toISOString()
  return `${local.slice(11, 19)}${fractionText(fraction)}${offsetText(offset)}`
}

function fractionText(digits: string | undefined): string {
  const kept = (digits ?? '').replace(/0+$/, '')
  return kept === '' ? '' : `.${kept}`
}

function offsetText(offsetMs: number): string {
  if (offsetMs === 0) return 'Z'
  const seconds = Math.abs(offsetMs) / 1000
  const pair = (number: number) => String(Math.floor(number)).padStart(2, '0')
  const rest = seconds % 60 === 0 ? '' : `:${pair(seconds % 60)}`
  return `${offsetMs < 0 ? '-' : '+'}${pair(seconds / 3600)}:${pair((seconds / 60) % 60)}${rest}`
}
