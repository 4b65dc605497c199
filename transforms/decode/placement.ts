import { ConfigError, DataError, withExtras, type ConnectRecord, type Schema } from '../../core/index.ts'
import { bySchema, membersOf, rebuilt, requireStruct, withFields } from '../fields.ts'
import { fieldAt, parsePath, pathReader, pathsFault } from '../field-path.ts'
import { refused } from '../config-fault.ts'
import { shown } from '../scalars.ts'
import type { Side } from '../side.ts'
import { compileCopy } from '../struct-copy.ts'

/** Settings that say what is decoded, and where the result goes. */
export const placementKeys = {
  field: {
    type: 'string',
    default: '',
    importance: 'high',
    doc: 'Field of text or bytes that is decoded, dots lead into nested ones; empty: the whole key or value.',
    check: (path: string) => (path === '' ? undefined : path.includes('[]') ? 'a path with [] has many values' : pathsFault([path], 'own')),
  },
  into: {
    type: 'string',
    default: '',
    importance: 'high',
    doc: 'Name of a new field, beside the decoded one, for the result; empty: it takes the place of what was decoded.',
  },
} as const

/** What was decoded; no schema: a structure that only JSON tells. */
export interface Decoded {
  readonly schema: Schema | null
  readonly value: unknown
}

/** Turns what records carry. */
export interface Decoding {
  /** The transform's name, for errors. */
  readonly name: string
  /** Throws a DataError. */
  decode(raw: string | Uint8Array, record: ConnectRecord): Decoded
  /** What the result has for this topic, where that is known without a value: then nulls have it, too. */
  schemaOf(topic: string): Schema | undefined
}

/**
 * Applies a decoding to the whole of a side, or to one of its fields. A null stays null; in a struct it gets the schema of the result where that
 * is known, and else the record is left as it is. Throws a ConfigError for settings that cannot be.
 */
export function placed(
  settings: { readonly field: string; readonly into: string },
  side: Side,
  decoding: Decoding,
): (record: ConnectRecord) => ConnectRecord {
  const { field, into } = settings
  if (field === '') {
    if (into !== '') {
      const message = 'Configuration into: the whole has no field beside it; set "field", or use HoistField'
      throw new ConfigError([{ key: 'into', value: into, message }])
    }
    return (record) => {
      const raw = side.value(record)
      if (raw === null) return record
      const { schema, value } = decoded(decoding, `the ${side.name.toLowerCase()}`, raw, record)
      return side.replace(record, schema, value)
    }
  }
  const path = refused('field', field, () => parsePath(field, 'own'))
  const steps = path.steps as readonly string[]
  const read = pathReader(path)
  const widened = bySchema((schema) => bySchema((inner) => compile(schema, steps, into, inner)))
  return (record) => {
    const whole = side.value(record)
    if (whole === null) return record
    const schema = side.schema(record)
    const raw = read(whole)
    if (schema === null) {
      // Records without a schema need not have all fields.
      if (raw === undefined) return record
      const value = raw === null ? null : decoded(decoding, `field "${field}"`, raw, record).value
      return side.replace(record, null, plainWith(whole, steps, into, value))
    }
    if (fieldAt(schema, path) === undefined) {
      throw new DataError(`${decoding.name}: the records of topic "${record.topic}" have no field "${field}"`)
    }
    const isNull = raw === null || raw === undefined
    const result = isNull ? nothing(decoding.schemaOf(record.topic)) : decoded(decoding, `field "${field}"`, raw, record)
    if (result === undefined) return record
    if (result.schema === null) {
      throw new DataError(
        `${decoding.name}: field "${field}" of topic "${record.topic}" is in a struct, so that what it holds needs a schema`,
      )
    }
    const target = widened(schema)(result.schema)
    return side.replace(record, target.schema, target.copy(requireStruct(schema, whole, 'decoding'), result.value))
  }
}

function nothing(schema: Schema | undefined): Decoded | undefined {
  return schema === undefined ? undefined : { schema, value: null }
}

function decoded({ name, decode }: Decoding, place: string, raw: unknown, record: ConnectRecord): Decoded {
  if (typeof raw !== 'string' && !(raw instanceof Uint8Array)) {
    throw new DataError(`${name}: ${place} of a record of topic "${record.topic}" is ${shown(raw)}; only text and bytes can be decoded`)
  }
  try {
    return decode(raw, record)
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause
    throw new DataError(`${name}: ${place} of a record of topic "${record.topic}" cannot be decoded: ${cause.message}`, { cause })
  }
}

interface Widened {
  readonly schema: Schema
  copy(struct: Readonly<Record<string, unknown>>, value: unknown): Record<string, unknown>
}

function compile(schema: Schema, steps: readonly string[], into: string, inner: Schema): Widened {
  const [step, ...rest] = steps
  const at = schema.fields.find(({ name }) => name === step)!
  if (rest.length > 0) {
    const nested = compile(at.schema, rest, into, inner)
    let current: unknown
    const through = (member: unknown) => (member === null ? null : nested.copy(member as Readonly<Record<string, unknown>>, current))
    const copy = compileCopy(
      schema.fields.map((from) => (from === at ? { name: from.name, from, through } : { name: from.name, from })),
      false,
    )
    return {
      schema: rebuiltSchema(schema, at.name, withExtras(nested.schema, { optional: at.schema.optional })),
      copy(struct, value) {
        current = value // The copy's closure sees it: nothing here waits.
        return copy(struct, [])
      },
    }
  }
  if (into !== '' && schema.fields.some(({ name }) => name === into)) throw clash(into)
  const result = withExtras(inner, { optional: inner.optional || at.schema.optional })
  const own = schema.fields.map((from) => ({ name: from.name, from: from === at && into === '' ? null : from }))
  const copy = compileCopy(into === '' ? own : [...own, { name: into, from: null }], false)
  const target = into === '' ? rebuiltSchema(schema, at.name, result) : rebuiltSchema(schema, into, result)
  return { schema: target, copy: (struct, value) => copy(struct, [value]) }
}

/** The struct with this field changed, or added at its end. */
function rebuiltSchema(schema: Schema, name: string, changed: Schema): Schema {
  const fields = schema.fields.map((field) => [field.name, field.name === name ? changed : field.schema] as const)
  const all = fields.some(([one]) => one === name) ? fields : [...fields, [name, changed] as const]
  return withExtras(withFields(schema, all), { optional: schema.optional })
}

function plainWith(value: unknown, steps: readonly string[], into: string, result: unknown): unknown {
  if (value === null) return null
  const [step, ...rest] = steps
  const members = new Map(membersOf(value, 'decoding'))
  if (rest.length > 0) members.set(step!, plainWith(members.get(step!), rest, into, result))
  else if (into === '') members.set(step!, result)
  else if (members.has(into)) throw clash(into)
  else members.set(into, result)
  return rebuilt(value, [...members])
}

function clash(name: string): DataError {
  return new DataError(`The record has a field "${name}" already; give "into" another name`)
}
