import { DataError, logical, type ConnectRecord } from '../../core/index.ts'
import { fieldAt } from './field-at.ts'

/** Name of the index of a record; throws a DataError that says why there is none. */
export type IndexNaming = (record: ConnectRecord) => string

const part = /\$\{([^}]*)\}/g
const times: Readonly<Record<string, (date: Date) => string>> = {
  yyyy: (date) => String(date.getUTCFullYear()).padStart(4, '0'),
  MM: (date) => String(date.getUTCMonth() + 1).padStart(2, '0'),
  dd: (date) => String(date.getUTCDate()).padStart(2, '0'),
  HH: (date) => String(date.getUTCHours()).padStart(2, '0'),
}

/** What is wrong with an index.name.format; undefined: nothing. */
export function formatFault(format: string): string | undefined {
  if (format === '') return 'it is empty'
  for (const [whole, text] of format.matchAll(part)) {
    const [kind, rest] = split(text!)
    if (kind === 'topic' && rest === undefined) continue
    if (kind === 'field' && rest) continue
    if (kind === 'timestamp' && rest && /(yyyy|MM|dd|HH)/.test(rest) && !/[A-Za-z]/.test(rest.replaceAll(/yyyy|MM|dd|HH/g, ''))) continue
    return `${whole} is unknown: \${topic}, \${field:name} and \${timestamp:yyyy.MM.dd} are there`
  }
  return undefined
}

/** The naming that a format without faults stands for. `timeField`: whose time is used instead of the record's. */
export function indexNaming(format: string, timeField: string | undefined): IndexNaming {
  const steps: ((record: ConnectRecord) => string)[] = []
  let at = 0
  let onTopicAlone = true
  for (const match of format.matchAll(part)) {
    const text = format.slice(at, match.index)
    if (text !== '') steps.push(() => text)
    at = match.index + match[0].length
    const [kind, rest] = split(match[1]!)
    if (kind === 'topic') steps.push((record) => record.topic)
    else {
      onTopicAlone = false
      steps.push(kind === 'field' ? (record) => fieldText(record, rest!) : (record) => timeText(record, rest!, timeField))
    }
  }
  const tail = format.slice(at)
  if (tail !== '') steps.push(() => tail)
  const name = (record: ConnectRecord) => checked(steps.map((step) => step(record)).join(''), record)
  if (!onTopicAlone) return name
  const known = new Map<string, string>()
  return (record) => {
    let found = known.get(record.topic)
    if (found === undefined) known.set(record.topic, (found = name(record)))
    return found
  }
}

/** Lower case, and nothing that Elasticsearch refuses (MetadataCreateIndexService.validateIndexOrAliasName). */
export function checked(given: string, record: ConnectRecord): string {
  const name = given.toLowerCase()
  const fault = nameFault(name)
  if (fault !== undefined) {
    throw new DataError(
      `"${name}" cannot be the name of an index: ${fault}. Records of topic ${record.topic} need another: set index.name.format, or topic.to.external.resource.mapping`,
    )
  }
  return name
}

function nameFault(name: string): string | undefined {
  if (name === '' || name === '.' || name === '..') return 'it is empty or only dots'
  if (/^[-_+]/.test(name)) return 'it begins with - _ or +'
  const wrong = /[\\/*?"<>| ,#:\0]/.exec(name)
  if (wrong) return `it holds ${JSON.stringify(wrong[0])}`
  return Buffer.byteLength(name) > 255 ? 'it is longer than 255 bytes' : undefined
}

function fieldText(record: ConnectRecord, path: string): string {
  const { value } = fieldAt(record, path)
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return String(value)
  throw new DataError(
    `Field "${path}" of a record of topic ${record.topic} is ${value === null ? 'null' : 'no text or number'}, so it names no index`,
  )
}

function timeText(record: ConnectRecord, format: string, timeField: string | undefined): string {
  const ms = timeField === undefined ? record.timestamp : fieldMs(record, timeField)
  const date = new Date(ms ?? Number.NaN)
  if (Number.isNaN(date.getTime())) {
    throw new DataError(
      `A record of topic ${record.topic} has no time${timeField === undefined ? '' : ` in field "${timeField}"`} for index.name.format`,
    )
  }
  return format.replaceAll(/yyyy|MM|dd|HH/g, (unit) => times[unit]!(date))
}

/** The time of a field in milliseconds; undefined where it is none. */
export function fieldMs(record: ConnectRecord, path: string): number | undefined {
  const { value, schema } = fieldAt(record, path)
  if (typeof value === 'string') return /^\d{4}-\d\d/.test(value) ? Date.parse(value) : undefined
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined
  switch (schema?.name) {
    case logical.date:
    case logical.debeziumDate:
      return Number(value) * 86_400_000
    case logical.microTimestamp:
      return Number(value) / 1e3
    case logical.nanoTimestamp:
      return Number(value) / 1e6
    default:
      return Number(value)
  }
}

function split(text: string): [kind: string, rest: string | undefined] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)]
}
