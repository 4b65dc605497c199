import { randomUUID } from 'node:crypto'
import type { OffsetStore } from '../contract/offsets.ts'
import type { Offsets } from '../contract/record.ts'
import { mergeOffsets, type HostIdentity, type StoredConnector, type StoredStatus, type WorkerStore } from './store.ts'

/** A store that forgets everything when the process ends: for tests and embedding. */
export class MemoryStore implements WorkerStore {
  readonly id = randomUUID()
  readonly offsets: OffsetStore
  readonly #positions = new Map<string, string>()
  readonly #connectors = new Map<string, StoredConnector>()
  readonly #statuses = new Map<string, Map<number | null, StoredStatus>>()
  readonly #topics = new Map<string, Set<string>>()
  readonly #generations = new Map<string, number>()
  readonly #hosts = new Map<number, HostIdentity>()

  constructor() {
    // Kept as text, so that nobody can change a position behind our back and values are as exact as in a file.
    const positions = this.#positions
    this.offsets = {
      load: async (connector) => read(positions.get(connector)),
      save: async (connector, offsets) => {
        positions.set(connector, JSON.stringify(mergeOffsets(read(positions.get(connector)) ?? {}, offsets)))
      },
      reset: async (connector) => {
        positions.set(connector, '{}')
      },
    }
  }

  async load(): Promise<readonly StoredConnector[]> {
    return [...this.#connectors.values()]
  }
  async saveConnector(connector: StoredConnector): Promise<void> {
    this.#connectors.set(connector.name, connector)
  }
  async deleteConnector(name: string): Promise<void> {
    this.#connectors.delete(name)
    this.#statuses.delete(name)
    this.#topics.delete(name)
  }
  async saveStatus(name: string, task: number | null, status: StoredStatus): Promise<void> {
    const known = this.#statuses.get(name) ?? new Map<number | null, StoredStatus>()
    known.set(task, status)
    this.#statuses.set(name, known)
  }
  async statuses(name: string): Promise<readonly StoredStatus[]> {
    return [...(this.#statuses.get(name)?.values() ?? [])]
  }
  async topics(name: string): Promise<readonly string[]> {
    return [...(this.#topics.get(name) ?? [])].sort()
  }
  async addTopics(name: string, topics: readonly string[]): Promise<void> {
    this.#topics.set(name, new Set([...(this.#topics.get(name) ?? []), ...topics]))
  }
  async resetTopics(name: string): Promise<void> {
    this.#topics.delete(name)
  }
  async generation(name: string): Promise<number> {
    return this.#generations.get(name) ?? 0
  }
  async alterOffsets(name: string, offsets: Offsets, { replace }: { readonly replace: boolean }): Promise<void> {
    const old = replace ? {} : (read(this.#positions.get(name)) ?? {})
    this.#positions.set(name, JSON.stringify(mergeOffsets(old, offsets)))
    this.#generations.set(name, (this.#generations.get(name) ?? 0) + 1)
  }
  async hosts(): Promise<readonly HostIdentity[]> {
    return [...this.#hosts.values()]
  }
  async addHost(host: HostIdentity): Promise<void> {
    this.#hosts.set(host.pid, host)
  }
  async removeHost(pid: number): Promise<void> {
    this.#hosts.delete(pid)
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

function read(text: string | undefined): Offsets | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Offsets)
}
