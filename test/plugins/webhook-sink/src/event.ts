import { jsonText, type ConnectRecord } from 'millrace'

/** A record as it is sent. */
export interface Event {
  readonly record: ConnectRecord
  /** The same however often the record comes: what the receiver tells repeats by. Null: the record has no place to come back to. */
  readonly id: string | null
  readonly json: string
  readonly bytes: number
}

/** Throws a DataError for a value that has no form in JSON. 64-bit integers and decimals are numbers with all their digits. */
export function eventOf(record: ConnectRecord): Event {
  const { origin, topic, timestamp } = record
  const id = origin && `${origin.partition}@${origin.position}.${origin.seq}`
  const json = `{"id":${JSON.stringify(id)},"topic":${JSON.stringify(topic)},"timestamp":${timestamp},"key":${jsonText(record.key)},"value":${jsonText(record.value)}}`
  return { record, id, json, bytes: Buffer.byteLength(json) }
}
