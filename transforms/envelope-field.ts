import { ConfigError, DataError, type ConnectRecord, type Schema } from '../core/index.ts'

/** A field of Debezium's envelope that is added to a row or to the headers, as `add.fields` and `add.headers` spell it. */
export interface Addition {
  /** Part of the envelope that holds it (source, transaction ...); null: the envelope itself. */
  readonly struct: string | null
  readonly field: string
  /** Its new name, prefix included. */
  readonly name: string
}

/**
 * Reads a list like `op,table,source.ts_ms,lsn:position`. Names without a struct are looked up where Debezium looks: op and ts_* in the
 * envelope, id and orders in `transaction`, all others in `source`. Throws a ConfigError for a spelling it does not know or a name that
 * comes twice.
 */
export function additionsOf(key: string, list: readonly string[], prefix: string): readonly Addition[] {
  const additions = list.map((text): Addition => {
    const match = /^(?:([^.:]+)\.)?([^.:]+)(?::([^.:]+))?$/.exec(text)
    if (match === null) {
      throw new ConfigError([
        {
          key,
          value: text,
          message: `Invalid value ${text} for configuration ${key}: Unexpected field name; write field, struct.field or field:name`,
        },
      ])
    }
    const [, struct, field, renamed] = match
    return {
      struct: struct ?? homeOf(field!),
      field: field!,
      name: prefix + (renamed ?? (struct === undefined ? field! : `${struct}_${field!}`)),
    }
  })
  const twice = additions.find(({ name }, index) => additions.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined) {
    throw new ConfigError([
      { key, value: list.join(','), message: `Invalid value ${list.join(',')} for configuration ${key}: it adds "${twice.name}" twice` },
    ])
  }
  return additions
}

/** True for Debezium's change events: by their schema's name, or by their members where there is no schema. */
export function isEnvelope({ value, valueSchema }: ConnectRecord): boolean {
  if (valueSchema !== null) return valueSchema.type === 'struct' && (valueSchema.name?.endsWith('.Envelope') ?? false)
  if (typeof value !== 'object' || value === null || value instanceof Map) return false
  const { op, source } = value as Record<string, unknown>
  return typeof op === 'string' && typeof source === 'object' && (Object.hasOwn(value, 'after') || Object.hasOwn(value, 'before'))
}

/** The field's value in this envelope (null where its part is missing), with its schema, optional; null: the envelope has none. */
export function added(
  addition: Addition,
  envelopeSchema: Schema | null,
  envelope: Readonly<Record<string, unknown>>,
): { readonly schema: Schema | null; readonly value: unknown } {
  const { struct, field } = addition
  if (envelopeSchema === null) {
    const home = struct === null ? envelope : (envelope[struct] as Readonly<Record<string, unknown>> | null | undefined)
    const value = ownOf(home, field) ?? ownOf(envelope, field)
    if (value === undefined && struct !== 'transaction') throw unknown(addition)
    return { schema: null, value: value ?? null }
  }
  const homeSchema = struct === null ? envelopeSchema : schemaOf(envelopeSchema, struct)
  const inHome = homeSchema === undefined ? undefined : schemaOf(homeSchema, field)
  const schema = inHome ?? schemaOf(envelopeSchema, field)
  if (schema === undefined) throw unknown(addition)
  const home =
    inHome === undefined || struct === null ? envelope : (envelope[struct] as Readonly<Record<string, unknown>> | null | undefined)
  return { schema: withoutDefault(schema), value: ownOf(home, field) ?? null }
}

function homeOf(field: string): string | null {
  if (['id', 'data_collection_order', 'total_order'].includes(field)) return 'transaction'
  return ['op', 'ts_ms', 'ts_us', 'ts_ns'].includes(field) ? null : 'source'
}

function schemaOf(struct: Schema, name: string): Schema | undefined {
  return struct.fields.find((field) => field.name === name)?.schema
}

// A part of an envelope may be an object of a class whose fields are getters; only a name that all objects inherit must be its own.
function ownOf(home: Readonly<Record<string, unknown>> | null | undefined, name: string): unknown {
  if (home === null || home === undefined || (name in Object.prototype && !Object.hasOwn(home, name))) return undefined
  return home[name]
}

const relaxed = new WeakMap<Schema, Schema>()

function withoutDefault(schema: Schema): Schema {
  let known = relaxed.get(schema)
  if (known === undefined) {
    known = { ...schema, optional: true, defaultValue: undefined }
    relaxed.set(schema, known)
  }
  return known
}

function unknown({ struct, field }: Addition): DataError {
  return new DataError(
    `The envelope has no field "${struct === null ? field : `${struct}.${field}`}" to add; correct add.fields or add.headers`,
  )
}
