import { setTimeout as sleep } from 'node:timers/promises'
import { RetriableError, type Logger } from '../../core/index.ts'
import type { Query } from './catalog.ts'

export interface VisibilityLimits {
  /** Waiting for longer is told in the log. Milliseconds. */
  readonly warnAfterMs: number
  /** Waiting for longer is an error. Milliseconds. */
  readonly failAfterMs: number
}

const defaultLimits: VisibilityLimits = { warnAfterMs: 5_000, failAfterMs: 60_000 }
/** Milliseconds between two looks: at first, and at most. */
const firstPauseMs = 1
const pauseMsMax = 100

/**
 * Whether ordinary connections see what a transaction of the stream did. The server sends a commit once its record is in the log, and only
 * then, with synchronous replication even after a standby's answer, shows it to others (RecordTransactionCommit, then ProcArrayEndTransaction).
 * A catalog that is read in between is the one from before: new columns are not in it, nor what older rows have in them, nor new types.
 */
export class Visibility {
  readonly #query: Query
  readonly #log: Logger
  readonly #limits: VisibilityLimits
  /** Of transactions whose log has come; the last one that was seen. */
  #seen = 0
  #since: number | undefined
  #warned = false

  constructor(query: Query, log: Logger, limits = defaultLimits) {
    this.#query = query
    this.#log = log
    this.#limits = limits
  }

  /**
   * Waits until the transaction is seen. False: the signal aborted before; call it again. Throws a RetriableError where that lasts too long, as
   * it does for ever if the commit waits for us: a standby without which the server does not go on.
   */
  async reached(xid: number, signal: AbortSignal): Promise<boolean> {
    for (let pauseMs = firstPauseMs; this.#seen !== xid; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      const { rows } = await this.#query('SELECT pg_catalog.txid_current_snapshot()::text AS snapshot')
      if (isSeen(xid, String(rows[0]!['snapshot']))) break
      this.#waits(xid)
      if (signal.aborted) return false
      // Only the signal ends it early.
      await sleep(pauseMs, undefined, { signal }).catch(() => {})
    }
    this.#seen = xid
    this.#since = undefined
    this.#warned = false
    return true
  }

  #waits(xid: number): void {
    const now = performance.now()
    this.#since ??= now
    const waitedMs = Math.round(now - this.#since)
    if (waitedMs >= this.#limits.failAfterMs) {
      this.#since = undefined
      throw new RetriableError(
        `Transaction ${xid} is in the server's log, but not committed for others after ${waitedMs} ms, so the new definition of its tables cannot be read: ` +
          'it waits for a synchronous standby. See pg_stat_replication, and synchronous_standby_names, which should not name this connector.',
      )
    }
    if (this.#warned || waitedMs < this.#limits.warnAfterMs) return
    this.#warned = true
    this.#log.warn(
      { xid, waitedMs },
      'A transaction that changed a table is in the log, but waits for a synchronous standby; so do its changes',
    )
  }
}

/**
 * Of a transaction whose commit is in the log: is it over for a snapshot (`xmin:xmax:xid,xid`, 64 bits each)? `xid` is its lower half, as the
 * stream tells it; two that run at a time are less than 2^31 apart.
 */
export function isSeen(xid: number, snapshot: string): boolean {
  const [, xmax, running] = snapshot.split(':')
  const end = Number(xmax)
  const full = end - ((end - xid) | 0)
  return full < end && !running!.split(',').includes(String(full))
}
