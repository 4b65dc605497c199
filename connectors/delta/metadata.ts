import { randomUUID } from 'node:crypto'
import { DataError } from '../../core/index.ts'
import type { MetaData, Protocol } from './actions.ts'
import {
  type DeltaField,
  type DeltaSchema,
  type DeltaType,
  columnIdKey,
  physicalNameKey,
  typeText,
  usesTimestampNtz,
} from './delta-types.ts'
import type { TableState } from './log.ts'

/** What a new table gets beside its columns. */
export interface TableOptions {
  readonly deletionVectors: boolean
  /** Names among the columns; others are left out. */
  readonly partitionBy: readonly string[]
}

/** Table properties of ours: the mode a table was made in, whether its records are envelopes, and the source tables that fed it. */
export const modeProperty = 'millrace.mode'
export const formProperty = 'millrace.form'
export const sourcesProperty = 'millrace.sources'

/** The actions that a commit must carry so that the table has these columns and properties; absent parts are as the table has them. */
export interface TableChange {
  readonly protocol?: Protocol
  readonly metaData?: MetaData
  /** The whole schema after the change, with physical names. */
  readonly schema: DeltaSchema
}

/** Adds columns and properties to a table, or makes a new one. Throws a DataError for a name that cannot be a column. */
export function changeTable(
  state: TableState,
  added: readonly DeltaField[],
  properties: Readonly<Record<string, string>>,
  options: TableOptions,
): TableChange {
  const old = state.metaData
  const configuration: Record<string, string> = { ...old?.configuration, ...properties }
  if (!old && options.deletionVectors) configuration['delta.enableDeletionVectors'] = 'true'
  let fields = [...state.schema.fields, ...added]
  if (isMapped(configuration) || added.some((field) => hasSpecialName(field))) {
    if (!isMapped(configuration)) configuration['delta.columnMapping.mode'] = 'name'
    fields = mapColumns(fields, state.schema.fields, configuration)
  }
  const schema: DeltaSchema = { type: 'struct', fields }
  const unchanged = old && added.length === 0 && Object.entries(properties).every(([key, value]) => old.configuration[key] === value)
  if (unchanged) return { schema: state.schema }
  const metaData: MetaData = {
    id: old?.id ?? randomUUID(),
    ...(old?.name ? { name: old.name } : {}),
    ...(old?.description ? { description: old.description } : {}),
    format: old?.format ?? { provider: 'parquet', options: {} },
    schemaString: JSON.stringify(schema),
    partitionColumns: old?.partitionColumns ?? options.partitionBy.filter((name) => fields.some((field) => field.name === name)),
    configuration,
    createdTime: old?.createdTime ?? Date.now(),
  }
  if (!old) checkPartitions(metaData.partitionColumns, schema)
  const protocol = neededProtocol(state.protocol, schema, configuration)
  return protocol ? { protocol, metaData, schema } : { metaData, schema }
}

/** Characters that Parquet readers of the Hive family do not take in a column's name; such columns need column mapping. */
function hasSpecialName(field: DeltaField): boolean {
  return /[ ,;{}()\n\t=]/.test(field.name) || nested(field.type).some(hasSpecialName)
}

function nested(type: DeltaType): readonly DeltaField[] {
  if (typeof type === 'string') return []
  switch (type.type) {
    case 'struct':
      return type.fields
    case 'array':
      return nested(type.elementType)
    case 'map':
      return [...nested(type.keyType), ...nested(type.valueType)]
    default:
      return type satisfies never
  }
}

function isMapped(configuration: Readonly<Record<string, string>>): boolean {
  return (configuration['delta.columnMapping.mode'] ?? 'none') !== 'none'
}

/** Gives every field an id and a physical name: columns that files already hold keep their name in them, new ones get a random one. */
function mapColumns(fields: readonly DeltaField[], existing: readonly DeltaField[], configuration: Record<string, string>): DeltaField[] {
  let id = Number(configuration['delta.columnMapping.maxColumnId'] ?? 0)
  const mapType = (type: DeltaType, old: boolean): DeltaType => {
    if (typeof type === 'string') return type
    switch (type.type) {
      case 'struct':
        return { ...type, fields: type.fields.map((field) => mapField(field, old)) }
      case 'array':
        return { ...type, elementType: mapType(type.elementType, old) }
      case 'map':
        return { ...type, keyType: mapType(type.keyType, old), valueType: mapType(type.valueType, old) }
      default:
        return type satisfies never
    }
  }
  const mapField = (field: DeltaField, old: boolean): DeltaField => {
    if (field.metadata[physicalNameKey] !== undefined) return field
    const own = ++id
    const physical = old ? field.name : `col-${randomUUID()}`
    return { ...field, type: mapType(field.type, old), metadata: { ...field.metadata, [columnIdKey]: own, [physicalNameKey]: physical } }
  }
  const mapped = fields.map((field) => mapField(field, existing.includes(field)))
  configuration['delta.columnMapping.maxColumnId'] = String(id)
  return mapped
}

