import type { Json } from '../../contract/json.ts'
import { record, type ConnectRecord, type RawRecord } from '../../contract/record.ts'
import type { Schema } from '../../contract/schema.ts'
import { exactJson } from './exact-json.ts'
import { fromExact, toExact } from './exact-value.ts'
import { javaName, letterTrace, type DeadLetter, type KeptLetter } from './letter.ts'

/**
 * One letter as a line of JSON. `key`, `value` and `headers` are for readers; a redrive takes `raw` (the bytes, as base64) or, where the
 * source had none, `record` (exact-value.ts). `redact` removes the config's secrets from the error's texts.
 */
export function letterLine(
  letter: DeadLetter,
  place: { readonly connector: string; readonly task: number },
  redact: (text: string) => string,
): string {
  const { stage, step, error, chained, redriven, record: one } = letter
  const raw = one.origin?.raw
  const line = {
    time: new Date().toISOString(),
    ...place,
    stage,
    ...(step === undefined ? {} : { step }),
    at: letter.class,
    error: { class: error.name, java: javaName(error), message: redact(error.message), trace: redact(letterTrace(error)) },
    redriven,
    topic: one.topic,
    partition: one.partition,
    timestamp: one.timestamp,
    origin: one.origin && { partition: one.origin.partition, position: one.origin.position, seq: one.origin.seq },
    key: one.key,
    keySchema: schemaText(one.keySchema),
    value: one.value,
    valueSchema: schemaText(one.valueSchema),
    headers: one.headers.map(({ key, value }) => ({ key, value })),
    ...(raw ? { raw: rawJson(raw) } : { chained, record: recordJson(one) }),
  }
  return `${exactJson(line)}\n`
}

/** The letter that a line holds; undefined for a line that is none, or one of another connector. */
export function parseLetter(
  text: string,
  connector: string,
  place: { readonly unit: string; readonly at: number },
): KeptLetter | undefined {
  try {
    const line = JSON.parse(text) as Readonly<Record<string, Json>>
    if (typeof line !== 'object' || line === null || line['connector'] !== connector) return undefined
    const raw = line['raw'] === undefined ? null : rawOf(line['raw'] as unknown as RawLine)
    const exact = line['record'] === undefined ? null : recordOf(line['record'] as unknown as RecordLine)
    const error = (line['error'] ?? {}) as Readonly<Record<string, Json>>
    const origin = line['origin'] as { readonly position?: number } | null | undefined
    return {
      ...place,
      timeMs: Date.parse(String(line['time'])) || null,
      task: numberOr(line['task']),
      stage: textOr(line['stage']),
      step: textOr(line['step']),
      class: textOr(line['at']),
      error: { class: textOr(error['class']), message: textOr(error['message']) ?? '', trace: textOr(error['trace']) },
      topic: raw?.topic ?? textOr(line['topic']),
      partition: raw?.partition ?? numberOr(line['partition']),
      offset: raw?.offset ?? numberOr(origin?.position),
      timestamp: numberOr(line['timestamp']),
      redriven: numberOr(line['redriven']) ?? 0,
      raw,
      record: exact,
      chained: line['chained'] === true,
      shown: raw || exact ? null : shownOf(text),
    }
  } catch {
    return undefined // Not JSON, or not ours: the reader counts it as unreadable.
  }
}

/** A record's exact form as a text of its own, for letters that are no lines. */
export function exactRecordText(one: ConnectRecord): string {
  return JSON.stringify(recordJson(one))
}

/** The record of an exact form. Throws where the text is none. */
export function exactRecordOf(text: string): ConnectRecord {
  return recordOf(JSON.parse(text) as RecordLine)
}

interface RawLine {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number | null
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
}

function rawJson({ topic, partition, offset, timestamp, key, value, headers }: RawRecord): RawLine {
  return {
    topic,
    partition,
    offset,
    timestamp,
    key: base64(key),
    value: base64(value),
    headers: headers.map((header) => ({ key: header.key, value: base64(header.value) })),
  }
}

function rawOf({ topic, partition, offset, timestamp, key, value, headers }: RawLine): RawRecord {
  if (typeof topic !== 'string' || !Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) throw new TypeError('no raw record')
  return {
    topic,
    partition,
    offset,
    timestamp: numberOr(timestamp),
    key: bytes(key),
    value: bytes(value),
    headers: headers.map((header) => ({ key: header.key, value: bytes(header.value) })),
  }
}

interface RecordLine {
  readonly topic: string
  readonly partition: number | null
  readonly timestamp: number | null
  readonly key: Json
  readonly keySchema: Json
  readonly value: Json
  readonly valueSchema: Json
  readonly headers: readonly { readonly key: string; readonly value: Json; readonly schema: Json }[]
}

function recordJson(one: ConnectRecord): Json {
  return {
    topic: one.topic,
    partition: one.partition,
    timestamp: one.timestamp,
    key: toExact(one.key),
    keySchema: toExact(one.keySchema),
    value: toExact(one.value),
    valueSchema: toExact(one.valueSchema),
    headers: one.headers.map(({ key, value, schema }) => ({ key, value: toExact(value), schema: toExact(schema) })),
  }
}

/** Schemas by their text: records of one schema share one object, as readers that cache by identity expect. Bounded. */
const schemas = new Map<string, Schema | null>()
const schemasMax = 1_000

function schemaOf(json: Json): Schema | null {
  if (json === null || json === undefined) return null
  const text = JSON.stringify(json)
  let schema = schemas.get(text)
  if (schema === undefined) {
    if (schemas.size >= schemasMax) schemas.clear()
    schemas.set(text, (schema = fromExact(json) as Schema))
  }
  return schema
}

function recordOf(line: RecordLine): ConnectRecord {
  if (typeof line.topic !== 'string') throw new TypeError('no record')
  return record(line.topic, fromExact(line.value), {
    partition: line.partition,
    timestamp: line.timestamp,
    key: fromExact(line.key),
    keySchema: schemaOf(line.keySchema),
    valueSchema: schemaOf(line.valueSchema),
    headers: line.headers.map(({ key, value, schema }) => ({ key, value: fromExact(value), schema: schemaOf(schema) })),
  })
}

/** Key and value of a letter without an exact form; integers beyond 2^53 as text, with all their digits. */
function shownOf(text: string): KeptLetter['shown'] {
  const keep = (_: string, value: Json, context?: { readonly source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '') ? context!.source! : value
  const line = JSON.parse(text, keep as never) as { readonly key?: Json; readonly value?: Json }
  return { key: line.key ?? null, value: line.value ?? null }
}

function schemaText(schema: Schema | null): string | null {
  return schema && (schema.name === null ? schema.type : `${schema.type} ${schema.name}`)
}

function base64(content: Uint8Array | null): string | null {
  return content && Buffer.from(content.buffer, content.byteOffset, content.length).toString('base64')
}

function bytes(text: string | null): Uint8Array | null {
  if (text === null) return null
  if (typeof text !== 'string') throw new TypeError('no bytes')
  return Buffer.from(text, 'base64')
}

function textOr(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null
}

function numberOr(value: Json | undefined): number | null {
  return typeof value === 'number' ? value : null
}
