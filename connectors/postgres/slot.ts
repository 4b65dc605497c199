import type { Client } from 'pg'
import { RetriableError, type Logger } from '../../core/index.ts'
import type { Query } from './catalog.ts'
import { quoteIdentifier } from './connection.ts'
import { parseLsn, type Lsn } from './lsn.ts'
import { errorCode } from './server-error.ts'

/** What `pg_replication_slots` says of one slot. */
export interface SlotState {
  readonly name: string
  readonly plugin: string | null
  readonly database: string | null
  readonly temporary: boolean
  /** Process that reads it; null: nobody. */
  readonly activePid: number | null
  readonly confirmedFlush: Lsn | null
  readonly restart: Lsn | null
  /** reserved, extended, unreserved or lost. */
  readonly walStatus: string | null
  /** Bytes that may still be written before the slot is in danger; null: no limit. */
  readonly safeWalBytes: number | null
  /** Why the server gave the slot up (PostgreSQL 17 and later); null: it did not. */
  readonly invalidation: string | null
}

/** The slot's state; undefined: there is none of this name. */
export async function slotState(query: Query, name: string, serverVersion: number): Promise<SlotState | undefined> {
  const invalidation = serverVersion >= 170000 ? 'invalidation_reason' : 'NULL::text'
  const { rows } = await query(
    `SELECT slot_name, plugin, database, temporary, active_pid, confirmed_flush_lsn::text, restart_lsn::text, wal_status, safe_wal_size::text,
            ${invalidation} AS invalidation FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`,
    [name],
  )
  const row = rows[0]
  if (!row) return undefined
  const text = (value: unknown) => (value === null || value === undefined ? null : String(value))
  const lsn = (value: unknown) => (typeof value === 'string' ? parseLsn(value) : null)
  return {
    name: String(row.slot_name),
    plugin: text(row.plugin),
    database: text(row.database),
    temporary: row.temporary === true,
    activePid: row.active_pid === null ? null : Number(row.active_pid),
    confirmedFlush: lsn(row.confirmed_flush_lsn),
    restart: lsn(row.restart_lsn),
    walStatus: text(row.wal_status),
    safeWalBytes: row.safe_wal_size === null ? null : Number(row.safe_wal_size),
    invalidation: text(row.invalidation),
  }
}

/** The snapshot that belongs to a slot's first position. */
export interface SlotSnapshot {
  /** Commits before it are in the snapshot; the slot streams those from it on. */
  readonly consistentPoint: Lsn
  /** For `SET TRANSACTION SNAPSHOT`, as long as the connection stays in its transaction. */
  readonly snapshot: string
}

export interface SlotRequest {
  readonly name: string
  readonly temporary: boolean
  /** Synchronised to standbys (PostgreSQL 17 and later). */
  readonly failover: boolean
  readonly serverVersion: number
  /** Waiting for running transactions ends after this. Milliseconds. */
  readonly timeoutMs: number
}

/**
 * Creates the slot and stays in a read-only transaction that sees exactly what was committed before the slot's first change.
 * `client` is a replication connection, `query` another one. Waits for every running write transaction to end; past the time-out it throws
 * a RetriableError that names the process in the way. The publication must exist before.
 */
export async function createSlot(client: Client, query: Query, request: SlotRequest, log: Logger): Promise<SlotSnapshot> {
  const pid = Number((await client.query('SELECT pg_catalog.pg_backend_pid() AS pid')).rows[0]!.pid)
  // The slot must be the first thing in the transaction that is to share its snapshot.
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const list = request.failover ? "(SNAPSHOT 'use', FAILOVER true)" : "(SNAPSHOT 'use')"
  // Before PostgreSQL 15 there were only keywords.
  const options = request.serverVersion >= 150000 ? list : 'USE_SNAPSHOT'
  const kind = request.temporary ? 'TEMPORARY LOGICAL' : 'LOGICAL'
  let blocked: string | undefined
  const timer = setTimeout(() => {
    void blockingProcess(query, pid)
      .then(async (text) => {
        blocked = text
        log.warn({ slot: request.name, blocked }, 'Creating the slot takes too long and is cancelled')
        await query('SELECT pg_catalog.pg_cancel_backend($1)', [pid])
      })
      .catch((error: unknown) => {
        log.warn({ err: error }, 'Creating the slot takes too long, and cancelling it failed')
      })
  }, request.timeoutMs)
  try {
    const created = await client.query(`CREATE_REPLICATION_SLOT ${quoteIdentifier(request.name)} ${kind} pgoutput ${options}`)
    const consistentPoint = parseLsn(String(created.rows[0]!.consistent_point))
    const exported = await client.query('SELECT pg_catalog.pg_export_snapshot() AS snapshot')
    return { consistentPoint, snapshot: String(exported.rows[0]!.snapshot) }
  } catch (error) {
    if (errorCode(error) === '57014') {
      throw new RetriableError(
        `Creating the replication slot "${request.name}" waited ${request.timeoutMs} ms for running transactions: ${blocked ?? 'it was cancelled'}. ` +
          'It goes on when they have ended; slot.creation.timeout.ms sets how long to wait.',
        { cause: error },
      )
    }
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Drops the slot, waiting for its reader to let go of it. False: there was none. Throws the server's error when it stays in use. */
export async function dropSlot(query: Query, name: string, waitMs: number): Promise<boolean> {
  const deadline = Date.now() + waitMs
  for (let pause = 50; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      const { rows } = await query(
        'SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1',
        [name],
      )
      return rows.length > 0
    } catch (error) {
      if (errorCode(error) !== '55006' || Date.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/** In words: the oldest transaction that slot creation waits for. */
async function blockingProcess(query: Query, waiting: number): Promise<string> {
  const { rows } = await query(
    `SELECT pid, usename, application_name, state, (now() - xact_start)::text AS age FROM pg_catalog.pg_stat_activity
      WHERE pid <> $1 AND backend_xid IS NOT NULL ORDER BY xact_start LIMIT 1`,
    [waiting],
  )
  const row = rows[0]
  if (row) {
    const who = `process ${String(row.pid)} (user ${String(row.usename)}, application "${String(row.application_name)}", ${String(row.state)})`
    return `${who} has had a transaction open for ${String(row.age)}`
  }
  const prepared = await query('SELECT gid FROM pg_catalog.pg_prepared_xacts ORDER BY prepared LIMIT 1')
  if (prepared.rows[0]) return `the prepared transaction "${String(prepared.rows[0].gid)}" is neither committed nor rolled back`
  return 'no blocking process is visible to this user'
}