function checkPartitions(names: readonly string[], schema: DeltaSchema): void {
  for (const name of names) {
    const field = schema.fields.find((one) => one.name === name)!
    if (typeof field.type !== 'string' || field.type === 'binary') {
      throw new DataError(`Column "${name}" is ${typeText(field.type)} and cannot partition a table; take it out of partition.by`)
    }
  }
  if (names.length > 0 && names.length === schema.fields.length) {
    throw new DataError(`partition.by names all columns of the table (${names.join(', ')}); Delta needs one that is not a partition column`)
  }
}

/** Table features that this writer keeps the rules of. The legacy ones without a use in the table need nothing. */
const readerFeatures = ['deletionVectors', 'columnMapping', 'timestampNtz']
const writerFeatures = [
  ...readerFeatures,
  'appendOnly',
  'invariants',
  'checkConstraints',
  'changeDataFeed',
  'generatedColumns',
  'vacuumProtocolCheck',
]

/** Throws where the table asks of its writers what this one does not do. */
export function checkSupported(table: string, state: TableState): void {
  const { protocol, metaData } = state
  if (!protocol || !metaData) return
  const unknown = [
    ...(protocol.readerFeatures ?? []).filter((name) => !readerFeatures.includes(name) && name !== 'vacuumProtocolCheck'),
    ...(protocol.writerFeatures ?? []).filter((name) => !writerFeatures.includes(name)),
  ]
  if (protocol.minReaderVersion > 3 || protocol.minWriterVersion > 7)
    unknown.push(`protocol ${protocol.minReaderVersion}/${protocol.minWriterVersion}`)
  const { configuration } = metaData
  if (configuration['delta.enableChangeDataFeed'] === 'true') unknown.push('changeDataFeed')
  if (configuration['delta.columnMapping.mode'] === 'id') unknown.push('columnMapping by id')
  if (Object.keys(configuration).some((key) => key.startsWith('delta.constraints.'))) unknown.push('checkConstraints')
  if (metaData.schemaString.includes('delta.invariants')) unknown.push('invariants')
  if (metaData.schemaString.includes('delta.generationExpression')) unknown.push('generatedColumns')
  if (state.schema.fields.some((field) => !field.nullable)) unknown.push('NOT NULL columns')
  if (unknown.length > 0) {
    throw new Error(
      `Table ${table} uses what this writer does not support: ${[...new Set(unknown)].join(', ')}; drop these features or write to another table`,
    )
  }
}

/** The protocol that a schema and its properties need, as features on top of the table's own; undefined: the table's own will do. */
function neededProtocol(
  current: Protocol | undefined,
  schema: DeltaSchema,
  configuration: Readonly<Record<string, string>>,
): Protocol | undefined {
  const needed: string[] = []
  if (configuration['delta.enableDeletionVectors'] === 'true') needed.push('deletionVectors')
  if (isMapped(configuration)) needed.push('columnMapping')
  if (usesTimestampNtz(schema)) needed.push('timestampNtz')
  const missing = needed.filter((name) => !hasFeature(current, name))
  if (current && missing.length === 0) return undefined
  if (needed.length === 0) return { minReaderVersion: 1, minWriterVersion: 2 }
  return {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: [...new Set([...(current?.readerFeatures ?? legacy(current, 'reader')), ...needed])],
    writerFeatures: [...new Set([...(current?.writerFeatures ?? legacy(current, 'writer')), ...needed])],
  }
}

/** True where the table's protocol has the feature, by name or (column mapping) by version. */
export function hasFeature(protocol: Protocol | undefined, name: string): boolean {
  if (!protocol) return false
  if (protocol.minWriterVersion >= 7) return protocol.writerFeatures?.includes(name) ?? false
  return name === 'columnMapping' && protocol.minReaderVersion >= 2 && protocol.minWriterVersion >= 5
}

/** The features that a version without features stands for, which must be named when a table moves to features. */
function legacy(protocol: Protocol | undefined, side: 'reader' | 'writer'): readonly string[] {
  if (!protocol) return []
  const features: [version: number, name: string][] =
    side === 'reader'
      ? [[2, 'columnMapping']]
      : [
          [2, 'appendOnly'],
          [2, 'invariants'],
          [3, 'checkConstraints'],
          [4, 'changeDataFeed'],
          [4, 'generatedColumns'],
          [5, 'columnMapping'],
        ]
  const version = side === 'reader' ? protocol.minReaderVersion : protocol.minWriterVersion
  return features.filter(([since]) => since <= version).map(([, name]) => name)
}
