import { randomUUID } from 'node:crypto'
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { OffsetStore } from '../contract/offsets.ts'
import type { Offsets } from '../contract/record.ts'
import type { HostIdentity, StoredConnector, StoredStatus, StoredTarget, StoredVersions, WorkerStore } from './store.ts'

interface Save {
  readonly connector: string
  readonly offsets: Offsets
  resolve(): void
  reject(error: Error): void
}

/** Format of the file; a worker refuses files of a newer one and leaves them as they are. */
const format = 1
/** "Mill" as SQLite's application id: tells our files from other programs' databases. */
const applicationId = 0x4d696c6c

const tables = `
  create table store (id text not null) strict;
  create table connector (name text primary key, config text not null, target text not null, tasks text) strict;
  create table offset (connector text not null, partition text not null, position text not null, primary key (connector, partition)) strict, without rowid;
  create table history (connector text primary key, saved integer not null, generation integer not null) strict;
  create table status (connector text not null, task integer not null, state text not null, trace text, worker_id text not null, since_ms integer not null, primary key (connector, task)) strict, without rowid;
  create table topic (connector text not null, topic text not null, primary key (connector, topic)) strict, without rowid;
  create table host (pid integer primary key, started text not null, boot text not null) strict;
`

/** Came after the first files: older workers pass it over. */
const laterTables = 'create table if not exists connector_version (connector text primary key, versions text not null) strict'

/**
 * The standalone worker's store: one SQLite file in WAL mode with `synchronous=FULL`, so what a call resolved survives a power cut.
 * The file is locked for the life of the process and the lock dies with it, however it ends; a second worker is refused.
 */
export class SqliteStore implements WorkerStore {
  readonly id: string
  readonly offsets: OffsetStore
  readonly #db: DatabaseSync
  readonly #owner: string
  /** Saves of this turn of the event loop: one commit makes them durable together, so that many tasks do not wait for many syncs. */
  #saves: Save[] = []
  readonly #prepared = new Map<string, StatementSync>()

