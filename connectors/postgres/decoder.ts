import { readLsn, readUint32, type Lsn } from './lsn.ts'
import { nullColumn, unchangedColumn, type Relation, type RelationColumn, type TupleView } from './tuple.ts'

/** Tags of pgoutput's messages, protocol version 1 (PostgreSQL documentation, "Logical Replication Message Formats"). */
export const pgOutputTag = {
  begin: 0x42,
  commit: 0x43,
  origin: 0x4f,
  relation: 0x52,
  type: 0x59,
  insert: 0x49,
  update: 0x55,
  delete: 0x44,
  truncate: 0x54,
  message: 0x4d,
} as const

export type PgOutputTag = (typeof pgOutputTag)[keyof typeof pgOutputTag]

/** Microseconds between 1970-01-01 and 2000-01-01, where Postgres' clock starts. */
export const postgresEpochUs = 946_684_800_000_000

const tagKey = 0x4b
const tagOld = 0x4f
const tagNew = 0x4e
const tagNull = 0x6e
const tagUnchanged = 0x75
const tagText = 0x74
const identities: Readonly<Record<number, Relation['replicaIdentity']>> = { 0x64: 'default', 0x6e: 'nothing', 0x66: 'full', 0x69: 'index' }
const emptyBuffer = Buffer.alloc(0)
/** No oid on the wire is negative, so this matches none. */
const noRelation: Relation = { oid: -1, schema: '', name: '', replicaIdentity: 'default', columns: [] }

/** The server sent what the protocol does not allow, or the bytes were damaged on the way. Decoding cannot go on. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/**
 * Reads pgoutput messages, protocol version 1. Pure: bytes in, fields out, no I/O. One object is reused for all messages, so that a row
 * costs no allocation: read its fields before the next `decode`. The views point into the buffer that was given.
 *
 * Never reads outside of the message; a message that is cut, too long or inconsistent is a ProtocolError.
 */
export class PgOutputDecoder {
  /** Of insert, update, delete and relation messages. The same object until the server describes the table anew. */
  relation: Relation = noRelation
  /** Of insert and update. */
  readonly newRow: TupleView = { buffer: emptyBuffer, starts: new Int32Array(32), ends: new Int32Array(32), count: 0 }
  /** Of update and delete where `oldRowKind` is not null. */
  readonly oldRow: TupleView = { buffer: emptyBuffer, starts: new Int32Array(32), ends: new Int32Array(32), count: 0 }
  /** key: only the columns of the replica identity have values, the others are NULL in the view. full: all columns. */
  oldRowKind: 'key' | 'full' | null = null
  /** Of begin: where the transaction's commit record starts. */
  finalLsn: Lsn = 0
  /** Of begin and commit: microseconds since 1970, by the server's clock. */
  commitTimeUs = 0
  /** Of begin: unsigned 32-bit, wraps around. */
  xid = 0
  /** Of commit: where the commit record starts, and where it ends. */
  commitLsn: Lsn = 0
  endLsn: Lsn = 0
  /** Of origin messages: the upstream node that the transaction came from. */
  originName = ''
  originLsn: Lsn = 0
  /** Of truncate. */
  truncated: readonly Relation[] = []
  /** Of logical messages. */
  messageTransactional = false
  messageLsn: Lsn = 0
  messagePrefix = ''
  messageContent: Buffer = emptyBuffer

  readonly #relations = new Map<number, Relation>()
  #buffer: Buffer = emptyBuffer
  #position = 0
  #end = 0

  /** Reads the message that is `buffer[start .. end)` and gives its tag; its content is then in the fields above. */
  decode(buffer: Buffer, start: number, end: number): PgOutputTag {
    if (start < 0 || start >= end || end > buffer.length)
      throw new ProtocolError(`A pgoutput message of ${end - start} bytes is empty or cut`)
    this.#buffer = buffer
    this.#position = start + 1
    this.#end = end
    const tag = buffer[start] as PgOutputTag
    switch (tag) {
      case pgOutputTag.insert:
        this.#rowRelation()
        this.#expectTag(tagNew, 'insert')
        this.#tuple(this.newRow)
        break
      case pgOutputTag.update:
        this.#update()
        break
      case pgOutputTag.delete:
        this.#rowRelation()
        this.#oldTuple(this.#byte(), 'delete')
        break
      case pgOutputTag.begin:
        this.finalLsn = this.#lsn()
        this.commitTimeUs = this.#time()
        this.xid = this.#uint32()
        break
      case pgOutputTag.commit:
        this.#byte()
        this.commitLsn = this.#lsn()
        this.endLsn = this.#lsn()
        this.commitTimeUs = this.#time()
        break
      case pgOutputTag.relation:
        this.#describe()
        break
      case pgOutputTag.truncate:
        this.#truncate()
        break
      case pgOutputTag.message:
        this.#message()
        break
      case pgOutputTag.origin:
        this.originLsn = this.#lsn()
        this.originName = this.#text()
        break
      case pgOutputTag.type:
        // Oid, schema and name of a type; what it means is looked up in the catalog.
        this.#uint32()
        this.#text()
        this.#text()
        break
      default:
        tag satisfies never
        throw new ProtocolError(`pgoutput message with the unknown tag 0x${buffer[start]!.toString(16)}`)
    }
    if (this.#position !== end)
      throw new ProtocolError(`pgoutput message "${String.fromCharCode(tag)}" has ${end - this.#position} bytes too many`)
    return tag
  }

  /** Forgets all tables: a new connection describes them anew. */
  reset(): void {
    this.#relations.clear()
    this.relation = noRelation
  }

  #update(): void {
    this.#rowRelation()
    let tag = this.#byte()
    this.oldRowKind = null
    if (tag !== tagNew) {
      this.#oldTuple(tag, 'update')
      tag = this.#byte()
    }
    if (tag !== tagNew) throw new ProtocolError(`pgoutput update has 0x${tag.toString(16)} where its new row should be`)
    this.#tuple(this.newRow)
  }

