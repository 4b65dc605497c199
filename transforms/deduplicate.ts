import { hash } from 'node:crypto'
import { DataError, defineConfig, type ConfigOf, type ConnectRecord, type Origin, type Transform } from '../core/index.ts'
import { refuse } from './config-fault.ts'
import { everyItem, parsePath, pathReader, pathsFault } from './field-path.ts'
import { isDecimal, shown } from './scalars.ts'
import { keyAndValue, shortNames, type Side } from './side.ts'

/** Most that one map holds: V8 refuses more than 2^24 entries. */
const entriesMax = 16_000_000

/** What one remembered record takes in memory, with its place in the map (measured: 233 bytes on Node 24, rounded up). */
const entryBytes = 256

const config = defineConfig({
  fields: {
    type: 'list',
    default: [],
    importance: 'high',
    doc: 'Paths of the fields that make two records the same (a.b, `a.b`). Absent: the whole key or value.',
    check: (paths: readonly string[]) => pathsFault(paths, 'own'),
  },
  'window.records': {
    type: 'int',
    default: 100_000,
    min: 1,
    max: entriesMax,
    importance: 'high',
    doc: 'How many different records are remembered; the oldest is forgotten for a new one.',
  },
  'window.ms': {
    type: 'long',
    default: 0,
    min: 0,
    importance: 'high',
    doc: 'How long (milliseconds) a record is remembered; a repeat does not prolong it. 0: as long as window.records and window.bytes allow.',
  },
  'window.time': {
    type: 'string',
    default: 'record',
    oneOf: ['record', 'clock'],
    importance: 'medium',
    doc: "What window.ms is measured by: the records' own timestamps, or the clock of the worker.",
  },
  'window.bytes': {
    type: 'long',
    default: 67_108_864,
    min: entryBytes,
    importance: 'medium',
    doc: `Most memory (bytes) for what is remembered, at ${entryBytes} a record.`,
  },
})

interface Seen {
  readonly time: number
  readonly origin: Origin | null
}

/**
 * `io.millrace.transforms.Deduplicate$Key` and `$Value`: drops a record that has the same key, value or fields as one of its topic that came
 * before within the window. A record without any of the fields (all null or missing) always passes, and so does the very same record when it
 * is read again (same origin) or redriven from the dead letters: a replay is for the sink to judge. What a later transform or the sink rejects
 * was seen all the same, so that a good repeat of it is dropped: put what rejects (Validate) before this.
 *
 * The window lies in the memory of the task: a restart forgets it, tasks do not share it, and a repeat beyond it passes. It thins out
 * repeats; where none may pass, the sink has to key by these fields (upsert).
 */
export const deduplicate = keyAndValue(
  'io.millrace.transforms.Deduplicate',
  'Drops repeats within a bounded window; a restart of the task forgets the window. What later steps reject counts as seen: put Validate before it',
  config,
  createDeduplicate,
  shortNames('Deduplicate'),
)

function createDeduplicate(settings: ConfigOf<typeof config>, side: Side): Transform {
  const identityOf = identity(settings.fields, side)
  const most = Math.min(settings['window.records'], Math.floor(settings['window.bytes'] / entryBytes))
  const windowMs = settings['window.ms']
  const byRecord = settings['window.time'].toLowerCase() === 'record'
  const timeOf = (record: ConnectRecord): number => {
    if (windowMs === 0) return 0
    if (!byRecord) return Date.now()
    if (record.timestamp !== null) return record.timestamp
    throw new DataError(`Deduplicate: a record of topic "${record.topic}" has no timestamp; window.time=clock goes by the clock`)
  }
  const seen = new Map<string, Seen>()
  // Lives as long as the map, and goes on where it stood: a new one would step over all that was deleted before (ten times slower).
  const oldest = seen.keys()
  return {
    apply(record) {
      const key = identityOf(record)
      if (key === undefined || isRedriven(record)) return record
      const time = timeOf(record)
      const before = seen.get(key)
      if (before !== undefined) {
        if (sameOrigin(before.origin, record.origin)) return record
        if (windowMs === 0 || Math.abs(time - before.time) <= windowMs) return null
        seen.delete(key)
      } else if (seen.size >= most) {
        seen.delete(oldest.next().value!)
      }
      // Only what tells origins apart is kept: an origin may hold the record's bytes.
      const { origin } = record
      seen.set(key, { time, origin: origin && { partition: origin.partition, position: origin.position, seq: origin.seq } })
      return record
    },
  }
}

/** What is redriven from the dead letters did not arrive, though it was seen here when it first came: it is no repeat. */
function isRedriven({ origin }: ConnectRecord): boolean {
  return origin !== null && origin.partition.startsWith('{"#redrive"')
}

function sameOrigin(a: Origin | null, b: Origin | null): boolean {
  return a !== null && b !== null && a.position === b.position && a.seq === b.seq && a.partition === b.partition
}

function identity(fields: readonly string[], side: Side): (record: ConnectRecord) => string | undefined {
  const reads = fields.map((text) => {
    const path = parsePath(text, 'own')
    if (path.steps.includes(everyItem)) refuse('fields', text, '[] names many values; a record is told by single ones')
    return pathReader(path)
  })
  return (record) => {
    const value = side.value(record)
    const parts = reads.length === 0 ? [value] : reads.map((read) => read(value) ?? null)
    if (parts.every((part) => part === null)) return undefined
    return hash('sha256', JSON.stringify(record.topic) + parts.map((part) => spelled(part, record)).join(','), 'base64')
  }
}

/** A value as a text that no other value has. */
function spelled(value: unknown, record: ConnectRecord): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    default:
  }
  if (value === null || value === undefined) return 'null'
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('base64')}`
  if (isDecimal(value)) return `d${value.unscaled}e${-value.scale}`
  if (Array.isArray(value)) return `[${value.map((item) => spelled(item, record)).join(',')}]`
  if (typeof value !== 'object') throw new DataError(`Deduplicate: ${shown(value)} in topic "${record.topic}" cannot tell records apart`)
  // Members of a map and of an object without a schema have no order.
  const members = (value instanceof Map ? [...value] : Object.entries(value)).map(
    ([name, item]) => `${spelled(name, record)}:${spelled(item, record)}`,
  )
  return `{${members.sort().join(',')}}`
}
