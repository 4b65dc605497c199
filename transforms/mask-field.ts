import { DataError, defineConfig, logical, parseDecimal, rescale, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { refused } from './config-fault.ts'
import { bySchema, requireStruct } from './fields.ts'
import { parsePath, syntaxKey, syntaxOf } from './field-path.ts'
import { compileEdit, compilePlainEdit, fieldTree } from './field-tree.ts'
import { keyAndValue, type Side } from './side.ts'
import { nullKey } from './struct-copy.ts'

const config = defineConfig({
  fields: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Names of fields to mask.',
    check: (names: readonly string[]) => (names.length === 0 ? 'Empty list' : undefined),
  },
  replacement: {
    type: 'string',
    importance: 'low',
    doc: 'Custom value replacement, that will be applied to all numeric or text fields; without it zero, empty text, false ...',
    check: (text: string) => (text === '' ? 'String must be non-empty' : undefined),
  },
  ...syntaxKey,
  ...nullKey,
})

const purpose = 'mask fields'

/**
 * `org.apache.kafka.connect.transforms.MaskField$Key` and `$Value`. A null passes, as a record and as a field. What it cannot mask (bytes,
 * structs) is a DataError. Beyond Java: a replacement that does not fit the field's type or scale is one too, and is never narrowed; a
 * field that is missing without a schema is not added; a tombstone passes.
 */
export const maskField = keyAndValue(
  'org.apache.kafka.connect.transforms.MaskField',
  'Masks fields with a null value of their type, or with a replacement',
  config,
  createMaskField,
)

function createMaskField(settings: ConfigOf<typeof config>, side: Side): Transform {
  const { fields, replacement } = settings
  const syntax = syntaxOf(settings)
  const tree = refused('fields', fields.join(','), () =>
    fieldTree([...new Set(fields)].map((name) => [parsePath(name, syntax), true as const])),
  )
  const edits = bySchema((schema) =>
    compileEdit(schema, tree, {
      nullAsDefault: settings['replace.null.with.default'],
      top: 'kept',
      edit: (_, { schema: field }, path) => ({ schema: field, through: () => maskOf(path, field, replacement) }),
    }),
  )
  const editPlain = compilePlainEdit(tree, purpose, {
    change: (_, value, path) => (value === null ? null : plainMask(path, value, replacement)),
  })
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) return side.replace(record, null, editPlain(value))
      return side.replace(record, schema, edits(schema).copy(requireStruct(schema, value, purpose)))
    },
  }
}

function maskOf(name: string, schema: Schema, replacement: string | undefined): unknown {
  if (schema.name === logical.decimal) return decimalMask(name, Number(schema.parameters?.scale ?? 0), replacement)
  if (replacement !== undefined && instants.has(schema.name ?? '')) throw noReplacement(name, schema.name!)
  switch (schema.type) {
    case 'string':
      return replacement ?? ''
    case 'boolean':
      if (replacement !== undefined) throw noReplacement(name, 'boolean')
      return false
    case 'int8':
      return wholeMask(name, schema.type, 8, replacement)
    case 'int16':
      return wholeMask(name, schema.type, 16, replacement)
    case 'int32':
      return wholeMask(name, schema.type, 32, replacement)
    case 'int64':
      return replacement === undefined ? 0n : integerOf(name, schema.type, 64, replacement)
    case 'float32':
    case 'float64':
      return floatMask(name, schema.type, replacement)
    case 'array':
    case 'map':
      if (replacement !== undefined) throw noReplacement(name, schema.type)
      return schema.type === 'array' ? [] : new Map()
    case 'bytes':
    case 'struct':
      throw cannotMask(name, schema.type)
    default:
      return schema.type satisfies never
  }
}

function plainMask(name: string, value: unknown, replacement: string | undefined): unknown {
  if (typeof value === 'string') return replacement ?? ''
  if (typeof value === 'bigint') return replacement === undefined ? 0n : integerOf(name, 'integer', 64, replacement)
  if (typeof value === 'number') return floatMask(name, 'number', replacement)
  const kind = Array.isArray(value) ? 'array' : ArrayBuffer.isView(value) ? 'bytes' : typeof value === 'object' ? 'map' : typeof value
  if (kind === 'bytes') throw cannotMask(name, kind)
  if (replacement !== undefined) throw noReplacement(name, kind)
  if (kind === 'boolean') return false
  if (kind === 'array') return []
  if (kind === 'map') return value instanceof Map ? new Map() : {}
  throw cannotMask(name, kind)
}

function wholeMask(name: string, type: string, bits: number, replacement: string | undefined): number {
  return replacement === undefined ? 0 : Number(integerOf(name, type, bits, replacement))
}

function integerOf(name: string, type: string, bits: number, replacement: string): bigint {
  if (/^[+-]?\d{1,19}$/.test(replacement)) {
    const integer = BigInt(replacement.replace('+', ''))
    if (BigInt.asIntN(bits, integer) === integer) return integer
  }
  throw unfit(name, type, replacement)
}

function floatMask(name: string, type: string, replacement: string | undefined): number {
  if (replacement === undefined) return 0
  const number = Number(replacement)
  if (parseDecimal(replacement) === undefined || !Number.isFinite(type === 'float32' ? Math.fround(number) : number)) {
    throw unfit(name, type, replacement)
  }
  return number
}

function decimalMask(name: string, scale: number, replacement: string | undefined): unknown {
  if (replacement === undefined) return { unscaled: 0n, scale }
  const decimal = parseDecimal(replacement)
  if (decimal === undefined || Math.abs(decimal.scale) > 10_000) throw unfit(name, 'Decimal', replacement)
  try {
    return rescale(decimal, scale)
  } catch (cause) {
    throw new DataError(`Unable to mask field "${name}": ${replacement} does not fit its ${scale} decimal places`, { cause })
  }
}

/** Types that are dates in Java, where a replacement has no meaning; Debezium's are plain numbers there. */
const instants: ReadonlySet<string> = new Set([logical.date, logical.time, logical.timestamp])

function cannotMask(name: string, type: string): DataError {
  return new DataError(`Cannot mask field "${name}" of type ${type}; ReplaceField can drop it`)
}

function noReplacement(name: string, type: string): DataError {
  return new DataError(`Cannot mask field "${name}" of type ${type} with custom replacement; leave the replacement away`)
}

function unfit(name: string, type: string, replacement: string): DataError {
  return new DataError(`Unable to convert the replacement ${JSON.stringify(replacement)} to ${type}, the type of field "${name}"`)
}
