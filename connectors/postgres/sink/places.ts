import { FencedError, type Origin, type TaskContext } from '../../../core/index.ts'
import type { Session } from './session.ts'

/**
 * How far each partition of a log got into the database, for logs whose positions are unique (Kafka, files): a partition may go from task to task, and
 * the one that gets it may read again what the other has committed. Such records are left out; and two tasks that hold the same partition
 * cannot both commit.
 */
export class Places {
  readonly #context: Pick<TaskContext, 'connector' | 'generation'>
  readonly #table: string
  /** As committed; -1: nothing. */
  readonly #known = new Map<string, number>()
  readonly #taken = new Map<string, number>()

  /** `table`: quoted. */
  constructor(table: string, context: Pick<TaskContext, 'connector' | 'generation'>) {
    this.#table = table
    this.#context = context
  }

  /** Makes the table, and forgets older generations. */
  async prepare(session: Session): Promise<void> {
    const { connector, generation } = this.#context
    const { rows } = await session.query('SELECT to_regclass($1) IS NOT NULL AS there', [this.#table])
    if (rows[0]!['there'] !== true) {
      try {
        await session.query(
          `CREATE TABLE IF NOT EXISTS ${this.#table} (connector text NOT NULL, generation bigint NOT NULL, partition text NOT NULL, position bigint NOT NULL, PRIMARY KEY (connector, generation, partition))`,
        )
      } catch (error) {
        // Another task made it at the same moment.
        if (!/^(23505|42P07)$/.test((error as { code?: string }).code ?? '')) throw error
      }
    }
    await session.query(`DELETE FROM ${this.#table} WHERE connector = $1 AND generation < $2`, [connector, generation])
  }

  /** The partitions among these that nothing is known of yet. */
  unknown(origins: Iterable<Origin | null>): readonly string[] {
    const found = new Set<string>()
    let last: string | undefined
    for (const origin of origins) {
      if (origin === null || origin.seq !== 0 || origin.partition === last) continue
      last = origin.partition
      if (!this.#known.has(last)) found.add(last)
    }
    return [...found]
  }

  async load(session: Session, partitions: readonly string[]): Promise<void> {
    const { connector, generation } = this.#context
    const { rows } = await session.query(
      `SELECT partition, position::text AS position FROM ${this.#table} WHERE connector = $1 AND generation = $2 AND partition = ANY ($3)`,
      [connector, generation, partitions],
    )
    for (const partition of partitions) this.#known.set(partition, -1)
    for (const row of rows) this.#known.set(String(row['partition']), Number(row['position']))
  }

  /** True: the database has this record already. */
  has(origin: Origin | null): boolean {
    return origin !== null && origin.seq === 0 && origin.position <= (this.#known.get(origin.partition) ?? -1)
  }

  take(origin: Origin | null): void {
    if (origin !== null && origin.seq === 0)
      this.#taken.set(origin.partition, Math.max(origin.position, this.#taken.get(origin.partition) ?? -1))
  }

  /** Writes the places of what was taken in the open transaction. Throws a FencedError where another task has moved one of them. */
  async write(session: Session): Promise<void> {
    if (this.#taken.size === 0) return
    const { connector, generation } = this.#context
    const moved = [...this.#taken].map(([partition, position]) => ({ partition, position, known: this.#known.get(partition) ?? -1 }))
    const values = [
      connector,
      generation,
      moved.map((one) => one.partition),
      moved.map((one) => one.position),
      moved.map((one) => one.known),
    ]
    const source = 'unnest($3::text[], $4::bigint[], $5::bigint[]) u (partition, position, known)'
    const updated = await session.query(
      `UPDATE ${this.#table} p SET position = u.position FROM ${source} WHERE p.connector = $1 AND p.generation = $2 AND p.partition = u.partition AND p.position = u.known`,
      values,
    )
    const inserted = await session.query(
      `INSERT INTO ${this.#table} (connector, generation, partition, position) SELECT $1, $2, u.partition, u.position FROM ${source} WHERE u.known < 0 ON CONFLICT DO NOTHING`,
      values,
    )
    if ((updated.rowCount ?? 0) + (inserted.rowCount ?? 0) !== moved.length) {
      throw new FencedError(
        `Another task of connector ${connector} has committed records of the same partitions (${moved.map((one) => one.partition).join(', ')})`,
      )
    }
  }

  /** What was written is committed. */
  settle(): void {
    for (const [partition, position] of this.#taken) this.#known.set(partition, position)
    this.#taken.clear()
  }
}
