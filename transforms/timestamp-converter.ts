import { DataError, defineConfig, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { refuse, refused } from './config-fault.ts'
import { datePattern, datePatternFault } from './date-pattern.ts'
import { bySchema, requireStruct } from './fields.ts'
import { parsePath, syntaxKey, syntaxOf } from './field-path.ts'
import { compileEdit, compilePlainEdit, fieldTree } from './field-tree.ts'
import { instantReader, instantSchema, instantWriter, plainInstant, timestampTypes, unixUnits } from './instants.ts'
import type { InstantNotation, TimestampType, UnixPrecision } from './instants.ts'
import { keyAndValue, type Side } from './side.ts'
import { nullKey } from './struct-copy.ts'

const config = defineConfig({
  field: {
    type: 'string',
    default: '',
    importance: 'high',
    doc: 'The field containing the timestamp, or empty if the entire value is a timestamp.',
  },
  'target.type': {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'The desired timestamp representation: string, unix, Date, Time, or Timestamp.',
    check: exactly(timestampTypes),
  },
  format: {
    type: 'string',
    default: '',
    importance: 'medium',
    doc: 'A SimpleDateFormat pattern: what target.type=string writes, and how text is read. Dates are read strictly.',
    check: (pattern: string) => datePatternFault(pattern),
  },
  'unix.precision': {
    type: 'string',
    default: 'milliseconds',
    importance: 'low',
    doc: 'The unit of unix times: seconds, milliseconds, microseconds, or nanoseconds.',
    check: exactly(Object.keys(unixUnits)),
  },
  ...syntaxKey,
  ...nullKey,
})

const purpose = 'converting timestamp formats'

/**
 * `org.apache.kafka.connect.transforms.TimestampConverter$Key` and `$Value`. Null passes, and so does a record without the field. Beyond Java:
 * text is read strictly; unix times keep what is finer than a millisecond; Debezium's timestamps are read in their own units; a Date, Time or
 * Timestamp needs a schema to say what it is.
 */
export const timestampConverter = keyAndValue(
  'org.apache.kafka.connect.transforms.TimestampConverter',
  'Turns timestamps from one form into another',
  config,
  createTimestampConverter,
)

function createTimestampConverter(settings: ConfigOf<typeof config>, side: Side): Transform {
  const target = settings['target.type'] as TimestampType
  const { format, field } = settings
  if (format.trim() === '' && target === 'string') {
    refuse('format', format, 'TimestampConverter requires format option to be specified when using string timestamps')
  }
  const fault = target === 'string' || format === '' ? undefined : datePatternFault(format, true)
  if (fault !== undefined) refuse('format', format, fault)
  const notation: InstantNotation = {
    pattern: format.trim() === '' ? undefined : datePattern(format),
    precision: settings['unix.precision'] as UnixPrecision,
  }
  return field === '' ? convertWhole(target, notation, side) : convertField(settings, target, notation, side)
}

function convertWhole(target: TimestampType, notation: InstantNotation, side: Side): Transform {
  const place = `the ${side.name.toLowerCase()}`
  const write = instantWriter(target, notation, place)
  const read = bySchema((schema) => ({ schema: instantSchema(target, schema.optional), read: instantReader(schema, notation, place) }))
  return {
    apply(record) {
      const value = side.value(record)
      const schema = side.schema(record)
      if (schema === null) return value === null ? record : side.replace(record, null, writePlain(value, target, notation, place, write))
      const known = read(schema)
      return side.replace(record, known.schema, value === null ? null : write(known.read(value)))
    },
  }
}

function convertField(settings: ConfigOf<typeof config>, target: TimestampType, notation: InstantNotation, side: Side): Transform {
  const { field } = settings
  const place = `field "${field}"`
  const tree = refused('field', field, () => fieldTree([[parsePath(field, syntaxOf(settings)), true as const]]))
  const write = instantWriter(target, notation, place)
  const edits = bySchema((schema) =>
    compileEdit(schema, tree, {
      nullAsDefault: settings['replace.null.with.default'],
      top: 'kept',
      edit(_, from) {
        const read = instantReader(from.schema, notation, place)
        return { schema: instantSchema(target, from.schema.optional), through: (value) => write(read(value)) }
      },
    }),
  )
  const editPlain = compilePlainEdit(tree, purpose, {
    change: (_, member) => (member === null ? null : writePlain(member, target, notation, place, write)),
  })
  return {
    apply(record) {
      const value = side.value(record)
      const schema: Schema | null = side.schema(record)
      if (schema === null) {
        if (value === null) return record
        return side.replace(record, null, editPlain(value))
      }
      const edit = edits(schema)
      return side.replace(record, edit.schema, value === null ? null : edit.copy(requireStruct(schema, value, purpose)))
    },
  }
}

function writePlain(
  value: unknown,
  target: TimestampType,
  notation: InstantNotation,
  place: string,
  write: (instant: bigint) => unknown,
): unknown {
  if (target !== 'string' && target !== 'unix') {
    throw new DataError(`TimestampConverter: ${place} has no schema, which target.type=${target} needs; use string or unix`)
  }
  return write(plainInstant(value, notation, place))
}

function exactly(names: readonly string[]): (text: string) => string | undefined {
  return (text) => (names.includes(text) ? undefined : `String must be one of: ${names.join(', ')}`)
}
