import type { Client } from 'pg'
import type { Query } from './catalog.ts'
import { connect, disconnect, type ConnectionSettings } from './connection.ts'

/** An ordinary connection that is opened at its first use, and again at the next use after it broke. Statements run one after another. */
export class QueryConnection implements AsyncDisposable {
  readonly #settings: ConnectionSettings
  #client: Promise<Client> | undefined

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
  }

  readonly query: Query = async (sql, params) => {
    const opening = (this.#client ??= this.#open())
    const client = await opening
    return client.query(sql, params)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A connection that never came about was told to whoever asked for it.
    const client = await this.#client?.catch(() => undefined)
    this.#client = undefined
    if (client !== undefined) await disconnect(client)
  }

  #open(): Promise<Client> {
    const opening = connect(this.#settings)
    const forget = () => {
      if (this.#client === opening) this.#client = undefined
    }
    opening.then((client) => client.once('end', forget), forget)
    return opening
  }
}
