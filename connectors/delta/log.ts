import { type Action, type AddFile, type CommitInfo, type MetaData, type Protocol, parseAction, parseCommit, schemaOf } from './actions.ts'
import type { DeltaSchema } from './delta-types.ts'
import { quoteText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import type { Storage } from './storage.ts'

/** A table as its log tells it, kept up to date by `apply`. Files are those that are alive, by their path as the log spells it. */
export interface TableState {
  /** -1: the table does not exist yet. */
  version: number
  protocol: Protocol | undefined
  metaData: MetaData | undefined
  /** The schema inside `metaData`. */
  schema: DeltaSchema
  readonly files: Map<string, AddFile>
  /** Newest version by application id. */
  readonly transactions: Map<string, number | bigint>
  /** Removed files that a checkpoint must still list so that a vacuum knows them: path to the time of removal (ms). */
  readonly tombstones: Map<string, NonNullable<Action['remove']>>
}

/** A table that does not exist. */
export function noTable(): TableState {
  return {
    version: -1,
    protocol: undefined,
    metaData: undefined,
    schema: { type: 'struct', fields: [] },
    files: new Map(),
    transactions: new Map(),
    tombstones: new Map(),
  }
}

/** The name of a commit file inside the table's folder. */
export function commitName(table: string, version: number): string {
  return `${table}/_delta_log/${String(version).padStart(20, '0')}.json`
}

/** Reads a table's newest snapshot: the last checkpoint and the commits after it. Throws where a commit in between is missing. */
export async function readTable(storage: Storage, engine: Engine, table: string): Promise<TableState> {
  const names = await storage.list(`${table}/_delta_log`)
  const commits = names.flatMap((name) => (/^\d{20}\.json$/.test(name) ? [Number(name.slice(0, 20))] : [])).sort((a, b) => a - b)
  const checkpoint = newestCheckpoint(names)
  const state = noTable()
  if (checkpoint) {
    await readCheckpoint(storage, engine, table, checkpoint.parts, state)
    state.version = checkpoint.version
  }
  for (const version of commits) {
    if (version <= state.version) continue
    if (version !== state.version + 1) {
      throw new Error(
        `Table ${table}: commit ${state.version + 1} is missing from its log, but ${version} is there; restore the file from a backup`,
      )
    }
    applyCommit(state, await readCommit(storage, table, version), version)
  }
  if (state.version >= 0 && (!state.protocol || !state.metaData))
    throw new Error(`Table ${table}: its log holds no protocol or no metadata`)
  return state
}

/** Reads and applies the commits that others made since; resolves to them, oldest first. */
export async function refresh(storage: Storage, table: string, state: TableState): Promise<readonly (readonly Action[])[]> {
  const news: (readonly Action[])[] = []
  for (;;) {
    const content = await storage.read(commitName(table, state.version + 1))
    if (content === undefined) return news
    const actions = parseCommit(content.toString('utf8'))
    applyCommit(state, actions, state.version + 1)
    news.push(actions)
  }
}

/** Brings the state forward by one commit. */
export function applyCommit(state: TableState, actions: readonly Action[], version: number): void {
  for (const action of actions) apply(state, action)
  state.version = version
}

/** The newest commit whose commitInfo `accept` takes, searched backwards over the commit files that the log still holds. */
export async function findCommit<T>(
  storage: Storage,
  table: string,
  accept: (info: CommitInfo) => T | undefined,
): Promise<{ readonly version: number; readonly found: T } | undefined> {
  const names = await storage.list(`${table}/_delta_log`)
  const versions = names.flatMap((name) => (/^\d{20}\.json$/.test(name) ? [Number(name.slice(0, 20))] : [])).sort((a, b) => b - a)
  for (const version of versions) {
    const actions = await readCommit(storage, table, version)
    const info = actions.find((action) => action.commitInfo)?.commitInfo
    const found = info && accept(info)
    if (found !== undefined) return { version, found }
  }
  return undefined
}

async function readCommit(storage: Storage, table: string, version: number): Promise<readonly Action[]> {
  const content = await storage.read(commitName(table, version))
  if (content === undefined) throw new Error(`Table ${table}: commit ${version} vanished while its log was read`)
  return parseCommit(content.toString('utf8'))
}

function apply(state: TableState, action: Action): void {
  if (action.add) {
    state.files.set(action.add.path, action.add)
    state.tombstones.delete(action.add.path)
  } else if (action.remove) {
    // A commit that changes a file's deletion vector removes the old pair of path and vector and adds the new one, in any order.
    const alive = state.files.get(action.remove.path)
    if (alive && sameVector(alive.deletionVector, action.remove.deletionVector)) {
      state.files.delete(action.remove.path)
      state.tombstones.set(action.remove.path, action.remove)
    }
  } else if (action.txn) {
    state.transactions.set(action.txn.appId, action.txn.version)
  } else if (action.metaData) {
    state.metaData = action.metaData
    state.schema = schemaOf(action.metaData)
  } else if (action.protocol) {
    state.protocol = action.protocol
  }
}

function sameVector(a: AddFile['deletionVector'], b: AddFile['deletionVector']): boolean {
  if (!a || !b) return !a && !b
  return a.storageType === b.storageType && a.pathOrInlineDv === b.pathOrInlineDv && (a.offset ?? null) === (b.offset ?? null)
}

interface Checkpoint {
  readonly version: number
  readonly parts: readonly string[]
}

/** Taken from the listing, not from `_last_checkpoint`, which is only a hint and may be stale. Incomplete multi-part checkpoints do not count. */
function newestCheckpoint(names: readonly string[]): Checkpoint | undefined {
  const found = new Map<string, { version: number; parts: string[]; of: number }>()
  for (const name of names) {
    const match = /^(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10}))?\.parquet$/.exec(name)
    if (!match) {
      if (/^\d{20}\.checkpoint\.[0-9a-f-]{36}\.(?:json|parquet)$/.test(name)) throw new Error(`${name}: V2 checkpoints are not supported`)
      continue
    }
    const key = `${match[1]}/${match[3] ?? ''}`
    const entry = found.get(key) ?? { version: Number(match[1]), parts: [], of: Number(match[3] ?? 1) }
    entry.parts.push(name)
    found.set(key, entry)
  }
  const whole = [...found.values()].filter((entry) => entry.parts.length === entry.of)
  return whole.sort((a, b) => b.version - a.version)[0]
}

