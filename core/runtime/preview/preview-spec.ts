import type { RawConfig } from '../ends.ts'
import type { PartSpec, TaskSpec } from '../protocol.ts'

/** What a person asks of a preview. */
export interface PreviewOrder {
  /** A connector whose config is taken; null: `config` stands alone. */
  readonly connector: string | null
  /** Keys of a config, laid over the connector's. */
  readonly config: RawConfig
  /** Each a sample record as JSON text (`sample.ts`). */
  readonly samples: readonly string[]
  /** How many records are read from the source instead; null: none. */
  readonly live: number | null
  /** How many of the connector's newest dead letters are taken instead; null: none. */
  readonly letters: number | null
  /** How long it may take, in milliseconds. */
  readonly timeoutMs: number
}

/** Bounds of one preview. */
export const previewLimits = {
  records: 100,
  /** Of all samples together. */
  sampleBytes: 1024 * 1024,
  timeoutMs: { default: 5_000, min: 100, max: 9_000 },
  /** Records beyond it are left out of the answer, and counted. Characters. */
  answerMax: 4 * 1024 * 1024,
  /** Changes that one step shows. */
  changes: 200,
} as const

/** A preview as a host runs it: everything named, references resolved. */
export interface PreviewSpec extends Pick<TaskSpec, 'steps' | 'converters'> {
  readonly connector: string
  readonly samples: readonly string[]
  /** Words to the person who asked, for the answer. */
  readonly notes: readonly string[]
  readonly live: { readonly source: PartSpec; readonly records: number; readonly timeoutMs: number } | null
  /** Topic of samples that name none. */
  readonly topic: string
  /** Whether converters show what they make of the result. */
  readonly bytes: boolean
  /** Converters that would register schemas if they were not kept from it here. */
  readonly unregistered: readonly string[]
  /** A sink that can say what the records would do to its targets. */
  readonly sink: PartSpec | null
}
