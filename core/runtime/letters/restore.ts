import type { TaskContext } from '../../contract/context.ts'
import { partitionKey, record, type ConnectRecord, type Header, type Origin, type RawRecord } from '../../contract/record.ts'
import type { KeptLetter } from './letter.ts'

/** A letter on its way back, with its number within the redrive. */
export interface NumberedLetter {
  readonly letter: KeptLetter
  readonly number: number
}

/** What restoring takes of a task. */
export type RestoreContext = Pick<TaskContext, 'converters' | 'reject'>

/**
 * Records as the source gave them: converted again from their bytes, or as they were kept. One that a converter refuses again is rejected
 * again. `mark` is told each record's origin before anything can happen to it.
 */
export async function restore(
  letters: readonly NumberedLetter[],
  redrive: string,
  { converters, reject }: RestoreContext,
  mark: (origin: Origin, letter: KeptLetter) => void,
): Promise<readonly ConnectRecord[]> {
  await prepare(letters, converters)
  const records: ConnectRecord[] = []
  for (const { letter, number } of letters) {
    const origin = originOf(redrive, letter, number)
    mark(origin, letter)
    if (letter.raw === null) {
      records.push({ ...letter.record!, origin })
      continue
    }
    const turned = convert(letter.raw, origin, converters)
    if ('record' in turned) records.push(turned.record)
    else await reject(bare(letter.raw, origin), turned.error, turned.stage)
  }
  return records
}

/** The redrive's own partition, so that replays of it are told from the source's; a log's place stays readable in it and in `raw`. */
function originOf(redrive: string, { raw }: KeptLetter, number: number): Origin {
  if (raw === null) return { partition: partitionKey({ '#redrive': redrive }), position: number, seq: 0 }
  const place = { '#redrive': redrive, kafka_topic: raw.topic, kafka_partition: raw.partition }
  return { partition: partitionKey(place), position: number, seq: 0, raw }
}

async function prepare(letters: readonly NumberedLetter[], converters: TaskContext['converters']): Promise<void> {
  const raws = letters.flatMap(({ letter }) => (letter.raw ? [letter.raw] : []))
  for (const [topic, batch] of Map.groupBy(raws, (raw) => raw.topic)) {
    await converters.key.prepare?.(
      topic,
      batch.map((raw) => raw.key),
    )
    await converters.value.prepare?.(
      topic,
      batch.map((raw) => raw.value),
    )
    const headers = batch.flatMap((raw) => raw.headers.map((header) => header.value))
    if (headers.length > 0) await converters.header.prepare?.(topic, headers)
  }
}

type Turned =
  { readonly record: ConnectRecord } | { readonly stage: 'KEY_CONVERTER' | 'VALUE_CONVERTER' | 'HEADER_CONVERTER'; readonly error: Error }

function convert(raw: RawRecord, origin: Origin, converters: TaskContext['converters']): Turned {
  let stage: 'KEY_CONVERTER' | 'VALUE_CONVERTER' | 'HEADER_CONVERTER' = 'KEY_CONVERTER'
  try {
    const key = converters.key.deserialize(raw.topic, raw.key)
    stage = 'VALUE_CONVERTER'
    const value = converters.value.deserialize(raw.topic, raw.value)
    stage = 'HEADER_CONVERTER'
    const headers = raw.headers.map((header): Header => {
      const { schema, value: content } = converters.header.deserialize(raw.topic, header.value)
      return { key: header.key, value: content, schema }
    })
    return {
      record: record(raw.topic, value.value, {
        partition: raw.partition,
        key: key.value,
        keySchema: key.schema,
        valueSchema: value.schema,
        timestamp: raw.timestamp,
        headers,
        origin,
      }),
    }
  } catch (error) {
    return { stage, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

/** The record in its bytes, where it could not be turned. */
function bare(raw: RawRecord, origin: Origin): ConnectRecord {
  const headers = raw.headers.map(({ key, value }) => ({ key, value, schema: null }))
  return record(raw.topic, raw.value, { partition: raw.partition, key: raw.key, timestamp: raw.timestamp, headers, origin })
}
