import { decimalText, rescale, unscaledBytes, unscaledFromBytes, type Decimal } from '../../contract/decimal.ts'
import { DataError } from '../../contract/errors.ts'
import { logical, type Schema } from '../../contract/schema.ts'
import { setOwn } from '../field-path.ts'
import { NumberText } from '../json-parse.ts'
import { quote } from '../json-scalars.ts'
import type { AvroType } from './avro-type.ts'
import { unionFieldName, words } from './connect-words.ts'

/**
 * A default in its in-memory form, from the JSON of an Avro field's `default` or of `connect.default` (numbers of many digits as
 * NumberText). Throws a DataError where it does not fit.
 */
export function defaultFromAvro(schema: Schema, type: AvroType, json: unknown): unknown {
  const wrong = (): never => {
    const shown = json instanceof NumberText ? json.text : JSON.stringify(json)
    throw new DataError(`The Avro schema has the default ${shown?.slice(0, 100)} for a ${type.kind}, which it does not fit`)
  }
  if (type.kind === 'union') {
    const first = type.branches[0]!
    if (json === null) return null
    if (schema.name !== words.union) return defaultFromAvro(schema, first.kind === 'null' ? type.branches[1]! : first, json)
    const branch = first.kind === 'null' ? undefined : schema.fields[0]
    if (branch === undefined) return wrong()
    const struct: Record<string, unknown> = {}
    for (const field of schema.fields) setOwn(struct, field.name, field === branch ? defaultFromAvro(field.schema, first, json) : null)
    return struct
  }
  if (json === null) return schema.optional ? null : wrong()
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32': {
      const bits = { int8: 8, int16: 16, int32: 32 }[schema.type]
      return typeof json === 'number' && Number.isInteger(json) && Math.abs(json + 0.5) < 2 ** (bits - 1) ? json : wrong()
    }
    case 'int64': {
      const text = json instanceof NumberText ? json.text : typeof json === 'number' ? String(json) : wrong()
      if (!/^-?\d{1,20}$/.test(text)) return wrong()
      const whole = BigInt(text)
      return BigInt.asIntN(64, whole) === whole ? whole : wrong()
    }
    case 'float32':
    case 'float64': {
      const number = json instanceof NumberText ? Number(json.text) : json
      if (typeof number !== 'number') return typeof json === 'string' && /^(NaN|-?Infinity)$/.test(json) ? Number(json) : wrong()
      return schema.type === 'float32' ? Math.fround(number) : number
    }
    case 'boolean':
      return typeof json === 'boolean' ? json : wrong()
    case 'string':
      return typeof json === 'string' ? json : wrong()
    case 'bytes': {
      if (typeof json !== 'string' || /[^\0-\xff]/.test(json)) return wrong()
      const bytes = Buffer.from(json, 'latin1')
      return schema.name === logical.decimal ? { unscaled: unscaledFromBytes(bytes), scale: Number(schema.parameters?.scale ?? 0) } : bytes
    }
    case 'array':
      return Array.isArray(json) && type.kind === 'array'
        ? json.map((one) => defaultFromAvro(schema.valueSchema!, type.items, one))
        : wrong()
    case 'map':
      return mapDefault(schema, type, json) ?? wrong()
    case 'struct': {
      if (type.kind !== 'record' || typeof json !== 'object' || Array.isArray(json)) return wrong()
      const struct: Record<string, unknown> = {}
      for (const [index, field] of schema.fields.entries()) {
        const given = Object.hasOwn(json, field.name) ? (json as Record<string, unknown>)[field.name] : type.fields[index]!.defaultValue
        setOwn(struct, field.name, defaultFromAvro(field.schema, type.fields[index]!.type, given ?? null))
      }
      return struct
    }
    default:
      return schema.type satisfies never
  }
}

function mapDefault(schema: Schema, type: AvroType, json: unknown): Map<unknown, unknown> | undefined {
  if (type.kind === 'map' && typeof json === 'object' && json !== null && !Array.isArray(json)) {
    return new Map(Object.entries(json).map(([key, one]) => [key, defaultFromAvro(schema.valueSchema!, type.values, one)]))
  }
  if (type.kind !== 'array' || type.items.kind !== 'record' || !Array.isArray(json)) return undefined
  const { fields } = type.items
  return new Map(
    json.map((pair: unknown) => {
      // `connect.default` has pairs, Avro's own default has records.
      const [key, value] = (
        Array.isArray(pair) ? pair : [(pair as Record<string, unknown>)?.key, (pair as Record<string, unknown>)?.value]
      ) as unknown[]
      return [
        defaultFromAvro(schema.keySchema!, fields[0]!.type, key ?? null),
        defaultFromAvro(schema.valueSchema!, fields[1]!.type, value ?? null),
      ]
    }),
  )
}

/** The JSON text of a default, as an Avro schema carries it; `union`: in a union that starts with the value's own type. */
export function defaultText(schema: Schema, value: unknown, enhanced: boolean): string {
  if (value === null || value === undefined) return 'null'
  switch (schema.type) {
    case 'int64':
    case 'int8':
    case 'int16':
    case 'int32':
    case 'boolean':
      return String(value as number | bigint | boolean)
    case 'float32':
    case 'float64':
      return Number.isFinite(value) ? (Number.isInteger(value) ? `${(value as number).toFixed(1)}` : String(value)) : quote(String(value))
    case 'string':
      return quote(value as string)
    case 'bytes':
      return quote(
        Buffer.from(schema.name === logical.decimal ? decimalBytes(schema, value as Decimal) : (value as Uint8Array)).toString('latin1'),
      )
    case 'array':
      return `[${(value as readonly unknown[]).map((one) => defaultText(schema.valueSchema!, one, enhanced)).join(',')}]`
    case 'map': {
      const entries = [...(value as ReadonlyMap<unknown, unknown>)]
      const item = (one: unknown) => defaultText(schema.valueSchema!, one, enhanced)
      if (schema.keySchema!.type === 'string' && !schema.keySchema!.optional)
        return `{${entries.map(([key, one]) => `${quote(key as string)}:${item(one)}`).join(',')}}`
      return `[${entries.map(([key, one]) => `[${defaultText(schema.keySchema!, key, enhanced)},${item(one)}]`).join(',')}]`
    }
    case 'struct': {
      const struct = value as Readonly<Record<string, unknown>>
      if (schema.name === words.union) {
        const set = schema.fields.find((field) => struct[field.name] !== null && struct[field.name] !== undefined)
        return set === undefined
          ? 'null'
          : defaultText(set.schema, struct[unionFieldName(set.schema, enhanced)] ?? struct[set.name], enhanced)
      }
      return `{${schema.fields.map((field) => `${quote(field.name)}:${defaultText(field.schema, struct[field.name], enhanced)}`).join(',')}}`
    }
    default:
      return schema.type satisfies never
  }
}

/** The unscaled bytes of a decimal at its schema's scale. Throws a DataError where digits would be lost. */
export function decimalBytes(schema: Schema, decimal: Decimal): Uint8Array {
  const scale = Number(schema.parameters?.scale)
  if (decimal.scale === scale) return unscaledBytes(decimal.unscaled)
  try {
    return unscaledBytes(rescale(decimal, scale).unscaled)
  } catch (cause) {
    throw new DataError(`${decimalText(decimal)} does not fit its schema's ${scale} decimal places`, { cause })
  }
}
