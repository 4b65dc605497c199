import { DataError, type ConnectRecord, type Offsets, type SinkTask, type TaskContext } from '../../../core/index.ts'
import { ChangeReader, type Change } from './change.ts'
import type { Form } from './chunk.ts'
import { Forms } from './forms.ts'
import { Ledger } from './ledger.ts'
import { settingsOf, type SinkConfig, type SinkSettings } from './settings.ts'
import { namesBySource } from './table-name.ts'
import { TransactionWindow } from './transaction-window.ts'

interface Refused {
  readonly record: ConnectRecord
  readonly error: DataError
}

/** A change that is wanted, and how it gets into its table. */
interface Placed {
  readonly change: Change
  readonly form: Form
  /** The same row under its new key: the row is moved first. */
  readonly moved: Change | undefined
}

/** Debezium makes a changed key a delete and a create, and names the other key in a header of each. */
const newKeyHeader = '__debezium.newkey'
const oldKeyHeader = '__debezium.oldkey'

/**
 * Writes records to tables of Postgres. What lies between two flushes is one transaction, with the positions in it, so each record has its
 * effect once; full chunks are written while more records come in.
 */
export class PostgresSinkTask implements SinkTask {
  readonly #settings: SinkSettings
  readonly #context: TaskContext
  readonly #reader: ChangeReader
  readonly #forms: Forms
  readonly #ledger: Ledger | undefined
  readonly #window: TransactionWindow
  readonly committed?: () => Promise<Offsets | undefined>
  readonly #told = new Set<string>()
  readonly #refusesTombstones: boolean
  readonly #namedBySource: boolean
  /** Records were taken in part: nothing may be committed any more. */
  #broken: unknown

  /** `refusesTombstones`: those that are not to delete anything are errors, as in Confluent's sink, and not left out. */
  constructor(config: SinkConfig, context: TaskContext, { refusesTombstones = false } = {}) {
    this.#settings = settingsOf(config)
    this.#refusesTombstones = refusesTombstones
    this.#context = context
    this.#reader = new ChangeReader(this.#settings.placeholder)
    this.#namedBySource = namesBySource(this.#settings)
    this.#forms = new Forms(this.#settings, context.log)
    if (this.#settings.exactlyOnce) {
      const ledger = new Ledger(this.#settings, context)
      this.#ledger = ledger
      this.committed = () => Promise.resolve(ledger.committed)
    }
    this.#window = new TransactionWindow(this.#settings, context, this.#ledger)
  }

  open(): Promise<void> {
    return this.#window.open()
  }

  async put(records: readonly ConnectRecord[], kill: AbortSignal): Promise<void> {
    this.#check()
    await this.#window.ready()
    await this.#window.room()
    kill.throwIfAborted()
    const refused: Refused[] = []
    const fresh = await this.#fresh(records)
    const placed = await this.#place(fresh, refused)
    // From here on the records are taken: whatever fails now has taken some, so the task cannot go on.
    try {
      for (const one of placed) this.#add(one, refused)
      for (const { origin } of fresh) this.#ledger?.places.take(origin)
      for (const { record, error } of refused) await this.#context.reject(record, error)
    } catch (error) {
      this.#broken = error
      throw error
    }
    this.#window.kick()
  }

  async flush(offsets: Offsets): Promise<void> {
    this.#check()
    await this.#window.commit(offsets)
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#window[Symbol.asyncDispose]()
  }

  #check(): void {
    if (this.#broken !== undefined) throw new Error('The sink took a batch in part and must start again', { cause: this.#broken })
  }

  /** The records without those that the database has: another task may have committed them, and lost their partition to this one. */
  async #fresh(records: readonly ConnectRecord[]): Promise<readonly ConnectRecord[]> {
    const places = this.#ledger?.places
    if (!places) return records
    const unknown = places.unknown(records.map(({ origin }) => origin))
    if (unknown.length > 0) await this.#window.ask((session) => places.load(session, unknown))
    return records.some(({ origin }) => places.has(origin)) ? records.filter(({ origin }) => !places.has(origin)) : records
  }

