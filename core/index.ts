/** The plugin API: the only file of the core that a plugin imports, as `millrace`. */

// Declaring a plugin and its settings.
export { definePlugin, type Plugin } from './contract/plugin.ts'
export { defineConfig, parseConfig, type ConfigDef, type ConfigKey, type ConfigOf, type ConfigType } from './contract/config-def.ts'
export type { ManifestKey, PartKind, PartManifest, PluginManifest } from './contract/manifest.ts'

// The parts that a plugin can offer.
export { source, type SourceConnector, type SourceTask } from './contract/source.ts'
export { sink, type SinkConnector, type SinkTask } from './contract/sink.ts'
export {
  predicate,
  transform,
  type Predicate,
  type PredicateDef,
  type Transform,
  type TransformContext,
  type TransformDef,
} from './contract/transform.ts'
export { converter, type Converter, type ConverterDef, type SchemaAndValue } from './contract/converter.ts'
export type { ConverterStage, LagProgress, Logger, Progress, SnapshotProgress, TaskContext } from './contract/context.ts'

// Records, positions and batches.
export {
  idle,
  noHeaders,
  partitionKey,
  record,
  type ConnectRecord,
  type Header,
  type Offsets,
  type Origin,
  type RawHeader,
  type RawRecord,
  type RecordBatch,
  type RecordExtras,
  type WholeChunk,
  type WholeRecords,
} from './contract/record.ts'
export type { Json } from './contract/json.ts'

// Schemas and values.
export { addedOf, addedParameters, type Added } from './contract/added.ts'
export { decimalOf, types } from './contract/types.ts'
export {
  arrayOf,
  fieldOf,
  logical,
  mapOf,
  optional,
  primitive,
  sameSchema,
  structOf,
  withExtras,
  type Field,
  type Schema,
  type SchemaExtras,
  type SchemaType,
} from './contract/schema.ts'
export { decimalText, parseDecimal, rescale, unscaledBytes, unscaledFromBytes, type Decimal } from './contract/decimal.ts'

// Errors: the class that is thrown decides what the runtime does.
export { ConfigError, DataError, FencedError, GapError, RetriableError, type ConfigIssue } from './contract/errors.ts'

// For the work inside a task.
export { wait } from './contract/waiting.ts'
export { batches, type BatchBounds } from './contract/batching.ts'
export { answerError, requestError, retryAfter, type AnswerHead } from './contract/http-faults.ts'

// JSON, exact: texts of records, and readers of texts by a schema.
export { jsonText } from './contract/json-text.ts'
export { NumberText, parseJson } from './converter/json-parse.ts'
export { decoders } from './converter/decoders.ts'
export type { JsonDecoder } from './converter/decoding.ts'
export { jsonWriter, writePlain } from './converter/json-write.ts'
