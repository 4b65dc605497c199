import { DataError, type ConnectRecord } from '../../core/index.ts'
import type { ElasticsearchConfig } from './config.ts'
import type { DocumentWriter } from './document.ts'
import { memberAt } from './field-at.ts'
import { checked, fieldMs, type IndexNaming } from './index-name.ts'

/** Longest dataset and namespace (Elastic's data stream naming scheme). Bytes. */
const partBytesMax = 100

/** `<type>-<dataset>-<namespace>`, with the topic in either part. */
export function streamNaming(config: ElasticsearchConfig): IndexNaming {
  const known = new Map<string, string>()
  const part = (format: string, record: ConnectRecord): string => {
    // The scheme has hyphens only between its parts.
    const text = format.replaceAll('${topic}', record.topic.toLowerCase())
    if (Buffer.byteLength(text) <= partBytesMax) return text
    throw new DataError(
      `"${text}" is longer than the ${partBytesMax} bytes that a part of a data stream's name may have; set data.stream.namespace`,
    )
  }
  return (record) => {
    let name = known.get(record.topic)
    if (name === undefined) {
      const parts = [config['data.stream.dataset'], config['data.stream.namespace']].map((format) => part(format, record))
      name = checked([config['data.stream.type'], ...parts].join('-'), record)
      known.set(record.topic, name)
    }
    return name
  }
}

/** Puts @timestamp in front of documents that have none: from the first of the fields that is a time, else the time of the record. */
export function streamDocument(write: DocumentWriter, fields: readonly string[]): DocumentWriter {
  return (record) => {
    const written = write(record)
    const { value, valueSchema } = record
    if (typeof value === 'string' || value instanceof Uint8Array) {
      // Not parsed for this: a document that passes as it is brings its own.
      return written
    }
    if (memberAt(value, valueSchema, '@timestamp').value !== null) return written
    const ms = fields.map((path) => fieldMs(record, path)).find((one) => one !== undefined && !Number.isNaN(one)) ?? record.timestamp
    if (ms === null) {
      throw new DataError(`A record of topic ${record.topic} has no time for @timestamp; name a field of it in data.stream.timestamp.field`)
    }
    const text = written as string
    // A null of its own is taken out of the way by the later one of the same name being refused; so such documents are refused here.
    if (Object.hasOwn(value as object, '@timestamp')) throw new DataError(`"@timestamp" of a record of topic ${record.topic} is null`)
    return `{"@timestamp":${Math.floor(ms)}${text === '{}' ? '' : ','}${text.slice(1)}`
  }
}
