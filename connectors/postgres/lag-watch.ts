import type { TaskContext } from '../../core/index.ts'
import type { Query } from './catalog.ts'
import { parseLsn, type Lsn } from './lsn.ts'
import type { Position } from './position.ts'

/** Milliseconds between two looks at the server, and between two reports. */
const lookEveryMs = 2_000
const reportEveryMs = 1_000
/** Below so much room in the slot people are warned. Bytes. */
const safeBytesMin = 512 * 1024 * 1024

/** Tells people how far behind we are: bytes between the log's end and what is durable, seconds since the oldest change that is not. */
export class LagWatch {
  readonly #query: Query
  readonly #slot: string
  readonly #context: TaskContext
  #reading: Position | undefined
  #durable: Lsn = 0
  #durableTimeUs = 0
  #serverLsn: Lsn = 0
  #lookedAt = 0
  #reportedAt = 0
  #looking = false
  #warned = false

  constructor(query: Query, slot: string, context: TaskContext) {
    this.#query = query
    this.#slot = slot
    this.#context = context
  }

  /** The stream has been read up to here. */
  read(position: Position): void {
    this.#reading = position
  }

  /** The sink has it durably up to here. */
  durable(position: Position): void {
    this.#durable = position.lsn
    this.#durableTimeUs = position.timeUs
  }

  /** Called often; looks and reports when it is time. */
  tick(): void {
    const now = performance.now()
    if (this.#reading === undefined) return
    if (!this.#looking && now - this.#lookedAt >= lookEveryMs) {
      this.#lookedAt = now
      this.#looking = true
      void this.#look()
    }
    if (now - this.#reportedAt < reportEveryMs) return
    this.#reportedAt = now
    const behind = this.#reading.lsn > this.#durable && this.#reading.timeUs > this.#durableTimeUs
    const since = this.#durableTimeUs === 0 ? this.#reading.timeUs : this.#durableTimeUs
    this.#context.report({
      phase: 'streaming',
      lag: {
        bytes: this.#serverLsn === 0 ? null : Math.max(0, this.#serverLsn - this.#durable),
        seconds: behind ? Math.max(0, Date.now() / 1000 - since / 1e6) : 0,
      },
    })
  }

  async #look(): Promise<void> {
    try {
      const { rows } = await this.#query(
        `SELECT (CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_receive_lsn() ELSE pg_catalog.pg_current_wal_lsn() END)::text AS lsn,
                (SELECT safe_wal_size::text FROM pg_catalog.pg_replication_slots WHERE slot_name = $1) AS safe`,
        [this.#slot],
      )
      const row = rows[0]!
      if (typeof row.lsn === 'string') this.#serverLsn = parseLsn(row.lsn)
      const safe = row.safe === null ? Number.POSITIVE_INFINITY : Number(row.safe)
      if (safe < safeBytesMin && !this.#warned) {
        this.#context.log.warn(
          { slot: this.#slot, bytesLeft: safe },
          'The slot will be given up by the server when so much more is written to its log (max_slot_wal_keep_size): changes would be lost',
        )
      }
      this.#warned = safe < safeBytesMin
    } catch (error) {
      // The stream itself finds out whether the server is gone; this is only for show.
      this.#context.log.debug({ err: error }, 'The lag could not be looked up')
    } finally {
      this.#looking = false
    }
  }
}
