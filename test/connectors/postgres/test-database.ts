import { postgresVersions, startPostgres, type PostgresServer, type PostgresVersion } from '../../postgres.ts'
import { streaming, Tail } from './tail.ts'
import type { Offsets } from '../../../core/index.ts'

/** A database of its own on a shared server, with a slot name of its own, as slots belong to the whole server. */
export class TestDatabase {
  readonly server: PostgresServer
  readonly name: string
  readonly slot: string

  constructor(server: PostgresServer, name: string) {
    this.server = server
    this.name = name
    this.slot = `slot_${name}`
  }

  static async create(server: PostgresServer): Promise<TestDatabase> {
    const name = `db_${process.pid}_${++count}`
    await server.query(`CREATE DATABASE ${name}`)
    return new TestDatabase(server, name)
  }

  query(sql: string): Promise<Record<string, unknown>[]> {
    return this.server.query(sql, this.name)
  }

  connect() {
    return this.server.connect({ database: this.name })
  }

  /** A source of this database; `offsets` from an earlier one resume it. */
  tail(overrides: Readonly<Record<string, string>> = {}, offsets?: Offsets): Promise<Tail> {
    return Tail.open(this.server, { 'database.dbname': this.name, 'slot.name': this.slot, ...overrides }, offsets)
  }

  /** The same, past its snapshot: what was there before is taken off its records. */
  async streaming(overrides: Readonly<Record<string, string>> = {}, offsets?: Offsets): Promise<Tail> {
    const tail = await this.tail(overrides, offsets)
    await tail.until(streaming)
    tail.records.length = 0
    tail.closed = 0
    return tail
  }

  async confirmedFlush(): Promise<string> {
    const rows = await this.query(`SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = '${this.slot}'`)
    return String(rows[0]!.lsn)
  }

  async dropSlot(): Promise<void> {
    await this.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${this.slot}'`)
  }
}

let count = 0

/** One server per version for a test file, started at the first use. */
export class Servers implements AsyncDisposable {
  readonly #servers = new Map<PostgresVersion, Promise<PostgresServer>>()
  readonly #settings: Readonly<Record<string, string | number>>

  constructor(settings: Readonly<Record<string, string | number>> = { max_replication_slots: 40, max_wal_senders: 40 }) {
    this.#settings = settings
  }

  async database(version: PostgresVersion = postgresVersions[0]!): Promise<TestDatabase> {
    let server = this.#servers.get(version)
    if (server === undefined) {
      server = startPostgres({ version, settings: this.#settings })
      this.#servers.set(version, server)
    }
    return TestDatabase.create(await server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers.values()) await (await server).stop()
  }
}
