import type { OffsetStore } from '../contract/offsets.ts'
import type { Offsets } from '../contract/record.ts'

/** Everything a worker must know after a restart. Only one worker may hold a store at a time. */
export interface WorkerStore extends AsyncDisposable {
  /** Stable for the life of the store; `GET /` shows it as the cluster's id. */
  readonly id: string
  readonly offsets: OffsetStore
  /** What is remembered of all connectors, deleted ones left out. */
  load(): Promise<readonly StoredConnector[]>
  /** Creates or replaces; resolves when it is durable. */
  saveConnector(connector: StoredConnector): Promise<void>
  /** Forgets config, target state, statuses and topics. Offsets and generation stay, as in Connect. */
  deleteConnector(name: string): Promise<void>
  /** Last reported states, for people who look at a worker that is down; never an input of a decision. */
  saveStatus(name: string, task: number | null, status: StoredStatus): Promise<void>
  statuses(name: string): Promise<readonly StoredStatus[]>
  topics(name: string): Promise<readonly string[]>
  addTopics(name: string, topics: readonly string[]): Promise<void>
  resetTopics(name: string): Promise<void>
  /** How often a person altered or reset the connector's offsets; 0 at first. */
  generation(name: string): Promise<number>
  /** Writes what a person decided and raises the generation, in one step. A null position removes its partition; `replace` forgets all others. */
  alterOffsets(name: string, offsets: Offsets, options: { readonly replace: boolean }): Promise<void>
  /** Task processes that may be alive: a new worker ends those that its forerunner left. */
  hosts(): Promise<readonly HostIdentity[]>
  addHost(host: HostIdentity): Promise<void>
  removeHost(pid: number): Promise<void>
}

/** COMPLETED: stopped by itself, because its source came to its end. */
export type StoredTarget = 'STARTED' | 'PAUSED' | 'STOPPED' | 'COMPLETED'

export interface StoredConnector {
  readonly name: string
  readonly config: Readonly<Record<string, string>>
  readonly target: StoredTarget
  /** What each task's config has over the connector's; null: not split yet. */
  readonly tasks: readonly Readonly<Record<string, string>>[] | null
  /** Absent: it never ran with a plugin of a package. */
  readonly versions?: StoredVersions
}

/** A class in one version of the npm package that offers it. */
export interface Pin {
  readonly package: string
  readonly class: string
  readonly version: string
}

/** Versions of plugin packages by the config key that names their class (`connector.class`, `transforms.a.type`, `value.converter`). */
export type Pins = Readonly<Record<string, Pin>>

/** What a connector must remember of the versions of its plugins. */
export interface StoredVersions {
  /** It ran well with these. */
  readonly good: Pins
  /** A newer version failed, and the connector went back to `good`; null: none did. */
  readonly refused: RefusedVersions | null
}

export interface RefusedVersions {
  readonly failed: Pins
  readonly reason: string
  /** Milliseconds since the epoch. */
  readonly atMs: number
}

export interface StoredStatus {
  readonly task: number | null
  readonly state: string
  readonly trace: string | null
  readonly workerId: string
  readonly sinceMs: number
}

/** A process that no other one can be mistaken for: ids are used again, start times within one boot are not. */
export interface HostIdentity {
  readonly pid: number
  /** Clock ticks between boot and the start of the process (`/proc/<pid>/stat`, field 22). */
  readonly started: string
  readonly boot: string
}

/** Offsets after a merge: null removes a partition. */
export function mergeOffsets(old: Offsets, changes: Offsets): Offsets {
  const merged = new Map(Object.entries(old))
  for (const [partition, position] of Object.entries(changes)) {
    if (position === null) merged.delete(partition)
    else merged.set(partition, position)
  }
  return Object.fromEntries(merged)
}
