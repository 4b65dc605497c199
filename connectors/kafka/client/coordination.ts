import { ConfigError, RetriableError } from '../../../core/index.ts'
import type { Api } from './apis.ts'
import type { Cluster, Purpose } from './cluster.ts'
import { coordinatorCodes } from './error-codes.ts'
import { codeOf } from './kafka-error.ts'
import type { CallOptions } from './link.ts'
import type { WireReader } from './wire-reader.ts'
import type { WireWriter } from './wire-writer.ts'

/** Codes with which a transaction's coordinator says that it is still at work on the one before. */
const busyCodes: ReadonlySet<number> = new Set([51, 41])
/** First wait for such a coordinator: markers of a transaction are written in a few milliseconds, and the next one begins behind them. */
const busyMs = 2
/** How often a call is made again after its connection broke: the first break may be an old one that nobody had noticed. */
const breaksMax = 2

export interface CoordinatorCall<T> {
  /** The group or the transactional id. */
  readonly key: string
  readonly kind: 0 | 1
  readonly api: Api
  /** Written anew for each attempt; all these requests may be made twice without harm. */
  readonly body: () => WireWriter
  readonly options?: CallOptions
  /** The connection to use; default: `group` for groups, `control` for transactional ids. */
  readonly purpose?: Purpose
  /** Throws as `refusal` does. */
  readonly read: (answer: WireReader) => T
}

/** Calls to the brokers that keep groups and transactions: finds them, anew after they moved, and waits while they start. */
export class Coordination {
  readonly #cluster: Cluster
  #nodes = new Map<string, Promise<number>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async call<T>(call: CoordinatorCall<T>): Promise<T> {
    const { settings } = this.#cluster
    const end = performance.now() + settings.apiTimeoutMs
    const name = `${call.kind}/${call.key}`
    let breaks = 0
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#once(name, call)
      } catch (error) {
        const code = codeOf(error)
        if (this.#cluster.disposed || performance.now() > end || error instanceof ConfigError) throw error
        if (code === undefined) {
          if (!(error instanceof RetriableError) || breaks++ >= breaksMax) throw error
          this.#nodes.delete(name)
        } else if (coordinatorCodes.has(code)) this.#nodes.delete(name)
        else if (!busyCodes.has(code)) throw error
        const firstMs = code !== undefined && busyCodes.has(code) ? Math.min(busyMs, settings.retryMs) : settings.retryMs
        await this.#cluster.pause(Math.min(firstMs * 2 ** Math.min(attempt, 20), settings.retryMaxMs))
      }
    }
  }

  async #once<T>(name: string, { key, kind, purpose, api, body, options, read }: CoordinatorCall<T>): Promise<T> {
    let found = this.#nodes.get(name)
    if (!found) {
      found = this.#cluster.findCoordinator(key, kind)
      this.#nodes.set(name, found)
      found.catch(() => this.#nodes.delete(name))
    }
    return read(await this.#cluster.call(await found, purpose ?? (kind === 0 ? 'group' : 'control'), api, body(), options))
  }
}
