import { DataError, type ConnectRecord } from '../../core/index.ts'
import { pairs, type ElasticsearchConfig } from './config.ts'
import { streamNaming, streamDocument } from './stream.ts'
import { documentWriter, type DocumentWriter } from './document.ts'
import { headerVersion, idFromFields, idFromKey, idFromPlace } from './identity.ts'
import { checked, indexNaming, type IndexNaming } from './index-name.ts'

/** One line or two of a bulk request. */
export interface Operation {
  readonly record: ConnectRecord
  readonly index: string
  readonly id: string
  readonly kind: 'index' | 'create' | 'update' | 'delete'
  /** First line: what to do. */
  readonly action: string
  /** Second line; null for a delete. */
  readonly document: string | Uint8Array | null
  /** About the bytes of both. */
  readonly bytes: number
  /** The version decides which of two writes stays, so a conflict means that a newer one is there already. */
  readonly versioned: boolean
  /** It must come after those before it for the same document. */
  readonly ordered: boolean
}

/** Turns records into operations. null: the record asks for nothing. Throws a DataError that says why it makes none. */
export type Planner = (record: ConnectRecord) => Operation | null

/** How often the server itself tries an update again that met another one. */
const conflictRetries = 5

/** The plan that a config stands for. */
export function planner(config: ElasticsearchConfig): Planner {
  const streaming = config['data.stream.type'].toUpperCase() !== 'NONE'
  const nameOf = naming(config)
  const write = documentWriter(config['compact.map.entries'])
  const document: DocumentWriter = streaming || isStream(config) ? streamDocument(write, config['data.stream.timestamp.field']) : write
  const nulls = config['behavior.on.null.values'].toUpperCase()
  const kind = streaming || isStream(config) ? 'create' : config['write.method'].toUpperCase() === 'UPSERT' ? 'update' : 'index'
  const identify = kind === 'create' ? placed : identifier(config, kind === 'index')
  return (record) => {
    if (record.value === null) {
      if (nulls === 'IGNORE') return null
      if (nulls === 'FAIL') {
        throw new DataError(`A record of topic ${record.topic} has no value (a tombstone); set behavior.on.null.values to delete or ignore`)
      }
      const { id, version, ordered } = identify(record, true)
      return operation(record, nameOf(record), id, 'delete', version, ordered, null)
    }
    const { id, version, ordered } = identify(record, false)
    return operation(record, nameOf(record), id, kind, version, ordered, document(record))
  }
}

/** Whether records go to data streams that somebody else made. */
export function isStream(config: ElasticsearchConfig): boolean {
  return /DATASTREAM$/i.test(config['external.resource.usage'])
}

function naming(config: ElasticsearchConfig): IndexNaming {
  if (config['data.stream.type'].toUpperCase() !== 'NONE') return streamNaming(config)
  const byFormat = indexNaming(config['index.name.format'], config['index.name.timestamp.field'])
  const mapped = pairs(config['topic.to.external.resource.mapping'])
  if (mapped.size === 0) return byFormat
  return (record) => {
    const name = mapped.get(record.topic)
    return name === undefined ? byFormat(record) : checked(name, record)
  }
}

interface Identity {
  readonly id: string
  /** `"version":..,"version_type":..`, or nothing. */
  readonly version: string
  readonly ordered: boolean
}

/** A data stream takes each document once and for all: with ids from keys, all but the first of a key would be left out. */
function placed(record: ConnectRecord): Identity {
  return { id: idFromPlace(record), version: '', ordered: false }
}

/** `versions`: whether documents are replaced as a whole, so that the newest version is all that counts. */
function identifier(config: ElasticsearchConfig, versions: boolean): (record: ConnectRecord, deletes: boolean) => Identity {
  const header = config['external.version.header']
  const fields = config['document.id.fields']
  const ignored = new Set(config['topic.key.ignore'])
  return (record, deletes) => {
    const byHeader = header !== undefined && versions ? `,"version":${headerVersion(record, header)},"version_type":"external"` : ''
    // A tombstone has no fields.
    if (fields.length > 0 && !deletes) return { id: idFromFields(record, fields), version: byHeader, ordered: byHeader === '' }
    if (config['key.ignore'] || ignored.has(record.topic)) return { id: idFromPlace(record), version: byHeader, ordered: false }
    const id = idFromKey(record)
    if (byHeader !== '' || !versions || fields.length > 0 || record.origin === null)
      return { id, version: byHeader, ordered: byHeader === '' }
    const { position, seq } = record.origin
    // Where several changes share a position, those of one position are taken in order; a replay of it begins with the first of them.
    if (seq > 0) return { id, version: `,"version":${position},"version_type":"external_gte"`, ordered: true }
    return { id, version: `,"version":${position},"version_type":"external"`, ordered: false }
  }
}

function operation(
  record: ConnectRecord,
  index: string,
  id: string,
  kind: Operation['kind'],
  version: string,
  ordered: boolean,
  document: string | Uint8Array | null,
): Operation {
  const retries = kind === 'update' ? `,"retry_on_conflict":${conflictRetries}` : ''
  const action = `{"${kind}":{"_index":${quoted(index)},"_id":${quoted(id)}${version}${retries}}}`
  const line = kind === 'update' ? upsert(document!) : document
  // Looked at, a text that was joined from parts becomes one piece: it waits in memory, and hundreds of parts cost more than their text.
  if (typeof line === 'string') line.charCodeAt(line.length - 1)
  const bytes = action.length + (line === null ? 1 : line.length + 2)
  return { record, index, id, kind, action, document: line, bytes, versioned: version !== '', ordered }
}

function upsert(document: string | Uint8Array): string {
  return `{"doc":${typeof document === 'string' ? document : Buffer.from(document.buffer, document.byteOffset, document.length).toString('utf8')},"doc_as_upsert":true}`
}

function quoted(text: string): string {
  return /^[\w.:+-]*$/.test(text) ? `"${text}"` : JSON.stringify(text)
}
