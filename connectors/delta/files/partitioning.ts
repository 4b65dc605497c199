import { type ConnectRecord, DataError, decimalText, logical } from '../../../core/index.ts'
import { type FilesConfig, extractorOf, partitionerOf } from './config.ts'
import { timeFormat } from './time-pattern.ts'

/** Where a record belongs. Throws a DataError for a record that lacks what decides it. */
export interface Partitioning {
  /** The folder below that of the topic; `number` is the Kafka partition or what stands for it. */
  folder(record: ConnectRecord, number: string): string
  /** The time that counts for folders and rotation, in ms. */
  time(record: ConnectRecord): number
}

export function partitioning(config: FilesConfig, now: () => number = Date.now): Partitioning {
  const time = extractor(config, now)
  const format = (pattern: string, durationMs: number): Partitioning['folder'] => {
    const text = timeFormat(pattern, config.timezone, durationMs)
    return (record) => text(time(record))
  }
  const hour = 3_600_000
  const daily = "'year'=YYYY/'month'=MM/'day'=dd"
  const folders: Record<NonNullable<ReturnType<typeof partitionerOf>>, () => Partitioning['folder']> = {
    default: () => (_record, number) => `partition=${number}`,
    field: () => {
      const names = config['partition.field.name']
      return (record) => names.map((name) => `${plain(name)}=${plain(fieldText(record, name))}`).join('/')
    },
    timebased: () => format(config['path.format'], config['partition.duration.ms']),
    daily: () => format(daily, 24 * hour),
    hourly: () => format(`${daily}/'hour'=HH`, hour),
  }
  return { time, folder: folders[partitionerOf(config['partitioner.class'])!]() }
}

/** A part of a name: what could be taken for a separator or a control character is percent-encoded. */
export function plain(text: string): string {
  return text.replace(/[%/\\*?[\]\p{Cc}]/gu, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

function extractor(config: FilesConfig, now: () => number): (record: ConnectRecord) => number {
  switch (extractorOf(config['timestamp.extractor'])) {
    case 'wallclock':
      return () => now()
    case 'record':
      return ({ timestamp, topic }) => {
        if (timestamp === null || timestamp < 0)
          throw new DataError(`The record of topic ${topic} has no timestamp, which timestamp.extractor=Record needs`)
        return timestamp
      }
    default:
      return (record) => fieldTime(record, config['timestamp.field'])
  }
}

function fieldTime(record: ConnectRecord, name: string): number {
  const value = fieldOf(record, name)
  const type = record.valueSchema?.fields.find((field) => field.name === name)?.schema.name
  if (typeof value === 'string') {
    const parsed = Date.parse(value)
    if (!Number.isNaN(parsed)) return parsed
  }
  if (typeof value === 'number' || typeof value === 'bigint') {
    const number = Number(value)
    if (type === logical.date || type === logical.debeziumDate) return number * 86_400_000
    if (type === logical.microTimestamp) return number / 1000
    if (type === logical.nanoTimestamp) return number / 1e6
    return number
  }
  throw new DataError(`Field "${name}" (timestamp.field) is ${spelled(value)}, which is no time`)
}

function fieldText(record: ConnectRecord, name: string): string {
  const value = fieldOf(record, name)
  switch (typeof value) {
    case 'string':
      if (value === '' || !value.isWellFormed()) break
      return value
    case 'number':
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'object': {
      const { unscaled, scale } = (value ?? {}) as { unscaled?: unknown; scale?: unknown }
      if (typeof unscaled === 'bigint' && typeof scale === 'number') return decimalText({ unscaled, scale })
      break
    }
    default:
  }
  throw new DataError(`Field "${name}" (partition.field.name) is ${spelled(value)}, which names no folder`)
}

function fieldOf({ value }: ConnectRecord, name: string): unknown {
  return name.split('.').reduce<unknown>((part, field) => {
    if (part instanceof Map) return part.get(field)
    return typeof part === 'object' && part !== null && Object.hasOwn(part, field) ? (part as Record<string, unknown>)[field] : undefined
  }, value)
}

function spelled(value: unknown): string {
  if (value === undefined || value === null) return 'missing'
  return typeof value === 'object' ? 'not a single value' : JSON.stringify(String(value))
}
