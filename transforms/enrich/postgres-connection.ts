import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Client, ClientConfig } from 'pg'
import { ConfigError, RetriableError } from '../../core/index.ts'
import { needed, type LookupSettings } from './lookup-settings.ts'

/** Texts of all values are read under these: exact floats, ISO dates in UTC; and nothing is ever written. */
const session = [
  "SET datestyle = 'ISO, YMD'",
  "SET timezone = 'UTC'",
  'SET extra_float_digits = 1',
  "SET bytea_output = 'hex'",
  'SET default_transaction_read_only = on',
  'SET search_path = pg_catalog',
].join('; ')

type Tls = Exclude<ClientConfig['ssl'], boolean | undefined>

/** How to connect; checked without connecting. Throws a ConfigError. */
export function connectionOf(settings: LookupSettings): { readonly place: string; open(): Promise<Client> } {
  const { config } = settings
  const host = needed(settings, 'database.hostname')
  const mode = config['database.sslmode'].toLowerCase()
  const plain: ClientConfig = {
    host,
    port: config['database.port'],
    user: needed(settings, 'database.user'),
    password: config['database.password'] ?? '',
    database: needed(settings, 'database.dbname'),
    keepAlive: true,
    connectionTimeoutMillis: config['connection.timeout.ms'],
    query_timeout: config['database.query.timeout.ms'] + 1_000,
    application_name: 'millrace-enrich',
    // Values stay text: they are read by their columns' types, exactly.
    types: { getTypeParser: () => (text: string) => text } as unknown as ClientConfig['types'],
  }
  const place = `${host}:${config['database.port']}`
  const start = async (ssl: Tls | false): Promise<Client> => {
    const { Client: PgClient } = await import('pg').then((pg) => pg.default)
    const client = new PgClient({ ...plain, ssl })
    // A connection that breaks while idle shows at its next use; without a listener it would end the process.
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query(`${session}; SET statement_timeout = ${config['database.query.timeout.ms']}`)
      return client
    } catch (error) {
      await disconnect(client)
      throw error
    }
  }
  return {
    place,
    async open() {
      try {
        return await start(mode === 'disable' || mode === 'allow' ? false : tlsOf(settings, mode))
      } catch (error) {
        const message = error instanceof Error ? error.message : ''
        if (mode === 'prefer' && /does not support SSL/.test(message)) return start(false)
        // pg_hba.conf turned away the connection without TLS.
        if (mode === 'allow' && codeOf(error) === '28000') return start(tlsOf(settings, mode))
        throw error
      }
    },
  }
}

function tlsOf({ config }: LookupSettings, mode: string): Tls {
  const read = (key: 'database.sslrootcert' | 'database.sslcert' | 'database.sslkey'): Buffer | undefined => {
    const path = config[key]
    if (!path) return undefined
    try {
      return readFileSync(path)
    } catch (cause) {
      throw new ConfigError([{ key, value: path, message: `The file of ${key} cannot be read: ${(cause as Error).message}` }], { cause })
    }
  }
  const [ca, cert, key] = [read('database.sslrootcert'), read('database.sslcert'), read('database.sslkey')]
  return {
    rejectUnauthorized: mode.startsWith('verify'),
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key: createPrivateKey({ key, passphrase: config['database.sslpassword'] }).export({ type: 'pkcs8', format: 'pem' }) } : {}),
  }
}

/** Ends a connection; what is wrong with it does not matter any more. */
export async function disconnect(client: Client): Promise<void> {
  const force = setTimeout(() => (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy(), 2_000)
  try {
    await client.end()
  } catch {
    // It is gone already.
  } finally {
    clearTimeout(force)
  }
}

/** SQLSTATE, or Node's name of a failure of the network. */
export function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

const keyByState: ReadonlyMap<string, string> = new Map([
  ['28P01', 'database.password'],
  ['28000', 'database.user'],
  ['3D000', 'database.dbname'],
  ['42P01', 'table'],
  ['42501', 'table'],
  ['42703', 'fields'],
  ['42883', 'lookup.key'],
])

/** The error that says what to do: wait, or change the config. `doing` completes "... failed". */
export function explained(error: unknown, doing: string): Error {
  if (error instanceof ConfigError || error instanceof RetriableError) return error
  const text = error instanceof Error ? error.message : String(error)
  const code = codeOf(error)
  const message = `Enrich: ${doing} failed: ${text}`
  const key = keyByState.get(code)
  if (key !== undefined) return new ConfigError([{ key, message }], { cause: error })
  if (/CERT|TLS|SSL|ALTNAME|UNABLE_TO_/.test(code) || /SSL|certificate/i.test(text)) {
    return new ConfigError([{ key: 'database.sslmode', message }], { cause: error })
  }
  // Resources, connections, operators and timeouts pass; other states of the server do not by themselves.
  const passing = !/^[0-9A-Z]{5}$/.test(code) || /^(?:08|40|53|55|57|58|25)/.test(code)
  return passing ? new RetriableError(message, { cause: error }) : new Error(message, { cause: error })
}
