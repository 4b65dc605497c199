import { partitionKey, type Json, type Offsets } from '../../core/index.ts'
import { formatLsn, type Lsn } from './lsn.ts'

/**
 * Where a connector stands: what is saved as its offset, under Debezium's names where those exist.
 *
 * `lsn` is the end of the last transaction that was taken whole (or a later place up to which there was nothing to take): streaming resumes
 * exactly there, and exactly this is acknowledged. A transaction of which only a part was taken counts as not taken.
 */
export interface Position {
  readonly lsn: Lsn
  /** Commit record of that transaction: `source.sequence` of the next one tells it. 0: none yet. */
  readonly commitLsn: Lsn
  readonly xid: number
  /** Commit time, microseconds since 1970. 0: none yet. */
  readonly timeUs: number
  /** Last non-transactional logical message taken: those are sent again after a restart until the log moves on. */
  readonly messageLsn: Lsn
  /** Identifies the server's cluster; '': not known (offsets that a person wrote). */
  readonly systemId: string
  readonly slot: string
  /** By table (`tableKey`): how its first content came. Undefined: not our offsets but Debezium's; every table counts as done. */
  readonly tables: Readonly<Record<string, TableProgress>> | undefined
}

/** A table that is not in the map was never captured: it is snapshotted before its changes go on. */
export interface TableProgress {
  readonly oid: number
  /** Its content was read as of this LSN, so the stream's changes before it are left out. 0: all comes from the stream. */
  readonly lsn: Lsn
}

/** Names a table in `Position.tables`; tells `"a.b".c` from `a."b.c"`. */
export function tableKey(table: { readonly schema: string; readonly name: string }): string {
  const part = (name: string) => (/^[^".]+$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
  return `${part(table.schema)}.${part(table.name)}`
}

/** The offsets to save. `json` of the tables is shared between positions, so a thousand tables cost nothing per batch. */
export function toOffsets(prefix: string, position: Position): Offsets {
  const { lsn, commitLsn, xid, timeUs, messageLsn, systemId, slot, tables } = position
  return {
    [partitionKey({ server: prefix })]: {
      lsn,
      lsn_proc: lsn,
      lsn_commit: commitLsn,
      txId: xid,
      ts_usec: timeUs,
      ...(messageLsn > 0 ? { lsn_message: messageLsn } : {}),
      system_id: systemId,
      slot,
      ...(tables === undefined ? {} : { tables: tables as unknown as Json }),
    },
  }
}

/** Reads what `toOffsets` wrote, or what Debezium did; undefined: nothing was saved. Throws an Error that names what is wrong. */
export function fromOffsets(prefix: string, offsets: Offsets | undefined): Position | undefined {
  const saved = offsets?.[partitionKey({ server: prefix })]
  if (saved === undefined || saved === null) return undefined
  if (typeof saved !== 'object' || Array.isArray(saved)) throw new Error(`The offset of ${prefix} must be an object with the number "lsn"`)
  const fields = saved as Readonly<Record<string, Json>>
  const lsn = lsnField(fields, 'lsn', undefined)
  return {
    lsn,
    commitLsn: lsnField(fields, 'lsn_commit', 0),
    xid: lsnField(fields, 'txId', 0),
    timeUs: lsnField(fields, 'ts_usec', 0),
    messageLsn: lsnField(fields, 'lsn_message', 0),
    systemId: typeof fields.system_id === 'string' ? fields.system_id : '',
    slot: typeof fields.slot === 'string' ? fields.slot : '',
    tables: fields.tables === undefined || fields.tables === null ? undefined : tablesField(fields.tables),
  }
}

/** Refuses offsets that a person wrote where the source could not resume from them; a null position is a reset. Throws an Error that says why. */
export function checkOffsets(offsets: Offsets, config: { readonly 'topic.prefix': string }): void {
  for (const [partition, position] of Object.entries(offsets)) {
    let server: unknown
    try {
      server = (JSON.parse(partition) as { server?: unknown }).server
    } catch {
      // Not JSON: told below.
    }
    if (typeof server !== 'string' || partition !== partitionKey({ server })) {
      throw new Error(
        `The partition ${partition} is not one of a Postgres source: it must be {"server": "<topic.prefix>"} and nothing else`,
      )
    }
    if (position !== null && server !== config['topic.prefix']) {
      const wanted = partitionKey({ server: config['topic.prefix'] })
      throw new Error(
        `The partition ${partition} is not this connector's, so its offset would never be read: it must be ${wanted} (topic.prefix)`,
      )
    }
    if (position !== null) fromOffsets(server, { [partition]: position })
  }
}

/** In words, for errors and logs. */
export function positionText(position: Position): string {
  return `${formatLsn(position.lsn)} (slot "${position.slot}", last transaction ${position.xid})`
}

function lsnField(fields: Readonly<Record<string, Json>>, name: string, missing: number | undefined): number {
  const value = fields[name] ?? missing
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new Error(`The offset's "${name}" must be a whole number from 0 to 2^53, not ${JSON.stringify(value ?? null)}`)
  }
  return value
}

function tablesField(value: Json): Record<string, TableProgress> {
  const wrong = () =>
    new Error(`The offset's "tables" must map schema.table to {"oid": number, "lsn": number}, not ${JSON.stringify(value)}`)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong()
  return Object.fromEntries(
    Object.entries(value as Readonly<Record<string, Json>>).map(([name, entry]) => {
      if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) throw wrong()
      const fields = entry as Readonly<Record<string, Json>>
      return [name, { oid: lsnField(fields, 'oid', undefined), lsn: lsnField(fields, 'lsn', undefined) }]
    }),
  )
}
