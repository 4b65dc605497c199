import { DataError, defineConfig, transform, withExtras, type ConfigOf, type Header, type Schema, type Transform } from '../core/index.ts'
import { refuse } from './config-fault.ts'
import { isPlainObject, membersOf, rebuilt, requireStruct, setOwn, withFields } from './fields.ts'
import { memberOf } from './field-path.ts'
import { namesFault } from './names.ts'
import { compileCopy, type StructCopy } from './struct-copy.ts'

const config = defineConfig({
  headers: { type: 'list', required: true, importance: 'high', doc: 'Headers to copy or move.', check: namesFault },
  fields: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Fields that they become, in the same order; dots lead into structs that are there.',
    check: namesFault,
  },
  operation: {
    type: 'string',
    required: true,
    importance: 'high',
    oneOf: ['move', 'copy'],
    doc: 'move: the headers leave the record; copy: they stay.',
  },
})

/**
 * `io.debezium.transforms.HeaderToValue`: headers become fields of the value. Tombstones and records without such headers pass. Beyond
 * Debezium: values without a schema are taken too; nulls stay null; a header whose place lies in a struct that is null or not there stays a header,
 * also with move; a field that is there already is a DataError, not overwritten.
 */
export const headerToValue = transform({
  class: 'io.debezium.transforms.HeaderToValue',
  aliases: ['HeaderToValue'],
  doc: 'Moves or copies headers into fields of the value.',
  config,
  create: (settings) => createHeaderToValue(settings),
})

interface Entry {
  readonly header: Header
  /** Its place among the entries of the record. */
  readonly index: number
  readonly steps: readonly string[]
}

/** The fields that come to one struct, and those that come to structs in it. */
interface Growth {
  readonly here: readonly Entry[]
  readonly inner: ReadonlyMap<string, Growth>
}

interface Grown {
  readonly entries: readonly Entry[]
  readonly schema: Schema
  copy(struct: Readonly<Record<string, unknown>>, entries: readonly Entry[]): Record<string, unknown>
}

/** Different sets of headers that are remembered per schema. */
const variantsMax = 64

function createHeaderToValue(settings: ConfigOf<typeof config>): Transform {
  const { headers, fields } = settings
  if (headers.length !== fields.length) {
    refuse('fields', fields.join(','), `${headers.length} headers and ${fields.length} fields are named; they must be as many`)
  }
  const places = new Map(headers.map((name, index) => [name, fields[index]!.split('.')]))
  const move = settings.operation.toLowerCase() === 'move'
  const variants = new WeakMap<Schema, Grown[]>()

  function grownFor(schema: Schema, entries: readonly Entry[]): Grown {
    const known = variants.get(schema) ?? []
    let grown = known.find((one) => isSame(one.entries, entries))
    if (grown === undefined) {
      grown = { entries, ...compileGrowth(schema, growthOf(entries, 0)) }
      variants.set(schema, [...known.slice(-variantsMax), grown])
    }
    return grown
  }

  return {
    apply(record) {
      if (record.value === null || record.headers.length === 0) return record
      const wanted = record.headers.flatMap((header) => {
        const steps = places.get(header.key)
        return steps === undefined || isClosed(record.value, steps) ? [] : [{ header, steps }]
      })
      const entries = wanted.map((one, index): Entry => ({ ...one, index }))
      if (entries.length === 0) return record
      const left = move ? record.headers.filter((header) => !entries.some((entry) => entry.header === header)) : record.headers
      if (record.valueSchema === null)
        return { ...record, value: growPlain(record.value, growthOf(entries, 0), record.topic), headers: left }
      const struct = requireStruct(record.valueSchema, record.value, 'header insertion')
      const grown = grownFor(record.valueSchema, entries)
      return { ...record, value: grown.copy(struct, entries), valueSchema: grown.schema, headers: left }
    },
  }
}

function isSame(a: readonly Entry[], b: readonly Entry[]): boolean {
  return (
    a.length === b.length &&
    a.every((entry, index) => entry.header.key === b[index]!.header.key && entry.header.schema === b[index]!.header.schema)
  )
}

/** True where a struct on the way is null or not there. */
function isClosed(value: unknown, steps: readonly string[]): boolean {
  let at = value
  return steps.slice(0, -1).some((step) => (at = memberOf(at, step) ?? null) === null)
}

function growthOf(entries: readonly Entry[], depth: number): Growth {
  const deeper = Map.groupBy(
    entries.filter(({ steps }) => steps.length > depth + 1),
    ({ steps }) => steps[depth]!,
  )
  return {
    here: entries.filter(({ steps }) => steps.length === depth + 1),
    inner: new Map([...deeper].map(([name, group]) => [name, growthOf(group, depth + 1)])),
  }
}

function compileGrowth(schema: Schema, growth: Growth): Omit<Grown, 'entries'> {
  let current: readonly Entry[] = []
  const fields = schema.fields.map((from) => {
    const inside = growth.inner.get(from.name)
    if (inside === undefined) return { name: from.name, from, schema: from.schema }
    if (from.schema.type !== 'struct')
      throw new DataError(`HeaderToValue: "${from.name}" is no struct, so that no field can be put into it`)
    const inner = compileGrowth(from.schema, inside)
    const through = (value: unknown) => (value === null ? null : inner.copy(value as Readonly<Record<string, unknown>>, current))
    return { name: from.name, from, schema: withExtras(inner.schema, { optional: from.schema.optional }), through }
  })
  const added = growth.here.map(({ header, steps }) => {
    if (header.schema === null) throw new DataError(`HeaderToValue: header "${header.key}" has no schema, and the value has one`)
    return { name: steps.at(-1)!, from: null, schema: header.schema }
  })
  const copy: StructCopy = compileCopy([...fields, ...added], false)
  return {
    schema: withFields(
      schema,
      [...fields, ...added].map((field) => [field.name, field.schema] as const),
    ),
    copy(struct, entries) {
      current = entries
      // The entries come in the order of this compilation: the variant was chosen by it.
      return copy(
        struct,
        growth.here.map(({ index }) => entries[index]!.header.value),
      )
    },
  }
}

function growPlain(value: unknown, growth: Growth, topic: string): unknown {
  const grown: Record<string, unknown> = isPlainObject(value) ? { ...value } : Object.fromEntries(membersOf(value, 'header insertion'))
  for (const { header, steps } of growth.here) {
    const name = steps.at(-1)!
    if (Object.hasOwn(grown, name)) throw new DataError(`HeaderToValue: a record of topic "${topic}" has a field "${name}" already`)
    setOwn(grown, name, header.value)
  }
  for (const [name, inside] of growth.inner) {
    setOwn(grown, name, growPlain(grown[name], inside, topic))
  }
  return value instanceof Map ? rebuilt(value, Object.entries(grown)) : grown
}
