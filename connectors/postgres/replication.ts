import { GapError, RetriableError, type Logger } from '../../core/index.ts'
import type { Query } from './catalog.ts'
import { connect, disconnect, quoteIdentifier, quoteLiteral, type ConnectionSettings } from './connection.ts'
import { formatLsn, parseLsn, type Lsn } from './lsn.ts'
import { positionText, type Position } from './position.ts'
import { errorCode } from './server-error.ts'
import { slotState, type SlotState } from './slot.ts'
import { WalSender } from './wal-sender.ts'

export interface ReplicationSettings {
  readonly connection: ConnectionSettings
  readonly slot: string
  readonly publication: string
  readonly queueBytesMax: number
  readonly messageBytesMax: number
  readonly statusIntervalMsMax: number
}

/** Milliseconds: no answer for so long, and for two of the server's own time-outs, means that the connection is dead. */
const silenceMsMin = 120_000

/**
 * Starts streaming right after `position`, over a new connection. Throws a GapError where the slot cannot serve that place any more, the
 * server's error with SQLSTATE 55006 while another process reads the slot, and what connecting throws.
 */
export async function startReplication(
  settings: ReplicationSettings,
  position: Position,
  durable: Lsn,
  query: Query,
  serverVersion: number,
  log: Logger,
): Promise<WalSender> {
  const client = await connect(settings.connection, 'replication')
  try {
    const system = (await client.query('IDENTIFY_SYSTEM')).rows[0]!
    checkSystem(position, String(system.systemid), parseLsn(String(system.xlogpos)))
    const state = await slotState(query, settings.slot, serverVersion)
    checkSlot(position, settings.slot, state)
    const shown = await client.query("SELECT setting FROM pg_catalog.pg_settings WHERE name = 'wal_sender_timeout'")
    const timeoutMs = Number(shown.rows[0]?.setting ?? 60_000)
    const interval = timeoutMs > 0 ? Math.min(settings.statusIntervalMsMax, Math.floor(timeoutMs / 3)) : settings.statusIntervalMsMax
    return await WalSender.start({
      client,
      command: startCommand(settings, position.lsn, serverVersion),
      statusIntervalMs: Math.max(10, interval),
      queueBytesMax: settings.queueBytesMax,
      messageBytesMax: settings.messageBytesMax,
      silenceMsMax: Math.max(silenceMsMin, 2 * timeoutMs, 4 * interval),
      durable,
      log,
    })
  } catch (error) {
    await disconnect(client)
    const code = errorCode(error)
    // 42704: no such slot; 55000: the slot's WAL is gone, or it belongs to another database or plug-in.
    if (code === '42704' && /replication slot/.test(String(error))) throw missingSlot(position, settings.slot, error)
    if (code === '55000' && /replication slot/.test(String(error))) throw lostSlot(position, settings.slot, String(error), error)
    throw error
  }
}

/**
 * Throws a GapError where the saved position belongs to another cluster, or lies beyond the end of the server's log: a standby that was
 * promoted before it had received everything would stream nothing, without an error, until its own log has grown past that place.
 */
export function checkSystem(position: Position, systemId: string, logEnd: Lsn): void {
  if (position.lsn > logEnd) {
    throw new GapError(
      `The server's log ends at ${formatLsn(logEnd)}, before the saved position ${formatLsn(position.lsn)}: the server was restored or failed over ` +
        `to a state that is older than what was captured. ${waysOut}`,
    )
  }
  if (position.systemId === '' || systemId === '' || position.systemId === systemId) return
  throw new GapError(
    `The saved position ${positionText(position)} belongs to the database system ${position.systemId}, but the server is ${systemId}: ` +
      `a restored backup or another server, whose log has nothing to do with it. ${waysToReadAnew}`,
  )
}

/** Throws a GapError where the slot cannot stream from the saved position on, and a RetriableError where it is not of our kind. */
export function checkSlot(position: Position, name: string, state: SlotState | undefined): void {
  if (state === undefined) throw missingSlot(position, name)
  if (state.walStatus === 'lost' || state.invalidation !== null) {
    throw lostSlot(position, name, state.invalidation ?? 'its log was removed, see max_slot_wal_keep_size', undefined)
  }
  if (state.plugin !== 'pgoutput') {
    throw new GapError(
      `The replication slot "${name}" decodes with ${state.plugin ?? 'nothing (it is a physical slot)'}, not pgoutput: choose another slot.name`,
    )
  }
  if (state.confirmedFlush !== null && state.confirmedFlush > position.lsn) {
    throw new GapError(
      `The replication slot "${name}" has moved on to ${formatLsn(state.confirmedFlush)}, past the saved position ${formatLsn(position.lsn)}: ` +
        `the changes between them are gone. Another consumer read the slot, or it was dropped and created again. ${waysOut}`,
    )
  }
}

const reset =
  'reset the offsets of the connector so that it reads the tables anew (PUT /connectors/<name>/stop, DELETE /connectors/<name>/offsets, PUT /connectors/<name>/resume)'
const byItself = 'set snapshot.mode=when_needed so that it does so by itself'

/** Where no offset could be resumed from. */
const waysToReadAnew = `Ways out: ${reset}, or ${byItself}.`

/** Where the slot still serves a later place. */
const waysOut = `Ways out: ${reset}, ${byItself}, or PATCH its offset "lsn" to accept the gap.`

function missingSlot(position: Position, name: string, cause?: unknown): GapError {
  return new GapError(
    `The replication slot "${name}" does not exist any more; changes after the saved position ${formatLsn(position.lsn)} are gone with it. ` +
      `Somebody dropped it, or it was dropped with a deleted connector (slot.drop.on.delete=true), whose offsets stay. ${waysToReadAnew}`,
    { cause },
  )
}

function lostSlot(position: Position, name: string, reason: string, cause: unknown): GapError {
  return new GapError(
    `The server has given up the replication slot "${name}" (${reason}); changes after the saved position ${formatLsn(position.lsn)} are lost. ` +
      `Drop the slot first (SELECT pg_drop_replication_slot('${name}')). ${waysToReadAnew}`,
    { cause },
  )
}

/** Only options that the server knows: an unknown one is an error there. `messages` came with PostgreSQL 14. */
function startCommand(settings: ReplicationSettings, from: Lsn, serverVersion: number): string {
  const options = [`proto_version '1'`, `publication_names ${quoteLiteral(quoteIdentifier(settings.publication))}`]
  if (serverVersion >= 140000) options.push(`messages 'true'`)
  return `START_REPLICATION SLOT ${quoteIdentifier(settings.slot)} LOGICAL ${formatLsn(from)} (${options.join(', ')})`
}

/** A slot that another process reads is worth waiting for: after a crash its server notices late that the reader is gone. */
export function slotBusy(error: unknown, slot: string): RetriableError {
  return new RetriableError(
    `The replication slot "${slot}" is read by another process (${error instanceof Error ? error.message : String(error)}). ` +
      'Every connector needs a slot.name of its own; a process that crashed lets go of it within wal_sender_timeout.',
    { cause: error },
  )
}
