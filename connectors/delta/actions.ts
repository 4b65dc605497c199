import type { DeltaSchema } from './delta-types.ts'
import { exactIntegers } from './exact-json.ts'

/** The actions of a Delta commit that this connector reads or writes (PROTOCOL.md, "Actions"). Field names are the protocol's. */
export interface Protocol {
  readonly minReaderVersion: number
  readonly minWriterVersion: number
  readonly readerFeatures?: readonly string[]
  readonly writerFeatures?: readonly string[]
}

export interface MetaData {
  readonly id: string
  readonly name?: string | null
  readonly description?: string | null
  readonly format: { readonly provider: string; readonly options?: Readonly<Record<string, string>> }
  readonly schemaString: string
  readonly partitionColumns: readonly string[]
  readonly configuration: Readonly<Record<string, string>>
  readonly createdTime?: number | null
}

/** Where a file's deletion vector lies: inline ("i", Z85 text), in a file named by a Z85 uuid ("u") or by an absolute path ("p"). */
export interface DeletionVectorDescriptor {
  readonly storageType: 'u' | 'i' | 'p'
  readonly pathOrInlineDv: string
  readonly offset?: number | null
  readonly sizeInBytes: number
  readonly cardinality: number
}

export interface AddFile {
  /** Relative to the table and URI-encoded, as in the log. */
  readonly path: string
  /** By physical column name; null and the empty string both mean NULL. */
  readonly partitionValues: Readonly<Record<string, string | null>>
  readonly size: number
  readonly modificationTime: number
  readonly dataChange: boolean
  /** JSON text, kept as text because its numbers may exceed what JavaScript holds. */
  readonly stats?: string | null
  readonly tags?: Readonly<Record<string, string>> | null
  readonly deletionVector?: DeletionVectorDescriptor | null
  readonly baseRowId?: number | null
  readonly defaultRowCommitVersion?: number | null
  readonly clusteringProvider?: string | null
}

export interface RemoveFile {
  readonly path: string
  readonly deletionTimestamp?: number | null
  readonly dataChange: boolean
  readonly extendedFileMetadata?: boolean | null
  readonly partitionValues?: Readonly<Record<string, string | null>> | null
  readonly size?: number | null
  readonly deletionVector?: DeletionVectorDescriptor | null
}

/** How far an application got: the newest `version` per `appId` is part of every snapshot. */
export interface Transaction {
  readonly appId: string
  /** bigint only where another writer's number is beyond 2^53. */
  readonly version: number | bigint
  readonly lastUpdated?: number | null
}

export interface CommitInfo {
  readonly timestamp?: number
  readonly operation?: string
  readonly [key: string]: unknown
}

/** One line of a commit: exactly one of these is present. */
export interface Action {
  readonly protocol?: Protocol
  readonly metaData?: MetaData
  readonly add?: AddFile
  readonly remove?: RemoveFile
  readonly txn?: Transaction
  readonly commitInfo?: CommitInfo
  readonly domainMetadata?: { readonly domain: string }
}

/** The text of a commit file: one JSON object a line. Numbers beyond 2^53 (bigint) are written as bare integers. */
export function commitText(actions: readonly Action[]): string {
  return actions.map((action) => JSON.stringify(action, exactIntegers)).join('\n') + '\n'
}

/** The actions of a commit file. Integers that JavaScript would round come back as bigint. Throws a SyntaxError for a half-written file. */
export function parseCommit(text: string): readonly Action[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => parseAction(line))
}

/** One action from its JSON text. */
export function parseAction(line: string): Action {
  return (line.includes('"txn"') ? JSON.parse(line, exactInteger as (key: string, value: unknown) => unknown) : JSON.parse(line)) as Action
}

/** The schema inside a metaData action. */
export function schemaOf(metaData: MetaData): DeltaSchema {
  return JSON.parse(metaData.schemaString) as DeltaSchema
}

function exactInteger(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || context.source === undefined) return value
  return /^-?\d+$/.test(context.source) ? BigInt(context.source) : value
}