  /** The records as changes of their tables; nothing is taken yet. Asks the server for a form that is new, and for nothing else. */
  async #place(records: readonly ConnectRecord[], refused: Refused[]): Promise<readonly Placed[]> {
    const placed: Placed[] = []
    for (let index = 0; index < records.length; index++) {
      const record = records[index]!
      try {
        const change = this.#reader.read(record)
        if (!this.#wanted(change)) continue
        const form = this.#forms.known(change) ?? (await this.#newForm(change))
        if (form === undefined) {
          this.#tell(
            `absent/${record.topic}`,
            record.topic,
            'Deletes are left out as long as the table is not there: its first row makes it',
          )
          continue
        }
        const moves = form.op === 'delete' && record.headers.length > 0 && this.#movesTo(records, index)
        placed.push({ change, form, moved: moves ? moved(change) : undefined })
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        refused.push({ record, error })
      }
    }
    return placed
  }

  #add({ change, form, moved }: Placed, refused: Refused[]): void {
    const { record } = change
    const inserts = this.#settings.mode === 'insert' && form.op === 'write'
    try {
      if (inserts && form.partial)
        throw new DataError(
          `Topic ${record.topic}: the record does not carry all columns, so it is no row to insert; use insert.mode=upsert`,
        )
      if (moved) this.#window.add({ ...form, op: 'move' }, change, true, moved)
      this.#window.add(form, change, !inserts)
    } catch (error) {
      if (!(error instanceof DataError)) throw error
      refused.push({ record, error })
    }
  }

  /** True: the record is the first half of a changed key, and the other half, right behind it, lacks columns of the row. */
  #movesTo(records: readonly ConnectRecord[], index: number): boolean {
    if (this.#settings.mode === 'insert' || !records[index]!.headers.some(({ key }) => key === newKeyHeader)) return false
    // A tombstone may lie between them.
    const next = [records[index + 1], records[index + 2]].find((one) => one?.headers.some(({ key }) => key === oldKeyHeader))
    return next !== undefined && this.#reader.read(next).unavailable.length > 0
  }

  #newForm(change: Change): Promise<Form | undefined> {
    return this.#window.ask((session) => this.#forms.make(session, change))
  }

  /** Left out are records that are no rows, and what the config says to leave out. Throws a DataError for a tombstone that is refused. */
  #wanted({ op, record, rowSchema }: Change): boolean {
    const { deletes, truncates } = this.#settings
    if (op === 'skip')
      return this.#tell(
        `${record.topic}/${rowSchema?.name ?? ''}`,
        record.topic,
        'Records that are no rows (heartbeats and the like) are left out',
      )
    if (op === 'delete' && !deletes && record.value === null && this.#refusesTombstones) {
      throw new DataError(
        `Topic ${record.topic}: the record has no value (a tombstone), which delete.enabled=false refuses; set delete.enabled=true with pk.mode=record_key, ` +
          'or leave tombstones out (transform Filter with the predicate RecordIsTombstone)',
      )
    }
    if (op === 'delete' && !deletes)
      return this.#tell(`delete/${record.topic}`, record.topic, 'Deletes are left out (delete.enabled=false)')
    // Only a change event says where it comes from: a delete does, and then its tombstone has nothing left to do (Debezium's sink does the same).
    if (record.value === null && this.#namedBySource) {
      const message = 'Tombstones are left out, since the name of the table is in change events only; deletes are applied from those'
      return this.#tell(`tombstone/${record.topic}`, record.topic, message)
    }
    if (op === 'truncate' && !truncates)
      return this.#tell(`truncate/${record.topic}`, record.topic, 'TRUNCATE is left out (truncate.enabled=false)')
    return true
  }

  #tell(key: string, topic: string, message: string): false {
    if (!this.#told.has(key)) this.#context.log.warn({ topic }, message)
    this.#told.add(key)
    return false
  }
}

function moved(change: Change): Change {
  const { record } = change
  return { ...change, record: { ...record, key: record.headers.find(({ key }) => key === newKeyHeader)!.value } }
}
