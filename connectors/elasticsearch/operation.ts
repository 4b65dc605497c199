import { DataError, type ConnectRecord } from '../../core/index.ts'
import { pairs, type ElasticsearchConfig } from './config.ts'
import { streamNaming, streamDocument } from './stream.ts'
import { documentWriter, type DocumentWriter } from './document.ts'
import { headerVersion, idFromFields, idFromKey, idFromPlace } from './identity.ts'
import { checked, indexNaming, type IndexNaming } from './index-name.ts'

/** What one or two lines of a bulk request are about. */
export interface Operation {
  readonly record: ConnectRecord
  readonly index: string
  readonly id: string
  readonly kind: 'index' | 'create' | 'update' | 'delete'
  /** The version decides which of two writes stays, so a conflict means that a newer one is there already. */
  readonly versioned: boolean
  /** It must come after those before it for the same document. */
  readonly ordered: boolean
}

/** An operation and its lines: `head`, the document if there is one, `tail`. */
export interface Planned {
  readonly operation: Operation
  readonly head: string
  readonly document: string | Uint8Array | null
  readonly tail: string
}

/** Turns records into operations. null: the record asks for nothing. Throws a DataError that says why it makes none. */
export type Planner = (record: ConnectRecord) => Planned | null

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
  const deletes = lineWriter('delete')
  const writes = lineWriter(kind)
  return (record) => {
    if (record.value === null) {
      if (nulls === 'IGNORE') return null
      if (nulls === 'FAIL') {
        throw new DataError(`A record of topic ${record.topic} has no value (a tombstone); set behavior.on.null.values to delete or ignore`)
      }
      return deletes(record, nameOf(record), identify(record, true), null)
    }
    return writes(record, nameOf(record), identify(record, false), document(record))
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

/** Writes the lines of one kind. What stands before the id is kept, as one index mostly follows itself. */
function lineWriter(
  kind: Operation['kind'],
): (record: ConnectRecord, index: string, identity: Identity, document: string | Uint8Array | null) => Planned {
  const retries = kind === 'update' ? `,"retry_on_conflict":${conflictRetries}` : ''
  const end = `${retries}}}\n${kind === 'update' ? '{"doc":' : ''}`
  const tail = kind === 'update' ? ',"doc_as_upsert":true}\n' : '\n'
  let lastIndex: string | undefined
  let start = ''
  return (record, index, { id, version, ordered }, document) => {
    if (index !== lastIndex) {
      lastIndex = index
      start = `{"${kind}":{"_index":${quoted(index)},"_id":`
    }
    const head = start + quoted(id) + version + end
    return { operation: { record, index, id, kind, versioned: version !== '', ordered }, head, document, tail }
  }
}

function quoted(text: string): string {
  return /^[\w.:+-]*$/.test(text) ? `"${text}"` : JSON.stringify(text)
}
