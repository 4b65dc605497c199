import type { Client, QueryResult } from 'pg'
import { ConfigError, RetriableError } from '../../../core/index.ts'
import { connect, disconnect, socketOf, type ConnectionSettings } from '../connection.ts'
import { connectFailure } from '../explain.ts'
import { isTransient } from '../server-error.ts'
import { runScript, type Step } from './script.ts'

/** Time between two signs of life while a statement runs, and how long one may run (waiting for locks, too) before it counts as hung. Milliseconds. */
const aliveMs = 2_000
const silentMsMax = 300_000

/** One connection that writes, with at most one transaction open. Its users take turns (`exclusive`). */
export class Session implements AsyncDisposable {
  readonly #client: Client
  /** Temporary tables that exist in this session. */
  readonly stages = new Set<string>()
  #inTransaction = false
  #defines = false
  #turn: Promise<unknown> = Promise.resolve()
  #lost = false
  #running = 0

  private constructor(client: Client) {
    this.#client = client
    // Statements are sent while the answers to those before are on their way.
    ;(client as unknown as { pipeline: boolean }).pipeline = true
    client.once('end', () => (this.#lost = true))
    client.once('error', () => (this.#lost = true))
  }

  /** Connects to the first of the hosts that takes writes. Throws a RetriableError where none does for now, else what `explain` makes of the error. */
  static async open(hosts: readonly ConnectionSettings[]): Promise<Session> {
    let failure: unknown
    for (const host of hosts) {
      try {
        const client = await connect(host)
        const { rows } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only')
        if (rows[0]!.transaction_read_only === 'off') return new Session(client)
        failure ??= new RetriableError(
          `The server at ${host.host}:${host.port} is read-only (a standby?); connection.url may name more hosts`,
        )
        await disconnect(client)
      } catch (error) {
        failure = inOwnWords(connectFailure(error, host))
      }
    }
    throw failure
  }

  /** True: the connection is gone, and its transaction with it. */
  get lost(): boolean {
    return this.#lost
  }

  get inTransaction(): boolean {
    return this.#inTransaction
  }

  /** True: tables or columns were made in the open transaction, so a rollback takes them away. */
  get defines(): boolean {
    return this.#inTransaction && this.#defines
  }

  noteDefinition(): void {
    this.#defines = true
  }

  /** Runs `work` when nobody else is at work. While the server is at it, `alive` is called every few seconds, until it takes too long. */
  exclusive<T>(work: () => Promise<T>, alive: () => void): Promise<T> {
    const begin = async (): Promise<T> => {
      let ticks = 0
      const timer = setInterval(() => {
        if (ticks++ < silentMsMax / aliveMs) alive()
      }, aliveMs)
      try {
        return await work()
      } finally {
        clearInterval(timer)
      }
    }
    const mine = this.#turn.then(begin, begin)
    this.#turn = mine.catch(() => {}) // The one whose work it is sees the failure.
    return mine
  }

  query(sql: string, params?: unknown[]): Promise<QueryResult<Record<string, unknown>>> {
    return this.#client.query(sql, params)
  }

  /**
   * Runs steps in one round trip: the number of rows that each touched. They are sent at once, whatever else is under way, and run in their
   * order. Rejects with the server's error, and the steps that were done before it; what was sent behind them is refused, too.
   */
  async run(steps: readonly Step[]): Promise<readonly number[]> {
    this.#running++
    try {
      return await runScript(this.#client, steps)
    } finally {
      this.#running--
    }
  }

  async begin(): Promise<void> {
    if (this.#inTransaction) return
    await this.#client.query('BEGIN')
    this.#inTransaction = true
    this.#defines = false
  }

  /** After a rejection it is not known whether the transaction was committed. */
  async commit(): Promise<void> {
    const { command } = await this.#client.query('COMMIT')
    this.#inTransaction = false
    // A transaction in which something failed is rolled back by COMMIT, without an error.
    if (command !== 'COMMIT') throw new RetriableError('The server rolled the transaction back')
  }

  /** Never rejects: a connection on which that fails is lost. */
  async rollback(): Promise<void> {
    if (!this.#inTransaction) return
    this.#inTransaction = false
    // Those made in the transaction vanish with it; the others are made again where they are missed.
    this.stages.clear()
    try {
      await this.#client.query('ROLLBACK; DISCARD TEMP')
    } catch {
      this.#lost = true
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lost = true
    // What is under way is not waited for: it may wait for a lock.
    if (this.#running > 0) socketOf(this.#client).destroy()
    await disconnect(this.#client)
  }
}

/** Keys of the source under which faults of a connection are told, and the sink's keys for the same. */
const ownKeys: Readonly<Record<string, string>> = {
  'database.hostname': 'connection.url',
  'database.port': 'connection.url',
  'database.dbname': 'connection.url',
  'database.user': 'connection.user',
  'database.password': 'connection.password',
  'database.sslmode': 'connection.url',
  'database.sslrootcert': 'connection.url',
  'database.sslcert': 'connection.url',
  'database.sslkey': 'connection.url',
}

/** The same fault, told by the sink's keys: TLS has no keys but those in the URL (`sslmode` and the like). */
function inOwnWords(error: unknown): unknown {
  const translated = (text: string): string =>
    text
      .replace(/database\.ssl(\w+)/g, 'ssl$1 in connection.url')
      .replace(/database\.\w+/g, (key) => ownKeys[key] ?? key)
      .replace('(connection.url, connection.url)', '(connection.url)')
  if (error instanceof RetriableError) return new RetriableError(translated(error.message), { cause: error.cause })
  if (!(error instanceof ConfigError)) return error
  const issues = error.issues.map((issue) => ({ ...issue, key: ownKeys[issue.key] ?? issue.key, message: translated(issue.message) }))
  return new ConfigError(issues, { cause: error.cause })
}

/** What waiting may cure on a connection that writes: beside the usual, a server that became a standby, and statements that were cancelled. */
export function isPassing(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'string' && /^(25006|57014|55P03|25P03|25P04|RETRIABLE)$/.test(code)) return true
  return (
    isTransient(error) ||
    /^(Connection terminated|Client has encountered|write EPIPE|read ECONN|This socket has been ended|Premature close)/.test(
      messageOf(error),
    )
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : ''
}
