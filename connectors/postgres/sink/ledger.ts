import { FencedError, GapError, type Logger, type Offsets, type TaskContext } from '../../../core/index.ts'
import { quoteIdentifier, quoteTable } from '../connection.ts'
import { Places } from './places.ts'
import type { Session } from './session.ts'
import type { SinkSettings } from './settings.ts'
import { checkedIdentifier, parseTableName } from './table-name.ts'

/**
 * The positions of one task, in a table of the database that the rows go to, so that both are committed at once. A row has a connector's task; its
 * epoch rises with every task that takes it over, and a task of an older epoch can commit nothing any more.
 */
export class Ledger {
  readonly #context: Pick<TaskContext, 'connector' | 'task' | 'generation'>
  readonly #log: Logger
  readonly #table: string
  /** How far the partitions of logs got, whichever task had them. */
  readonly places: Places
  #epoch = ''
  #flush = 0
  #committed: Offsets | undefined
  /** The database and the runtime have been found to be at the same flush. */
  #agreed = false

  constructor(settings: SinkSettings, context: TaskContext) {
    this.#context = context
    this.#log = context.log
    const { schema, name } = parseTableName(settings.offsetsTable, settings.schema, false)
    const quoted = (text: string) => (schema === undefined ? quoteIdentifier(text) : quoteTable({ schema, name: text }))
    this.#table = quoted(name)
    this.places = new Places(quoted(checkedIdentifier(`${name}_places`, 'Table')), context)
  }

  /** What was committed when the task took over; undefined: nothing of this generation. */
  get committed(): Offsets | undefined {
    return this.#committed
  }

  /** Takes the positions over: a task of an older epoch is cut off, and its open transaction is rolled back. */
  async admit(session: Session): Promise<void> {
    const { connector, task, generation } = this.#context
    await this.#create(session)
    await this.places.prepare(session)
    await this.#endFormer(session)
    const { rows } = await session.query(
      `INSERT INTO ${this.#table} AS o (connector, task, generation, epoch, flush, backend, backend_start)
       SELECT $1, $2, $3, 1, 0, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
       ON CONFLICT (connector, task) DO UPDATE SET epoch = o.epoch + 1, generation = EXCLUDED.generation, backend = EXCLUDED.backend,
         backend_start = EXCLUDED.backend_start, positions = CASE WHEN o.generation = EXCLUDED.generation THEN o.positions END
       WHERE o.generation <= EXCLUDED.generation
       RETURNING epoch::text, flush::text, positions`,
      [connector, task, generation],
    )
    const row = rows[0]
    if (row === undefined)
      throw new FencedError(
        `The positions of connector ${connector} in ${this.#table} are of a newer generation than ${generation}: another worker has it, or this worker's store was lost. In that case DELETE them there (connector = '${connector}'), and what the source gives again is written again`,
      )
    this.#epoch = String(row['epoch'])
    this.#flush = Number(row['flush'])
    this.#committed = row['positions'] === null ? undefined : (JSON.parse(String(row['positions'])) as Offsets)
  }

  /** After the connection broke: the old one's transaction is ended, and it is known whether its commit came through. */
  async resume(session: Session): Promise<{ readonly flush: number }> {
    const { connector, task } = this.#context
    await this.#endFormer(session)
    const { rows } = await session.query(
      `UPDATE ${this.#table} o SET backend = a.pid, backend_start = a.backend_start FROM pg_stat_activity a
       WHERE a.pid = pg_backend_pid() AND o.connector = $1 AND o.task = $2 AND o.epoch = $3 RETURNING o.flush::text AS flush`,
      [connector, task, this.#epoch],
    )
    if (rows[0] === undefined) throw this.#fenced()
    const flush = Number(rows[0]['flush'])
    if (flush < this.#flush) throw this.#lost(this.#flush - flush)
    return { flush }
  }

  /** The number of the flush after the last one that is known to be committed. */
  get next(): number {
    return this.#flush + 1
  }

  /** Writes the positions in the open transaction. Throws a FencedError where another task took over. */
  async write(session: Session, offsets: Offsets): Promise<void> {
    const { connector, task } = this.#context
    this.#agree(offsets)
    const { rowCount } = await session.query(
      `UPDATE ${this.#table} SET positions = $4, flush = $5, updated = now() WHERE connector = $1 AND task = $2 AND epoch = $3`,
      [connector, task, this.#epoch, JSON.stringify(offsets), this.next],
    )
    if (rowCount !== 1) throw this.#fenced()
    await this.places.write(session)
  }

  /** The transaction with `next` is committed. */
  advance(): void {
    this.#flush++
    this.places.settle()
  }

  async #create(session: Session): Promise<void> {
    const { rows } = await session.query('SELECT to_regclass($1) IS NOT NULL AS there', [this.#table])
    if (rows[0]!['there'] === true) return
    try {
      await session.query(
        `CREATE TABLE IF NOT EXISTS ${this.#table} (connector text NOT NULL, task integer NOT NULL, generation bigint NOT NULL, epoch bigint NOT NULL, flush bigint NOT NULL,
         positions text, backend integer, backend_start timestamptz, updated timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (connector, task))`,
      )
    } catch (error) {
      // Another task made it at the same moment.
      if (!/^(23505|42P07)$/.test((error as { code?: string }).code ?? '')) throw error
    }
  }

  /** Ends the server's process of the connection that had the positions before, if it still lives: it may hold locks on rows. */
  async #endFormer(session: Session): Promise<void> {
    const { connector, task } = this.#context
    try {
      await session.query(
        `SELECT pg_terminate_backend(a.pid) FROM ${this.#table} o JOIN pg_stat_activity a ON a.pid = o.backend AND a.backend_start = o.backend_start
         WHERE o.connector = $1 AND o.task = $2 AND a.pid <> pg_backend_pid()`,
        [connector, task],
      )
    } catch (error) {
      if ((error as { code?: string }).code !== '42501') throw error
      // Of another role; its transaction is waited for, and cannot commit.
      this.#log.debug({ err: error }, 'The connection of the task before could not be ended')
    }
  }

  /** The runtime counts flushes, too, and saves its count after ours: where it is ahead of the database, commits were lost. */
  #agree(offsets: Offsets): void {
    if (this.#agreed) return
    const key = `#flush/${this.#context.task}`
    const missing = Number(offsets[key]) - Number(this.#committed?.[key]) - 1
    if (missing > 0) throw this.#lost(missing)
    this.#agreed = true
  }

  #lost(flushes: number): GapError {
    const { connector, task } = this.#context
    return new GapError(
      `The database has lost the last ${flushes} commits of connector ${connector}, task ${task} (a failover to a standby that was behind, or an older backup; also where delivery was at-least-once meanwhile): ` +
        `set the connector's offsets back to what ${this.#table} says, or delete its row there to go on without those records`,
    )
  }

  #fenced(): FencedError {
    return new FencedError(`Another task took over the positions of connector ${this.#context.connector} in ${this.#table}`)
  }
}
