import type { Progress } from '../contract/context.ts'
import type { ConfigIssue } from '../contract/errors.ts'
import type { Json } from '../contract/json.ts'
import type { Offsets } from '../contract/record.ts'
import type { RawConfig } from './ends.ts'
import type { Failure } from './failure.ts'
import type { LetterTopicSpec } from './letters/letter-topic.ts'
import type { LetterPage, LetterQuery } from './letters/letter-shelf.ts'
import type { LetterSpan, RedriveState } from './letters/redrive-job.ts'
import type { PreviewSpec } from './preview/preview-spec.ts'
import type { PluginDescription } from './plugins/describe.ts'
import type { LoopStep } from './task.ts'

/** One part of a task: the module that offers it, its class, and its raw config. */
export interface PartSpec {
  readonly module: string
  readonly class: string
  readonly config: RawConfig
}

export interface StepSpec {
  readonly alias: string
  readonly transform: PartSpec
  readonly predicate: { readonly alias: string; readonly part: PartSpec } | null
  readonly negate: boolean
  /** Sources that the transform may open, by the names it lists. */
  readonly sources: Readonly<Record<string, PartSpec>>
}

/** Everything that a host needs to run a task. References to config providers are resolved, so it is never stored or logged. */
export interface TaskSpec {
  readonly connector: string
  readonly task: number
  readonly generation: number
  readonly source: PartSpec
  readonly sink: PartSpec
  readonly steps: readonly StepSpec[]
  readonly converters: { readonly key: PartSpec | null; readonly value: PartSpec | null; readonly header: PartSpec | null }
  readonly limits: { readonly rows: number; readonly bytes: number; readonly intervalMs: number; readonly aheadBytes: number }
  /** Milliseconds; null: for ever. */
  readonly retry: { readonly timeoutMs: number | null; readonly delayMaxMs: number }
  readonly tolerance: {
    readonly all: boolean
    readonly log: boolean
    readonly logRecords: boolean
    readonly deadLetters: {
      readonly folder: string
      readonly fileBytesMax: number
      /** Where they go instead of the folder; null: no topic is named. */
      readonly topic: LetterTopicSpec | null
    }
    /** A letter that was redriven this often is left where it is. */
    readonly redriveMax: number
  }
  readonly secrets: readonly string[]
  readonly level: LevelName
  readonly paused: boolean
}

/** How a run of a task ended: null: it was told to stop; `complete`: its source has no more. */
export type TaskEnd = Failure | 'complete' | null

export type LevelName = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL' | 'OFF'

/** A plugin module and the package that it is of. */
export interface ModuleName {
  readonly specifier: string
  readonly package: string
  readonly version: string
  /** Its names belong to Millrace itself, in the host as in the worker. */
  readonly builtIn: boolean
  /** What a config takes of it: a manifest may promise what the code has not. */
  readonly taken: readonly { readonly type: string; readonly class: string }[]
}

/** A short piece of plugin code outside a task, run in a host so that the control plane never runs any. */
export type CallRequest =
  | { readonly kind: 'tasks'; readonly part: PartSpec; readonly max: number }
  | { readonly kind: 'validate'; readonly config: RawConfig; readonly clients: RawConfig; readonly modules: readonly ModuleName[] }
  /** What a plugin's code says of itself: for packages whose manifest does not. */
  | { readonly kind: 'describe'; readonly module: string }
  | { readonly kind: 'checkOffsets'; readonly part: PartSpec; readonly offsets: Offsets }
  | { readonly kind: 'alterOffsets'; readonly part: PartSpec; readonly connector: string; readonly offsets: Offsets | null }
  | { readonly kind: 'destroy'; readonly part: PartSpec; readonly connector: string }
  /** A page of dead letters; without a query: the spans that are there. */
  | { readonly kind: 'letters'; readonly topic: LetterTopicSpec; readonly connector: string; readonly query: LetterQuery | null }
  /** Answered with JSON text (preview/preview-answer.ts). */
  | { readonly kind: 'preview'; readonly spec: PreviewSpec }

export type CallAnswer =
  PluginDescription | readonly RawConfig[] | readonly ConfigIssue[] | readonly LetterSpan[] | LetterPage | string | null

/** Worker to host. `id` names one run of one task: it is never used twice. */
export type ToHost =
  | { readonly type: 'start'; readonly id: number; readonly spec: TaskSpec }
  | { readonly type: 'pause' | 'resume' | 'stop' | 'kill' | 'forget-topics'; readonly id: number }
  | { readonly type: 'level'; readonly id: number; readonly level: LevelName }
  | { readonly type: 'redrive'; readonly id: number; readonly state: RedriveState }
  | { readonly type: 'offsets'; readonly call: number; readonly offsets?: Offsets; readonly error?: string }
  | { readonly type: 'call'; readonly call: number; readonly request: CallRequest; readonly secrets: readonly string[] }
  | { readonly type: 'leave' }

/** Host to worker. */
export type FromHost =
  | { readonly type: 'ready' }
  | { readonly type: 'state'; readonly id: number; readonly state: 'RUNNING' | 'PAUSED' }
  | { readonly type: 'beat'; readonly beats: readonly Beat[]; readonly residentBytes: number }
  | { readonly type: 'topics'; readonly id: number; readonly topics: readonly string[] }
  | { readonly type: 'ended'; readonly id: number; readonly end: TaskEnd }
  | { readonly type: 'fatal'; readonly failure: Failure }
  | { readonly type: 'load'; readonly call: number; readonly connector: string }
  | { readonly type: 'save'; readonly call: number; readonly connector: string; readonly offsets: Offsets }
  /** Where in a call it is now: said before foreign code runs, so that one that hangs can be named. */
  | { readonly type: 'at'; readonly call: number; readonly place: string }
  | { readonly type: 'answer'; readonly call: number; readonly answer?: CallAnswer; readonly failure?: Failure }

/** What a host says of one task, twice a second. Counts are since the start of the run. */
export interface Beat {
  readonly id: number
  readonly step: LoopStep
  /** Milliseconds without a sign of life where there should be one; 0 while waiting for input or paused. */
  readonly quietMs: number
  readonly polled: number
  readonly put: number
  readonly filtered: number
  readonly rejected: number
  readonly retries: number
  readonly flushes: number
  readonly lastFlushMs: number | null
  readonly progress: Progress
}

export type { Json }
