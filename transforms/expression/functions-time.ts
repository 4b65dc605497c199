import { datePattern, type DatePattern } from '../date-pattern.ts'
import { floorDivide } from '../scalars.ts'
import { zoneOf, type Zone } from '../zones.ts'
import type { Code } from './code.ts'
import type { FunctionTable, Overload } from './functions.ts'
import * as types from './types.ts'
import type { TimeUnit, Type } from './types.ts'
import { EvaluationError, Instant, parseInstant, shownValue, Span } from './values.ts'

const dayNanos = types.unitNanos.day
const msNanos = types.unitNanos.ms

/** Remembers what constant texts mean; texts that records bring cannot fill the memory. */
function remembered<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    let made = known.get(text)
    if (made === undefined) {
      try {
        made = make(text)
      } catch (error) {
        throw new EvaluationError(error instanceof Error ? error.message : String(error))
      }
      if (known.size >= 200) known.clear()
      known.set(text, made)
    }
    return made
  }
}

const zone: (name: string) => Zone = remembered(zoneOf)
const pattern: (text: string) => DatePattern = remembered(datePattern)

function msOf({ nanos }: Instant): number {
  return Number(floorDivide(nanos, msNanos))
}

/** Milliseconds of the clock on the wall there, as if it were UTC. */
function localMs(instant: Instant, name: string | undefined): number {
  const ms = msOf(instant)
  return name === undefined ? ms : ms + zone(name).offsetAt(ms)
}

function localDate(instant: Instant, name: string | undefined): Date {
  const date = new Date(localMs(instant, name))
  if (Number.isNaN(date.getTime())) throw new EvaluationError('the timestamp is beyond the years that there are')
  return date
}

function dayOfYear(date: Date): number {
  const start = new Date(0)
  start.setUTCFullYear(date.getUTCFullYear(), 0, 1)
  return Math.floor((date.getTime() - start.getTime()) / 86_400_000)
}

function accessor(read: (date: Date) => number): readonly Overload[] {
  return [
    { parameters: ['timestamp'], result: types.int, call: (instant: Instant) => BigInt(read(localDate(instant, undefined))) },
    {
      parameters: ['timestamp', 'string'],
      result: types.int,
      call: (instant: Instant, name: string) => BigInt(read(localDate(instant, name))),
      check: (_: undefined, name: string | undefined) => void (name === undefined || zone(name)),
    },
  ]
}

/** The whole duration in a unit, cut towards zero, as CEL has it. */
function spanIn(nanos: bigint): Overload {
  return { parameters: ['duration'], result: types.int, call: (span: Span) => span.nanos / nanos }
}

const durationUnits: Readonly<Record<string, bigint>> = {
  d: dayNanos,
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  ns: 1n,
}

/** Go's notation, as CEL has it (`1h30m`, `-1.5s`), and `d` for 24 hours. */
function parseDuration(text: string): Span {
  const sign = text.startsWith('-') ? -1n : 1n
  const rest = text.replace(/^[+-]/, '')
  if (!/^(?:\d{1,15}(?:\.\d{1,9})?(?:ns|us|ms|s|m|h|d))+$/.test(rest)) {
    throw new EvaluationError(`${shownValue(text)} is no duration; it is written like 90s, 1h30m or 7d`)
  }
  let nanos = 0n
  for (const [, whole, fraction = '', unit] of rest.matchAll(/(\d+)(?:\.(\d+))?(ns|us|ms|s|m|h|d)/g)) {
    nanos += (BigInt(whole! + fraction) * durationUnits[unit!]!) / 10n ** BigInt(fraction.length)
  }
  return new Span(sign * nanos)
}

function truncate(instant: Instant, unit: string, name?: string): Instant {
  const offset = name === undefined ? 0n : BigInt(zone(name).offsetAt(msOf(instant))) * msNanos
  const local = instant.nanos + offset
  const floor = (size: bigint) => floorDivide(local, size) * size
  const back = (nanos: bigint) => {
    if (name === undefined) return new Instant(nanos)
    return new Instant(nanos - BigInt(zone(name).offsetAtLocal(Number(floorDivide(nanos, msNanos)))) * msNanos)
  }
  const date = new Date(Number(floorDivide(local, msNanos)))
  switch (unit) {
    case 'year':
      date.setUTCMonth(0, 1)
      return back(floorDivide(BigInt(date.getTime()) * msNanos, dayNanos) * dayNanos)
    case 'month':
      date.setUTCDate(1)
      return back(floorDivide(BigInt(date.getTime()) * msNanos, dayNanos) * dayNanos)
    case 'week':
      return back(floor(dayNanos) - BigInt((date.getUTCDay() + 6) % 7) * dayNanos)
    case 'day':
      return back(floor(dayNanos))
    case 'hour':
      return new Instant(floor(3_600_000_000_000n) - offset)
    case 'minute':
      return new Instant(floor(60_000_000_000n) - offset)
    case 'second':
      return new Instant(floor(1_000_000_000n) - offset)
    case 'millisecond':
      return new Instant(floor(msNanos) - offset)
    case 'microsecond':
      return new Instant(floor(1_000n) - offset)
    default:
      throw new EvaluationError(
        `${shownValue(unit)} is no unit; year, month, week, day, hour, minute, second, millisecond and microsecond are`,
      )
  }
}

