import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, RetriableError, type Logger } from '../../../core/index.ts'
import { apis, type Api } from './apis.ts'
import { refusal } from './kafka-error.ts'
import { Link, type CallOptions } from './link.ts'
import type { BrokerAddress, ClientSettings } from './settings.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/**
 * A broker works on one request of a connection at a time, so what may wait there has connections of its own: long polls, acknowledged
 * writes, and groups' calls, whose joins wait for other members.
 */
export type Purpose = 'control' | 'produce' | 'fetch' | 'group'

/** What the cluster tells about itself with every metadata answer. */
export interface ClusterView {
  readonly clusterId: string | null
  readonly controller: number
}

/** A topic as a metadata answer has it. */
export interface TopicAnswer {
  readonly errorCode: number
  readonly name: string
  readonly internal: boolean
  readonly partitions: readonly { readonly partition: number; readonly leader: number }[]
}

/** The brokers of a cluster and the connections to them. */
export class Cluster implements Disposable {
  readonly settings: ClientSettings
  readonly log: Logger
  #view: ClusterView = { clusterId: null, controller: -1 }
  #nodes = new Map<number, BrokerAddress>()
  #links = new Map<string, Link>()
  readonly #end = new AbortController()

  constructor(settings: ClientSettings, log: Logger) {
    this.settings = settings
    this.log = log
  }

  get view(): ClusterView {
    return this.#view
  }

  get disposed(): boolean {
    return this.#end.signal.aborted
  }

  /** A pause before the next attempt; it ends with the client, so the caller looks at `disposed` after it. */
  async pause(ms: number): Promise<void> {
    try {
      await sleep(ms, undefined, { signal: this.#end.signal })
    } catch {
      // The client is disposed of: nothing is waited for any more.
    }
  }

  /** Asks the broker with this id. An id that is not known rejects with a RetriableError: ask for metadata. */
  call(node: number, purpose: Purpose, api: Api, body: WireWriter, options?: CallOptions): Promise<WireReader> {
    const address = this.#nodes.get(node)
    if (!address) return Promise.reject(new RetriableError(`Kafka's broker ${node} is not known, or gone`))
    return this.#link(address, purpose).call(api, body, options)
  }

  /** Asks any broker that answers. `body` is written anew for each attempt. */
  async callAny(api: Api, body: () => WireWriter): Promise<WireReader> {
    const failures: Error[] = []
    for (const address of this.#candidates()) {
      try {
        return await this.#link(address, 'control').call(api, body())
      } catch (error) {
        // Wrong settings are wrong at the other brokers, too.
        if (error instanceof ConfigError || this.disposed) throw error
        failures.push(error as Error)
      }
    }
    if (this.#nodes.size === 0 && failures.every(({ cause }) => (cause as { code?: unknown } | undefined)?.code === 'ENOTFOUND')) {
      const names = this.settings.brokers.map(({ host }) => host).join(', ')
      const message = `No resolvable bootstrap urls given in bootstrap.servers: no address is known for ${names}`
      throw new ConfigError([{ key: 'bootstrap.servers', message }], { cause: failures[0] })
    }
    if (failures.length === 1) throw failures[0]!
    throw new RetriableError(`No broker of Kafka answers: ${failures.map(({ message }) => message).join('; ')}`, { cause: failures[0] })
  }

  /** Metadata of these topics (null: all of them) as the cluster has it now. */
  async describe(topics: readonly string[] | null): Promise<readonly TopicAnswer[]> {
    const answer = await this.callAny(apis.Metadata, () => {
      const body = new WireWriter()
      // Not even where the broker would: a topic comes into being by admin.create alone.
      return body.array(topics, (topic) => void body.string(topic)).boolean(false)
    })
    answer.int32()
    const nodes = answer.array(() => {
      const id = answer.int32()
      const address = { host: answer.string(), port: answer.int32() }
      answer.nullableString()
      return { id, address }
    })
    const view = { clusterId: answer.nullableString(), controller: answer.int32() }
    const found = answer.array(() => ({
      errorCode: answer.int16(),
      name: answer.string(),
      internal: answer.boolean(),
      partitions: answer.array(() => {
        answer.int16()
        const partition = answer.int32()
        const leader = answer.int32()
        for (let list = 0; list < 3; list++) answer.array(() => answer.int32())
        return { partition, leader }
      }),
    }))
    this.#view = view
    if (nodes.length > 0) this.#learn(new Map(nodes.map(({ id, address }) => [id, address])))
    return found
  }

  /** Creating topics is the controller's work. */
  async callController(api: Api, body: () => WireWriter, waitMs: number): Promise<WireReader> {
    if (!this.#nodes.has(this.#view.controller)) await this.describe([])
    return this.call(this.#view.controller, 'control', api, body(), { waitMs })
  }

  /** The broker that keeps a group (`kind` 0) or a transactional id (1); throws as `refusal` does. */
  async findCoordinator(key: string, kind: 0 | 1): Promise<number> {
    const answer = await this.callAny(apis.FindCoordinator, () => new WireWriter().string(key).int8(kind))
    answer.int32()
    const errorCode = answer.int16()
    const said = answer.nullableString()
    if (errorCode !== 0) throw refusal(errorCode, `to find the coordinator of ${kind === 0 ? 'group' : 'transactional id'} "${key}"`, said)
    const node = answer.int32()
    this.#nodes.set(node, { host: answer.string(), port: answer.int32() })
    return node
  }

  [Symbol.dispose](): void {
    this.#end.abort()
    for (const link of this.#links.values()) link[Symbol.dispose]()
    this.#links.clear()
  }

  /** Brokers with a connection first, then the others, then where we began: one of those may be a broker that is new to us. */
  #candidates(): readonly BrokerAddress[] {
    const known = [...this.#nodes.values()]
    const standing = known.filter((address) => this.#links.get(linkKey(address, 'control'))?.standing)
    const all = [...shuffled(standing), ...shuffled(known), ...shuffled(this.settings.brokers)]
    return [...new Map(all.map((address) => [linkKey(address, 'control'), address])).values()]
  }

  #learn(nodes: Map<number, BrokerAddress>): void {
    this.#nodes = nodes
    const wanted = new Set([...nodes.values(), ...this.settings.brokers].map(({ host, port }) => `${host}:${port}`))
    for (const [key, link] of this.#links) {
      if (wanted.has(`${link.address.host}:${link.address.port}`)) continue
      this.#links.delete(key)
      link[Symbol.dispose]()
    }
  }

  #link(address: BrokerAddress, purpose: Purpose): Link {
    const key = linkKey(address, purpose)
    let link = this.#links.get(key)
    if (!link) {
      link = new Link(address, this.settings, this.log)
      if (this.disposed) link[Symbol.dispose]()
      else this.#links.set(key, link)
    }
    return link
  }
}

function linkKey({ host, port }: BrokerAddress, purpose: Purpose): string {
  return `${host}:${port}/${purpose}`
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
