import { DataError, primitive, type ConnectRecord, type Header, type Schema } from '../../../core/index.ts'
import type { Change, Row } from './change.ts'
import type { SinkSettings } from './settings.ts'
import { checkedIdentifier, folded } from './table-name.ts'

/** Where the value of a column is taken from. */
export type Place = 'key' | 'value' | 'whole-key' | 'header' | 'topic' | 'partition' | 'offset'

/** One column of the rows of a form. */
export interface PlannedColumn {
  readonly column: string
  readonly place: Place
  readonly field: string
  /** null: the record has no schema. */
  readonly schema: Schema | null
  readonly isKey: boolean
}

const text = primitive('string')
const int32 = primitive('int32')
const int64 = primitive('int64')
const kafkaPlaces = [
  ['topic', '__connect_topic', text],
  ['partition', '__connect_partition', int32],
  ['offset', '__connect_offset', int64],
] as const

/**
 * The columns of a change's row: first those of the key, then those of the value. A delete has those of its key alone. Throws a DataError
 * where the record lacks what the key is made of, or two fields would share a column.
 */
export function planRow(settings: SinkSettings, change: Change): readonly PlannedColumn[] {
  const { record } = change
  const keys = keyColumns(settings, change)
  if (change.op === 'delete') return keys
  const values = valueFields(change)
    .filter(({ name }) => settings.takesField(record.topic, name) && !change.unavailable.includes(name))
    .map(({ name, schema }) => ({ ...named(settings, name, record), place: 'value' as const, field: name, schema, isKey: false }))
  // A value's field of the key's name says the same and, where keys are transformed, the value is what the source wrote.
  const planned = new Map<string, PlannedColumn>(keys.map((key) => [key.column, key]))
  const taken = new Map<string, string>()
  for (const value of values) {
    const other = taken.get(value.column)
    if (other !== undefined) {
      throw new DataError(
        `Topic ${record.topic}: the fields "${other}" and "${value.field}" would both be column "${value.column}"; rename one (ReplaceField), or set quote.identifiers=true`,
      )
    }
    taken.set(value.column, value.field)
    if (!planned.has(value.column)) planned.set(value.column, value)
  }
  if (planned.size === 0)
    throw new DataError(`Topic ${record.topic}: no field of the record becomes a column; see fields.whitelist and fields.blacklist`)
  return [...planned.values()]
}

/** What tells forms of rows of one topic apart, beside their schemas. */
export function formText(change: Change): string {
  const { record, row, rowSchema, unavailable, op } = change
  const loose = rowSchema === null && row !== null && op === 'write' ? JSON.stringify(Object.keys(row)) : ''
  const key = record.key
  const looseKey = record.keySchema === null && typeof key === 'object' && key !== null ? JSON.stringify(Object.keys(key)) : ''
  return `${op}${unavailable.length > 0 ? JSON.stringify(unavailable) : ''}${loose}${looseKey}`
}

/** The same for the headers that the key is made of. */
export function headerText(names: readonly string[], record: ConnectRecord): string {
  const types = names.map((name) => {
    const header = lastHeader(record, name)
    return header === undefined ? 'none' : `${header.schema?.type ?? 'loose'} ${header.schema?.name ?? ''}`
  })
  return JSON.stringify(types)
}

export function lastHeader({ headers }: ConnectRecord, name: string): Header | undefined {
  return headers.findLast(({ key }) => key === name)
}

function valueFields({ row, rowSchema }: Change): readonly { readonly name: string; readonly schema: Schema | null }[] {
  if (rowSchema !== null) return rowSchema.fields
  return Object.keys(row ?? {}).map((name) => ({ name, schema: null }))
}

/** Of headers with one name, the last one counts, as in Connect. */
function headerFields({ headers }: ConnectRecord): readonly { readonly name: string; readonly schema: Schema | null }[] {
  return headers.toReversed().map(({ key, schema }) => ({ name: key, schema }))
}

function keyColumns(settings: SinkSettings, change: Change): readonly PlannedColumn[] {
  const { record } = change
  switch (settings.keyMode) {
    case 'none':
      return []
    case 'kafka':
      return kafkaPlaces.map(([place, usual, schema], index) => ({
        ...named(settings, settings.keyFields[index] ?? usual, record),
        place,
        field: place,
        schema,
        isKey: true,
      }))
    case 'record_key':
      return recordKey(settings, record)
    case 'record_value':
      return chosen(settings, record, valueFields(change), 'value', 'value')
    case 'record_header':
      return chosen(settings, record, headerFields(record), 'header', 'headers')
    default:
      return settings.keyMode satisfies never
  }
}

function recordKey(settings: SinkSettings, record: ConnectRecord): readonly PlannedColumn[] {
  const { key, keySchema } = record
  if (key === null) {
    throw new DataError(
      `Topic ${record.topic}: the record has no key, and pk.mode=record_key takes the primary key from it; set pk.mode=record_value with pk.fields, or pk.mode=none with insert.mode=insert`,
    )
  }
  if (keySchema?.type === 'struct') return chosen(settings, record, keySchema.fields, 'key', 'key')
  if (keySchema === null && typeof key === 'object' && !Array.isArray(key) && !(key instanceof Uint8Array)) {
    const fields = Object.keys(key as Row).map((name) => ({ name, schema: null }))
    return chosen(settings, record, fields, 'key', 'key')
  }
  if (settings.keyFields.length !== 1) {
    throw new DataError(
      `Topic ${record.topic}: the record's key is ${keySchema?.type ?? typeof key}, so pk.fields has to name the one column that it goes into`,
    )
  }
  return [{ ...named(settings, settings.keyFields[0]!, record), place: 'whole-key', field: '', schema: keySchema, isKey: true }]
}

function chosen(
  settings: SinkSettings,
  record: ConnectRecord,
  fields: readonly { readonly name: string; readonly schema: Schema | null }[],
  place: 'key' | 'value' | 'header',
  what: string,
): readonly PlannedColumn[] {
  const names = settings.keyFields.length > 0 ? settings.keyFields : fields.map(({ name }) => name)
  return names.map((name) => {
    const field = fields.find((one) => one.name === name)
    if (!field) {
      throw new DataError(
        `Topic ${record.topic}: the record's ${what} ${place === 'header' ? 'have' : 'has'} no field "${name}", which pk.fields names; there are ${fields.map((one) => one.name).join(', ') || 'none'}`,
      )
    }
    return { ...named(settings, name, record), place, field: name, schema: field.schema, isKey: true }
  })
}

function named(settings: SinkSettings, name: string, { topic }: ConnectRecord): { readonly column: string } {
  return { column: checkedIdentifier(folded(name, settings.foldNames), `Topic ${topic}: the column of field`) }
}