const truncatedType = ([first, unit]: readonly Code[]): Type => {
  const from: TimeUnit = first!.type.kind === 'timestamp' ? first!.type.unit : 'ms'
  if (unit!.constant?.value === 'microsecond') return { kind: 'timestamp', unit: from === 'ns' ? 'us' : from }
  return from === 'day' ? types.date : types.timestampMs
}

const checkTruncate = (_: undefined, unit: string | undefined, name?: string): void => {
  if (unit !== undefined) truncate(new Instant(0n), unit, name)
}

function format(instant: Instant, text: string, name?: string): string {
  return pattern(text).format(localMs(instant, name))
}

const checkFormat = (_: undefined, text: string | undefined, name?: string): void => {
  if (text !== undefined) pattern(text)
  if (name !== undefined) zone(name)
}

function parseTimestamp(text: string, spelled: string, name?: string): Instant {
  let ms: number
  try {
    ms = pattern(spelled).parse(text)
  } catch (error) {
    throw new EvaluationError(error instanceof Error ? error.message : String(error))
  }
  return new Instant(BigInt(name === undefined ? ms : ms - zone(name).offsetAtLocal(ms)) * msNanos)
}

function dateOf(instant: Instant, name?: string): Instant {
  return new Instant(floorDivide(BigInt(localMs(instant, name)) * msNanos, dayNanos) * dayNanos)
}

const since = (unit: bigint) => (count: bigint) => new Instant(count * unit)
const until = (unit: bigint) => (instant: Instant) => floorDivide(instant.nanos, unit)
const sameTime = ([arg]: readonly Code[]): Type => arg!.type
const unit = (one: TimeUnit): Type => ({ kind: 'timestamp', unit: one })

export const times: FunctionTable = {
  timestamp: [
    { parameters: ['string'], result: types.timestampMs, call: parseInstant },
    { parameters: ['int'], result: types.timestampMs, call: since(1_000_000_000n) },
    { parameters: ['timestamp'], result: sameTime, call: (instant: Instant) => instant },
  ],
  parseTimestamp: [
    { parameters: ['string', 'string'], result: types.timestampMs, call: parseTimestamp, check: checkFormat },
    { parameters: ['string', 'string', 'string'], result: types.timestampMs, call: parseTimestamp, check: checkFormat },
  ],
  format: [
    { parameters: ['timestamp', 'string'], result: types.string, call: format, check: checkFormat },
    { parameters: ['timestamp', 'string', 'string'], result: types.string, call: format, check: checkFormat },
  ],
  fromMillis: [{ parameters: ['int'], result: types.timestampMs, call: since(msNanos) }],
  fromMicros: [{ parameters: ['int'], result: unit('us'), call: since(1_000n) }],
  toMillis: [{ parameters: ['timestamp'], result: types.int, call: until(msNanos) }],
  toMicros: [{ parameters: ['timestamp'], result: types.int, call: until(1_000n) }],
  date: [
    { parameters: ['timestamp'], result: types.date, call: dateOf },
    {
      parameters: ['timestamp', 'string'],
      result: types.date,
      call: dateOf,
      check: (_: undefined, name?: string) => void (name && zone(name)),
    },
  ],
  truncate: [
    { parameters: ['timestamp', 'string'], result: truncatedType, call: truncate, check: checkTruncate },
    { parameters: ['timestamp', 'string', 'string'], result: types.timestampMs, call: truncate, check: checkTruncate },
  ],
  duration: [{ parameters: ['string'], result: types.duration, call: parseDuration }],
  getFullYear: accessor((date) => date.getUTCFullYear()),
  getMonth: accessor((date) => date.getUTCMonth()),
  getDate: accessor((date) => date.getUTCDate()),
  getDayOfMonth: accessor((date) => date.getUTCDate() - 1),
  getDayOfWeek: accessor((date) => date.getUTCDay()),
  getDayOfYear: accessor(dayOfYear),
  getHours: [...accessor((date) => date.getUTCHours()), spanIn(durationUnits['h']!)],
  getMinutes: [...accessor((date) => date.getUTCMinutes()), spanIn(durationUnits['m']!)],
  getSeconds: [...accessor((date) => date.getUTCSeconds()), spanIn(durationUnits['s']!)],
  getMilliseconds: [...accessor((date) => date.getUTCMilliseconds()), spanIn(durationUnits['ms']!)],
}
