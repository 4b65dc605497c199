import type { ConnectRecord } from '../core/index.ts'
import type { ConverterSample } from './converter-laws.ts'

type Raw = Readonly<Record<string, string>>

/**
 * What the laws need to know of a plugin to try its parts: the default export of `millrace.test.ts` (or `.js`, or what
 * `package.json#millrace.test` names) beside the package's `package.json`. Parts that it leaves out are tried on their definition alone.
 */
export interface PluginTest {
  readonly sources?: readonly SourceTest[]
  readonly sinks?: readonly SinkTest[]
  readonly transforms?: readonly TransformTest[]
  readonly predicates?: readonly TransformTest[]
  readonly converters?: readonly ConverterTest[]
}

export interface SourceTest {
  readonly class: string
  /** Makes an upstream that nothing else changes; called for each law. */
  open(): Promise<Upstream> | Upstream
}

/** What a source reads from in a test. */
export interface Upstream {
  /** The connector's config, without the runtime's keys. */
  readonly config: Raw
  /** How many records the upstream holds. */
  readonly records: number
  close?(): Promise<void> | void
}

export interface SinkTest {
  readonly class: string
  /** The sink drops records that it has committed when they come again: then it is tried, too. */
  readonly dropsReplays?: boolean
  /** Makes an empty place; called for each law. */
  open(): Promise<Downstream> | Downstream
}

/** What a sink writes to in a test. */
export interface Downstream {
  /** The connector's config, without the runtime's keys. */
  readonly config: Raw
  /** The numbers of the records that a reader of the place sees now. */
  read(): Promise<readonly number[]> | readonly number[]
  /** Record number `n`, where the sink needs records of its own kind; default: topic `contract`, key `{id}`, value `{id, text}`, both with schemas. */
  record?(n: number, partition: string): ConnectRecord
  close?(): Promise<void> | void
}

/** For transforms and predicates. */
export interface TransformTest {
  readonly class: string
  readonly config?: Raw
  /** Records that it accepts. */
  readonly samples: readonly ConnectRecord[]
}

export interface ConverterTest {
  readonly class: string
  readonly config?: Raw
  /** Contents that it can turn. */
  readonly samples: readonly ConverterSample[]
}

/** Declares how a plugin is tested. */
export function definePluginTest(test: PluginTest): PluginTest {
  return test
}
