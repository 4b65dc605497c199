import type { Progress } from '../contract/context.ts'
import type { Json } from '../contract/json.ts'
import type { PartKind } from '../contract/manifest.ts'
import type { Pins, RefusedVersions } from '../store/store.ts'
import type { RawConfig } from './ends.ts'
import type { LetterPage, LetterQuery } from './letters/letter-shelf.ts'
import type { RedriveOrder, RedriveReport } from './letters/letter-desk.ts'
import type { PreviewOrder } from './preview/preview-spec.ts'
import type { ShownLetter } from './letters/shown-letter.ts'

export type { LetterQuery, PreviewOrder, RedriveOrder, RedriveReport, ShownLetter }

/**
 * What the control plane can do: the seam between the REST API (and the command line) and the worker.
 * Every call answers from the parent's own state: none waits for plugin code except where it says so.
 * Throws NotFoundError, ConflictError, BadRequestError, ConfigError; the texts are Connect's.
 */
export interface Control {
  /** False until the stores are open and the connectors of the last run are started. */
  readonly ready: boolean
  connectors(): readonly string[]
  /** Undefined: no such connector. */
  find(name: string): ConnectorInfo | undefined
  info(name: string): ConnectorInfo
  /** Validates, stores and starts; resolves when it is durable, before its tasks run. */
  create(name: string, config: RawConfig, state: TargetState): Promise<ConnectorInfo>
  /** Creates or replaces the config; unchanged configs do not disturb running tasks. */
  put(name: string, config: RawConfig): Promise<{ readonly created: boolean; readonly info: ConnectorInfo }>
  /** Null removes a key. */
  patch(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo>
  /** Stops the tasks, releases what the source holds upstream, forgets the config. Offsets are kept, as in Connect. */
  delete(name: string): Promise<void>
  status(name: string): ConnectorStatus
  tasks(name: string): readonly TaskInfo[]
  taskStatus(name: string, task: number): TaskStatus
  /** Resolves with the planned states; undefined where only the connector itself was restarted. */
  restart(name: string, options: { readonly includeTasks: boolean; readonly onlyFailed: boolean }): Promise<ConnectorStatus | undefined>
  restartTask(name: string, task: number): Promise<void>
  /** Resolves when no task writes any more (bounded by the graceful timeout). */
  pause(name: string): Promise<void>
  resume(name: string): Promise<void>
  /** Resolves when all tasks are gone (bounded by the graceful timeout, then killed). */
  stop(name: string): Promise<void>
  topics(name: string): readonly string[]
  resetTopics(name: string): void
  offsets(name: string): Promise<readonly OffsetEntry[]>
  /** Only for STOPPED connectors; a null offset removes its partition. All or none. */
  alterOffsets(name: string, entries: readonly OffsetEntry[]): Promise<void>
  resetOffsets(name: string): Promise<void>
  progress(name: string): readonly TaskProgress[]
  /** The connector's dead letters, newest first, without the config's secrets. Reads files, or a topic in a host; bounded. */
  deadLetters(name: string, query: LetterQuery): Promise<ShownPage>
  /** Has the connector's first task replay dead letters; resolves when the order is durable. `letters`: how many it will find; null: too many to count. */
  redrive(name: string, order: RedriveOrder): Promise<RedriveReport & { readonly letters: number | null }>
  /** The redrives of a connector that are remembered, newest first. */
  redrives(name: string): Promise<readonly RedriveReport[]>
  /** Takes records through transforms and shows every step; runs plugin code, in a host of its own. JSON text, so that numbers keep their digits. */
  preview(order: PreviewOrder): Promise<string>
  /** The plugin packages of this worker. */
  readonly plugins: PluginControl
  /** Which versions of plugin packages the connector runs with, or would if it were started. */
  versions(name: string): PluginVersions
  /** It is STOPPED because its source came to its end. */
  completed(name: string): boolean
}

/** What people do with plugin packages while the worker runs. */
export interface PluginControl {
  list(): ShownPlugins
  /** Looks for packages again: new ones can be used at once, connectors that run keep what they have until they are restarted. */
  refresh(): Promise<RefreshView>
  /** Removes a version that was installed. Throws a NotFoundError, or a ConflictError that names the connectors that use it, unless `force`. */
  remove(name: string, version: string, options: { readonly force: boolean }): Promise<void>
}

export interface ShownPlugins {
  /** Absolute path of the folder for installs; null: this worker has none. */
  readonly installPath: string | null
  readonly plugins: readonly ShownPlugin[]
}

export interface ShownPlugin {
  readonly name: string
  readonly version: string | null
  readonly folder: string
  readonly origin: 'setting' | 'dependency' | 'path' | 'installed'
  /** Versions of the contract that it works with; null: unknown. */
  readonly api: string | null
  readonly parts: readonly {
    readonly kind: PartKind
    readonly class: string
    readonly aliases: readonly string[]
    readonly doc: string | null
  }[]
  /** Why nothing of it is offered; null: it is. */
  readonly fault: string | null
  readonly usedBy: readonly string[]
}

export interface RefreshView {
  readonly added: readonly ShownPlugin[]
  readonly removed: readonly ShownPlugin[]
  /** All that are not taken now. */
  readonly refused: readonly ShownPlugin[]
}

export interface PluginVersions {
  readonly versions: Pins
  /** Newer versions that failed, so that the connector went back; null: none. */
  readonly wentBack: (RefusedVersions & { readonly to: Pins }) | null
}

/** One page of dead letters. */
export type ShownPage = Omit<LetterPage, 'letters'> & { readonly letters: readonly ShownLetter[] }

export type TargetState = 'RUNNING' | 'PAUSED' | 'STOPPED'
/** The only words that Connect's status endpoints ever show. */
export type State = 'UNASSIGNED' | 'RUNNING' | 'PAUSED' | 'STOPPED' | 'FAILED' | 'RESTARTING'

export interface ConnectorInfo {
  readonly name: string
  readonly config: RawConfig
  readonly tasks: readonly { readonly connector: string; readonly task: number }[]
  readonly type: 'source' | 'sink' | 'unknown'
}

export interface ConnectorStatus {
  readonly name: string
  readonly connector: { readonly state: State; readonly worker_id: string; readonly version?: string | null; readonly trace?: string }
  readonly tasks: readonly TaskStatus[]
  readonly type: 'source' | 'sink' | 'unknown'
}

export interface TaskStatus {
  readonly id: number
  readonly state: Exclude<State, 'STOPPED'>
  readonly worker_id: string
  readonly version?: string | null
  readonly trace?: string
}

export interface TaskInfo {
  readonly id: { readonly connector: string; readonly task: number }
  readonly config: RawConfig
}

/** Connect's shape: a partition map and an offset map; null: nothing known, or "remove". */
export interface OffsetEntry {
  readonly partition: Readonly<Record<string, Json>>
  readonly offset: Readonly<Record<string, Json>> | null
}

/** One task as `millrace top` and /api/v1 show it. */
export interface TaskProgress extends Progress {
  readonly task: number
  readonly state: State
  /** Process id of its host; null: not running. */
  readonly pid: number | null
  /** Set while a watchdog finds no progress: the step it is in and since when (milliseconds since the epoch). */
  readonly stalled: { readonly step: string; readonly sinceMs: number } | null
  readonly records: { readonly polled: number; readonly put: number; readonly filtered: number; readonly rejected: number }
  /** Records put per second over the last seconds. */
  readonly rate: number
  readonly flushes: number
  readonly lastFlushMs: number | null
  readonly restarts: number
  readonly residentBytes: number | null
  /** Why it is FAILED; `restartsAtMs`: when it starts again by itself (milliseconds since the epoch), null: it does not. */
  readonly failure: { readonly code: string; readonly message: string; readonly restartsAtMs: number | null } | null
}