  /** Opens or creates the file. Throws an Error that names the file and the way out where it is locked, damaged, foreign or too new. */
  constructor(path: string) {
    const file = resolve(path)
    mkdirSync(dirname(file), { recursive: true })
    this.#owner = `${file}.owner`
    const fresh = !existsSync(file)
    this.#db = open(file)
    try {
      this.#db.exec('pragma locking_mode=exclusive; begin exclusive; commit')
      this.#open(file, fresh)
      this.id = this.#get('select id from store')!['id'] as string
    } catch (error) {
      this.#db.close()
      throw explain(error, file, this.#owner)
    }
    writeFileSync(this.#owner, `${process.pid}\n`)
    this.offsets = {
      load: async (connector) => {
        this.#commitSaves()
        return this.#loadOffsets(connector)
      },
      save: (connector, offsets) => this.#saveTogether(connector, offsets),
      reset: async (connector) => {
        this.#commitSaves()
        this.#atomically(() => this.#forgetOffsets(connector))
      },
    }
  }

  async load(): Promise<readonly StoredConnector[]> {
    const sql = 'select c.*, v.versions from connector c left join connector_version v on v.connector = c.name order by c.rowid'
    return this.#all(sql).map((row) => ({
      name: row['name'] as string,
      config: parse(row['config'] as string),
      target: row['target'] as StoredTarget,
      tasks: row['tasks'] === null ? null : parse(row['tasks'] as string),
      ...(row['versions'] !== null && { versions: parse<StoredVersions>(row['versions'] as string) }),
    }))
  }

  async saveConnector({ name, config, target, tasks, versions }: StoredConnector): Promise<void> {
    const upsert = `insert into connector values (?, ?, ?, ?)
      on conflict (name) do update set config = excluded.config, target = excluded.target, tasks = excluded.tasks`
    this.#atomically(() => {
      this.#run(upsert, name, JSON.stringify(config), target, tasks && JSON.stringify(tasks))
      if (versions === undefined) this.#run('delete from connector_version where connector = ?', name)
      else this.#run('insert or replace into connector_version values (?, ?)', name, JSON.stringify(versions))
    })
  }

  async deleteConnector(name: string): Promise<void> {
    this.#atomically(() => {
      this.#run('delete from connector where name = ?', name)
      this.#run('delete from connector_version where connector = ?', name)
      this.#run('delete from status where connector = ?', name)
      this.#run('delete from topic where connector = ?', name)
    })
  }

  async saveStatus(name: string, task: number | null, { state, trace, workerId, sinceMs }: StoredStatus): Promise<void> {
    this.#run('insert or replace into status values (?, ?, ?, ?, ?, ?)', name, task ?? -1, state, trace, workerId, Math.floor(sinceMs))
  }

  async statuses(name: string): Promise<readonly StoredStatus[]> {
    return this.#all('select * from status where connector = ? order by task', name).map((row) => ({
      task: row['task'] === -1 ? null : (row['task'] as number),
      state: row['state'] as string,
      trace: row['trace'] as string | null,
      workerId: row['worker_id'] as string,
      sinceMs: row['since_ms'] as number,
    }))
  }

  async topics(name: string): Promise<readonly string[]> {
    return this.#all('select topic from topic where connector = ? order by topic', name).map((row) => row['topic'] as string)
  }

  async addTopics(name: string, topics: readonly string[]): Promise<void> {
    this.#atomically(() => {
      for (const topic of topics) this.#run('insert or ignore into topic values (?, ?)', name, topic)
    })
  }

  async resetTopics(name: string): Promise<void> {
    this.#run('delete from topic where connector = ?', name)
  }

  async generation(name: string): Promise<number> {
    return (this.#get('select generation from history where connector = ?', name)?.['generation'] as number | undefined) ?? 0
  }

  async alterOffsets(name: string, offsets: Offsets, { replace }: { readonly replace: boolean }): Promise<void> {
    this.#commitSaves()
    this.#atomically(() => {
      if (replace) this.#forgetOffsets(name)
      this.#mergeOffsets(name, offsets)
      this.#run('update history set generation = generation + 1 where connector = ?', name)
    })
  }

  async hosts(): Promise<readonly HostIdentity[]> {
    return this.#all('select * from host').map((row) => ({
      pid: row['pid'] as number,
      started: row['started'] as string,
      boot: row['boot'] as string,
    }))
  }

  async addHost({ pid, started, boot }: HostIdentity): Promise<void> {
    this.#run('insert or replace into host values (?, ?, ?)', pid, started, boot)
  }

  async removeHost(pid: number): Promise<void> {
    this.#run('delete from host where pid = ?', pid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#db.isOpen) return
    this.#commitSaves()
    this.#db.close()
    rmSync(this.#owner, { force: true })
  }

  #open(file: string, fresh: boolean): void {
    const application = this.#get('pragma application_id')!['application_id']
    const found = this.#get('pragma user_version')!['user_version'] as number
    const empty = this.#get('select count(*) as n from sqlite_schema')!['n'] === 0
    if (!empty && application !== applicationId) {
      throw new Error(`${file} is a database of another program; name another file with store.path`)
    }
    if (found > format) {
      throw new Error(
        `${file} was written by a newer Millrace (store format ${found}; this one knows ${format}); start that version, or name another file with store.path`,
      )
    }
    this.#db.exec('pragma journal_mode=wal; pragma synchronous=full')
    if (fresh || empty) {
      this.#atomically(() => {
        this.#db.exec(`${tables}; ${laterTables}; pragma application_id=${applicationId}; pragma user_version=${format}`)
        this.#run('insert into store values (?)', randomUUID())
      })
      return
    }
    const check = this.#get('pragma quick_check')!['quick_check']
    if (check !== 'ok')
      throw new Error(`${file} is damaged (${String(check)}); restore it from a copy, or name another file with store.path`)
    this.#db.exec(laterTables)
  }

  #saveTogether(connector: string, offsets: Offsets): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#saves.push({ connector, offsets, resolve, reject })
      if (this.#saves.length === 1) setImmediate(() => this.#commitSaves())
    })
  }

  #commitSaves(): void {
    const saves = this.#saves
    if (saves.length === 0) return
    this.#saves = []
    try {
      this.#atomically(() => {
        for (const { connector, offsets } of saves) this.#mergeOffsets(connector, offsets)
      })
    } catch (error) {
      for (const { reject } of saves) reject(error as Error)
      return
    }
    for (const { resolve } of saves) resolve()
  }

  #loadOffsets(connector: string): Offsets | undefined {
    const rows = this.#all('select partition, position from offset where connector = ?', connector)
    if (rows.length === 0 && !this.#get('select 1 from history where connector = ?', connector)) return undefined
    return Object.fromEntries(rows.map((row) => [row['partition'] as string, parse(row['position'] as string)]))
  }

  #mergeOffsets(connector: string, offsets: Offsets): void {
    this.#run('insert or ignore into history values (?, 1, 0)', connector)
    for (const [partition, position] of Object.entries(offsets)) {
      if (position === null) this.#run('delete from offset where connector = ? and partition = ?', connector, partition)
      else this.#run('insert or replace into offset values (?, ?, ?)', connector, partition, JSON.stringify(position))
    }
  }

  #forgetOffsets(connector: string): void {
    this.#run('insert or ignore into history values (?, 1, 0)', connector)
    this.#run('delete from offset where connector = ?', connector)
  }

  #atomically(work: () => void): void {
    this.#db.exec('begin immediate')
    try {
      work()
      this.#db.exec('commit')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('rollback')
      throw error
    }
  }

  #statement(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known) return known
    const statement = this.#db.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }
  #run(sql: string, ...values: (string | number | null)[]): void {
    this.#statement(sql).run(...values)
  }
  #get(sql: string, ...values: (string | number)[]) {
    return this.#statement(sql).get(...values)
  }
  #all(sql: string, ...values: (string | number)[]) {
    return this.#statement(sql).all(...values)
  }
}

function open(file: string): DatabaseSync {
  try {
    // Configs may hold passwords: nobody else may read them. SQLite gives its side files the mode of the main one.
    // Never opened here once it exists: closing any descriptor of it would drop the locks that this process holds on it.
    if (existsSync(file)) chmodSync(file, 0o600)
    else closeSync(openSync(file, 'wx', 0o600))
    return new DatabaseSync(file, { timeout: 0 })
  } catch (error) {
    throw new Error(`${file} cannot be opened; check that it is a file and that its directory may be written`, { cause: error })
  }
}

function parse<T>(text: string): T {
  return JSON.parse(text) as T
}

/** SQLite's result codes (sqlite.org/rescode.html): 5 busy, 11 corrupt, 26 not a database. */
function explain(error: unknown, file: string, owner: string): Error {
  const code = (error as { errcode?: number }).errcode
  const options = { cause: error }
  if (code !== undefined && (code & 0xff) === 5) {
    return new Error(`${file} is in use by another worker (${ownerText(owner)}); stop it, or name another file with store.path`, options)
  }
  if (code === 11 || code === 26) {
    return new Error(`${file} is damaged or no worker's store; restore it from a copy, or name another file with store.path`, options)
  }
  return error instanceof Error ? error : new Error(String(error))
}

function ownerText(owner: string): string {
  try {
    return `process ${readFileSync(owner, 'utf8').trim()}`
  } catch {
    return 'its process id is not known' // The owner file is a courtesy; the lock is what counts.
  }
}
