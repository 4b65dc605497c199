import type { ConnectRecord, RawHeader, RawRecord } from '../../contract/record.ts'
import type { KeptLetter } from './letter.ts'
import { exactRecordOf } from './line.ts'
import { contextPrefix, formHeader, redriveCountHeader } from './topic-box.ts'

/** What is known of a dead letter topic's connector when its messages are read. */
export interface MessageReading {
  readonly connector: string
  /** The topic of letters that do not name theirs: the only one that the connector reads; null: there is no such. */
  readonly onlyTopic: string | null
}

/**
 * The letter that a message of a dead letter topic is; null: it is another connector's. Without context headers it tells nothing of what
 * happened, and its record's topic only where the connector reads a single one. Its time is the message's own: the record's, or the broker's
 * where the topic says so.
 */
export function letterOfMessage({ origin }: ConnectRecord, unit: string, { connector, onlyTopic }: MessageReading): KeptLetter | null {
  const message = origin?.raw
  if (!message) return null
  const told = new Map(
    message.headers.flatMap(({ key, value }) => (isOurs(key) && value ? [[key, Buffer.from(value).toString('utf8')] as const] : [])),
  )
  const context = (name: string) => told.get(contextPrefix + name) ?? null
  if ((context('connector.name') ?? connector) !== connector) return null
  const form = told.get(formHeader)
  const topic = context('topic') ?? onlyTopic
  const headers = message.headers.filter(({ key }) => !isOurs(key))
  const exact = form === undefined ? null : exactOf(message.value)
  return {
    unit,
    at: message.offset,
    timeMs: message.timestamp,
    task: numberOf(context('task.id')),
    stage: context('stage'),
    step: null,
    class: context('class.name'),
    error: { class: context('exception.class.name'), message: context('exception.message') ?? '', trace: context('exception.stacktrace') },
    topic,
    partition: numberOf(context('partition')),
    offset: numberOf(context('offset')),
    timestamp: message.timestamp,
    redriven: numberOf(told.get(redriveCountHeader) ?? null) ?? 0,
    raw: form === undefined && topic !== null ? rawOf(message, topic, headers, context) : null,
    record: exact,
    chained: form === 'chained',
    shown: form === undefined && topic === null ? shownOf(message) : null,
  }
}

function isOurs(key: string): boolean {
  return key.startsWith(contextPrefix) || key === redriveCountHeader || key === formHeader
}

/** The record as it was in its own topic; a place that is not told is that of the letter. */
function rawOf(message: RawRecord, topic: string, headers: readonly RawHeader[], context: (name: string) => string | null): RawRecord {
  const { key, value, timestamp } = message
  const partition = numberOf(context('partition')) ?? message.partition
  const offset = numberOf(context('offset')) ?? message.offset
  return { topic, partition, offset, timestamp, key, value, headers }
}

function exactOf(value: Uint8Array | null): ConnectRecord | null {
  try {
    return value && exactRecordOf(Buffer.from(value).toString('utf8'))
  } catch {
    return null // Somebody else's: it is listed, and not redrivable.
  }
}

function shownOf({ key, value }: RawRecord): KeptLetter['shown'] {
  const text = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('utf8')
  return { key: text(key), value: text(value) }
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null
}
