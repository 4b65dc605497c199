import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import type { PeerCertificate } from 'node:tls'
import { Client, type ClientConfig } from 'pg'
import { sessionOptions } from './settings.ts'

/** Where the database is and how to get in: Debezium's `database.*` keys under short names. */
export interface ConnectionSettings {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly sslMode: SslMode
  /** Files in PEM form (the key also as PKCS-8 DER, which pgjdbc asks for). */
  readonly sslRootCert: string | undefined
  readonly sslCert: string | undefined
  readonly sslKey: string | undefined
  readonly sslPassword: string | undefined
  readonly tcpKeepAlive: boolean
  readonly connectTimeoutMs: number
  /** Of one query; 0: no bound. */
  readonly queryTimeoutMs: number
  readonly applicationName: string
  /** SQL that runs first on every ordinary connection; undefined: none. */
  readonly initialStatements: string | undefined
}

/**
 * libpq's meanings. prefer: TLS if the server has it. require: TLS, the certificate is not checked. verify-ca: signed by a known authority.
 * verify-full: and made out to the host that we connect to.
 */
export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

/** Settings without which a long snapshot or a quiet stream would be cut off by the server's own defaults, or rows be left out. */
const patience: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  // A table with row-level security is an error then, rather than read in part.
  row_security: 'off',
}

/**
 * A connection, open and with the session settings under which all values are read. replication: takes replication commands and simple
 * queries only. Rejects with the driver's or the server's error; `explainConnect` turns it into words. The caller ends it.
 */
export async function connect(settings: ConnectionSettings, kind: 'ordinary' | 'replication' = 'ordinary'): Promise<Client> {
  const tls = settings.sslMode !== 'disable' && settings.sslMode !== 'allow'
  try {
    return await open(settings, kind, tls)
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    if (settings.sslMode === 'prefer' && /does not support SSL/.test(message)) return open(settings, kind, false)
    // pg_hba.conf turned away the connection without TLS.
    if (settings.sslMode === 'allow' && (error as { code?: unknown }).code === '28000') return open(settings, kind, true)
    throw error
  }
}

async function open(settings: ConnectionSettings, kind: 'ordinary' | 'replication', tls: boolean): Promise<Client> {
  const guc = { ...sessionOptions, ...patience }
  const config: ClientConfig & { replication?: string } = {
    host: settings.host,
    port: settings.port,
    user: settings.user,
    password: settings.password ?? '',
    database: settings.database,
    ssl: tls ? tlsOptions(settings) : false,
    keepAlive: settings.tcpKeepAlive,
    keepAliveInitialDelayMillis: 30_000,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    ...(settings.queryTimeoutMs > 0 ? { query_timeout: settings.queryTimeoutMs } : {}),
    application_name: settings.applicationName,
    options: Object.entries(guc)
      .map(([name, value]) => `-c ${name}=${value.replace(/([\\ ])/g, '\\$1')}`)
      .join(' '),
    ...(kind === 'replication' ? { replication: 'database' } : {}),
  }
  const client = new Client(config)
  // A connection that breaks while idle shows at its next use; without a listener it would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
    if (kind === 'ordinary' && settings.initialStatements) await client.query(settings.initialStatements)
  } catch (error) {
    await disconnect(client)
    throw error
  }
  return client
}

/** Longest time that a connection gets to end in an orderly way. Milliseconds. */
const goodbyeMsMax = 2_000

/** Ends a connection, by force where the other side does not answer. Never rejects: what is wrong with it does not matter any more. */
export async function disconnect(client: Client): Promise<void> {
  const force = setTimeout(() => socketOf(client).destroy(), goodbyeMsMax)
  try {
    await client.end()
  } catch {
    // It is gone already.
  } finally {
    clearTimeout(force)
  }
}

/** The socket below a client, TLS included. Not part of pg's documented interface: tests pin it. */
export function socketOf(client: Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}

function tlsOptions(settings: ConnectionSettings): Exclude<ClientConfig['ssl'], boolean | undefined> {
  const verify = settings.sslMode === 'verify-ca' || settings.sslMode === 'verify-full'
  return {
    rejectUnauthorized: verify,
    ...(settings.sslMode === 'verify-ca' ? { checkServerIdentity: (_host: string, _certificate: PeerCertificate) => undefined } : {}),
    ...(settings.sslRootCert ? { ca: readFileSync(settings.sslRootCert) } : {}),
    ...(settings.sslCert ? { cert: readFileSync(settings.sslCert) } : {}),
    ...(settings.sslKey ? privateKey(settings.sslKey, settings.sslPassword) : {}),
  }
}

function privateKey(file: string, passphrase: string | undefined): { key: string | Buffer } {
  const content = readFileSync(file)
  const pem = content.includes('-----BEGIN')
  const key = pem
    ? createPrivateKey({ key: content, passphrase })
    : createPrivateKey({ key: content, format: 'der', type: 'pkcs8', passphrase })
  return { key: key.export({ type: 'pkcs8', format: 'pem' }) }
}

/** An identifier as SQL and the replication commands take it. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A literal as SQL and the replication commands take it (`standard_conforming_strings` on). */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** `schema.table`, quoted. */
export function quoteTable(table: { readonly schema: string; readonly name: string }): string {
  return `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`
}