  #oldTuple(tag: number, message: string): void {
    if (tag !== tagKey && tag !== tagOld)
      throw new ProtocolError(`pgoutput ${message} has 0x${tag.toString(16)} where its old row should be`)
    this.oldRowKind = tag === tagKey ? 'key' : 'full'
    this.#tuple(this.oldRow)
  }

  #rowRelation(): void {
    const oid = this.#uint32()
    if (oid !== this.relation.oid) this.relation = this.#known(oid)
  }

  #known(oid: number): Relation {
    const relation = this.#relations.get(oid)
    if (!relation) throw new ProtocolError(`pgoutput refers to the relation ${oid}, which it has not described`)
    return relation
  }

  #tuple(view: TupleView): void {
    const buffer = this.#buffer
    const end = this.#end
    const count = this.#uint16()
    if (count !== this.relation.columns.length) {
      throw new ProtocolError(`A row of ${nameOf(this.relation)} has ${count} columns; its description has ${this.relation.columns.length}`)
    }
    if (count > view.starts.length) {
      view.starts = new Int32Array(count)
      view.ends = new Int32Array(count)
    }
    const { starts, ends } = view
    let position = this.#position
    for (let i = 0; i < count; i++) {
      if (position >= end) throw cut()
      const kind = buffer[position++]
      if (kind === tagText) {
        if (position + 4 > end) throw cut()
        const length = readUint32(buffer, position)
        position += 4
        if (length > end - position) throw cut()
        starts[i] = position
        position += length
        ends[i] = position
      } else if (kind === tagNull) {
        starts[i] = nullColumn
        ends[i] = nullColumn
      } else if (kind === tagUnchanged) {
        starts[i] = unchangedColumn
        ends[i] = unchangedColumn
      } else {
        throw new ProtocolError(`A column of ${nameOf(this.relation)} is in the unknown form 0x${kind!.toString(16)}`)
      }
    }
    view.buffer = buffer
    view.count = count
    this.#position = position
  }

  #describe(): void {
    const oid = this.#uint32()
    const schema = this.#text() || 'pg_catalog'
    const name = this.#text()
    const letter = this.#byte()
    const replicaIdentity = identities[letter]
    if (!replicaIdentity) throw new ProtocolError(`Relation ${schema}.${name} has the unknown replica identity 0x${letter.toString(16)}`)
    const count = this.#uint16()
    const columns: RelationColumn[] = []
    for (let i = 0; i < count; i++) {
      const flags = this.#byte()
      columns.push({ identity: (flags & 1) === 1, name: this.#text(), typeOid: this.#uint32(), typeModifier: this.#uint32() | 0 })
    }
    this.relation = { oid, schema, name, replicaIdentity, columns }
    this.#relations.set(oid, this.relation)
  }

  #truncate(): void {
    const count = this.#uint32()
    this.#byte()
    if (count * 4 > this.#end - this.#position) throw cut()
    const relations: Relation[] = []
    for (let i = 0; i < count; i++) relations.push(this.#known(this.#uint32()))
    this.truncated = relations
  }

  #message(): void {
    this.messageTransactional = (this.#byte() & 1) === 1
    this.messageLsn = this.#lsn()
    this.messagePrefix = this.#text()
    const length = this.#uint32()
    if (length > this.#end - this.#position) throw cut()
    this.messageContent = this.#buffer.subarray(this.#position, this.#position + length)
    this.#position += length
  }

  #byte(): number {
    if (this.#position >= this.#end) throw cut()
    return this.#buffer[this.#position++]!
  }

  #expectTag(tag: number, message: string): void {
    const found = this.#byte()
    if (found !== tag) throw new ProtocolError(`pgoutput ${message} has 0x${found.toString(16)} where its new row should be`)
  }

  #uint16(): number {
    if (this.#position + 2 > this.#end) throw cut()
    const value = (this.#buffer[this.#position]! << 8) | this.#buffer[this.#position + 1]!
    this.#position += 2
    return value
  }

  #uint32(): number {
    if (this.#position + 4 > this.#end) throw cut()
    const value = readUint32(this.#buffer, this.#position)
    this.#position += 4
    return value
  }

  #lsn(): Lsn {
    if (this.#position + 8 > this.#end) throw cut()
    this.#position += 8
    try {
      return readLsn(this.#buffer, this.#position - 8)
    } catch (error) {
      throw new ProtocolError('pgoutput carries an impossible LSN', { cause: error })
    }
  }

  #time(): number {
    if (this.#position + 8 > this.#end) throw cut()
    const value = Number(this.#buffer.readBigInt64BE(this.#position)) + postgresEpochUs
    if (!Number.isSafeInteger(value)) throw new ProtocolError(`pgoutput carries the commit time ${value} us, which is beyond any clock`)
    this.#position += 8
    return value
  }

  #text(): string {
    const stop = this.#buffer.indexOf(0, this.#position)
    if (stop === -1 || stop >= this.#end) throw cut()
    const text = this.#buffer.toString('utf8', this.#position, stop)
    this.#position = stop + 1
    return text
  }
}

function cut(): ProtocolError {
  return new ProtocolError('A pgoutput message ends before its content does')
}

function nameOf(relation: Relation): string {
  return `${relation.schema}.${relation.name}`
}