const checkpointActions = ['protocol', 'metaData', 'add', 'remove', 'txn'] as const

async function readCheckpoint(storage: Storage, engine: Engine, table: string, parts: readonly string[], state: TableState): Promise<void> {
  const names = parts.map((part) => `${table}/_delta_log/${part}`)
  await storage.fetch(names)
  const files = names.map((name) => quoteText(storage.readable(name))).join(', ')
  const source = `read_parquet([${files}])`
  const columns = (await engine.rows(`DESCRIBE SELECT * FROM ${source}`)).map((row) => String(row['column_name']))
  const present = checkpointActions.filter((name) => columns.includes(name))
  const selected = present.map((name) => `CASE WHEN ${name} IS NULL THEN NULL ELSE CAST(to_json(${name}) AS VARCHAR) END`)
  await engine.stream(`SELECT ${selected.join(', ')} FROM ${source}`, (chunk) => {
    present.forEach((name, index) => {
      for (const text of chunk[index]!) if (text !== null) applyCheckpointed(state, name, String(text))
    })
  })
}

/** A checkpoint's remove is a tombstone beside no add of its own; typed copies of statistics and partition values are dropped, the text is the truth. */
function applyCheckpointed(state: TableState, name: string, text: string): void {
  const action = parseAction(`{${JSON.stringify(name)}:${text}}`)
  if (action.remove) {
    if (!state.files.has(action.remove.path)) state.tombstones.set(action.remove.path, action.remove)
  } else if (action.add) {
    const { stats_parsed: _stats, partitionValues_parsed: _values, ...add } = action.add as AddFile & Record<string, unknown>
    apply(state, { add: add as AddFile })
  } else apply(state, action)
}
