import {
  transform,
  type ConfigDef,
  type ConfigOf,
  type ConnectRecord,
  type Schema,
  type Transform,
  type TransformContext,
  type TransformDef,
} from '../core/index.ts'

/** The half of a record that a transform works on: `InsertField$Key` and `InsertField$Value` differ in nothing else. */
export interface Side {
  readonly name: 'Key' | 'Value'
  schema(record: ConnectRecord): Schema | null
  value(record: ConnectRecord): unknown
  replace(record: ConnectRecord, schema: Schema | null, value: unknown): ConnectRecord
}

// Records are spelled out field by field: that keeps their one shape, and a spread costs twice as much.
const keySide: Side = {
  name: 'Key',
  schema: (record) => record.keySchema,
  value: (record) => record.key,
  replace: (record, keySchema, key) => ({
    topic: record.topic,
    partition: record.partition,
    key,
    keySchema,
    value: record.value,
    valueSchema: record.valueSchema,
    timestamp: record.timestamp,
    headers: record.headers,
    origin: record.origin,
  }),
}

const valueSide: Side = {
  name: 'Value',
  schema: (record) => record.valueSchema,
  value: (record) => record.value,
  replace: (record, valueSchema, value) => ({
    topic: record.topic,
    partition: record.partition,
    key: record.key,
    keySchema: record.keySchema,
    value,
    valueSchema,
    timestamp: record.timestamp,
    headers: record.headers,
    origin: record.origin,
  }),
}

/** The value's for the key's, and the other way round. */
export function otherSide(side: Side): Side {
  return side === keySide ? valueSide : keySide
}

/** Short names of Millrace's own transforms: the plain one is that of the value's. */
export function shortNames(name: string): Readonly<Record<Side['name'], readonly string[]>> {
  return { Key: [`${name}$Key`], Value: [name, `${name}$Value`] }
}

/** A transform's two classes, `<name>$Key` and `<name>$Value`; `sources` are those that it may open. */
export function keyAndValue<const D extends ConfigDef>(
  name: string,
  doc: string,
  config: D,
  create: (config: ConfigOf<D>, side: Side, context?: TransformContext) => Transform,
  aliases: Readonly<Partial<Record<Side['name'], readonly string[]>>> = {},
  sources: readonly string[] = [],
): readonly TransformDef[] {
  return [keySide, valueSide].map((side) =>
    transform({
      class: `${name}$${side.name}`,
      aliases: aliases[side.name] ?? [],
      doc: `${doc} (of the record's ${side.name.toLowerCase()})`,
      config,
      sources,
      create: (settings, context) => create(settings as ConfigOf<D>, side, context),
    }),
  )
}
