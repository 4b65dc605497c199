import {
  ConfigError,
  DataError,
  defineConfig,
  transform,
  type ConfigOf,
  type ConnectRecord,
  type Field,
  type Schema,
  type Transform,
} from '../core/index.ts'
import { isEnvelope } from './envelope-field.ts'
import { bySchema, noExtras } from './fields.ts'
import { compileCopy } from './struct-copy.ts'
import { isZoneless, zoneChange, zoneEpoch, type ZoneChange } from './zone-change.ts'
import { zoneOf, type Zone } from './zones.ts'

const rules = 'source:<table>, source:<table>:<field>, topic:<topic>, topic:<topic>:<field>, or <table or topic>:<field>'

const config = defineConfig({
  'converted.timezone': {
    type: 'string',
    required: true,
    importance: 'high',
    doc: 'The time zone: America/Los_Angeles, or an offset like +08:00.',
    check: (name: string) => zoneFault(name),
  },
  'include.list': {
    type: 'list',
    default: [],
    importance: 'high',
    doc: `What is converted, if not everything: ${rules}.`,
    check: rulesFault,
  },
  'exclude.list': { type: 'list', default: [], importance: 'high', doc: `What is not converted: ${rules}.`, check: rulesFault },
})

/**
 * `io.debezium.transforms.TimezoneConverter`, for change events with a schema. A ZonedTimestamp and a ZonedTime are written in the other zone
 * and stay the same instant. A timestamp without a zone (Timestamp, MicroTimestamp, NanoTimestamp, Connect's Timestamp) is read as if it were a
 * local time of the zone: **the instant changes**. That is what Debezium does and what its users ask for who keep local times in such columns.
 * Beyond Debezium: the offset of a ZonedTimestamp is that of its instant; a field named in include.list that cannot be converted is a DataError.
 */
export const timezoneConverter = transform({
  class: 'io.debezium.transforms.TimezoneConverter',
  aliases: ['TimezoneConverter'],
  doc: 'Writes times with a zone in another zone, and reads timestamps without one as local times of it.',
  config,
  create: (settings) => createTimezoneConverter(settings),
})

interface Rules {
  readonly topics: ReadonlyMap<string, ReadonlySet<string>>
  readonly tables: ReadonlyMap<string, ReadonlySet<string>>
  readonly either: ReadonlyMap<string, ReadonlySet<string>>
}

/** Which fields of the rows and of the source are converted; undefined: none. */
interface Selection {
  readonly key: string
  /** Of `before`, `after` or `source`. */
  takes(part: Part, field: string): boolean
  /** The field is named, so that it must be convertible. */
  names(part: Part, field: string): boolean
}

type Part = 'before' | 'after' | 'source'

/** Topics with their tables for which the choice is remembered. */
const placesMax = 10_000

function createTimezoneConverter(settings: ConfigOf<typeof config>): Transform {
  const zone = zoneOf(settings['converted.timezone'])
  const include = settings['include.list']
  const exclude = settings['exclude.list']
  if (include.length > 0 && exclude.length > 0) {
    throw new ConfigError([{ key: 'exclude.list', message: 'Both include and exclude lists are specified. Please specify only one.' }])
  }
  const listed = rulesOf(include.length > 0 ? include : exclude)
  const mode = include.length > 0 ? 'include' : exclude.length > 0 ? 'exclude' : 'all'
  const selections = new Map<string, Selection>()
  const known = new Map<string, Selection | undefined>()
  const select = (topic: string, table: string | null): Selection | undefined => {
    const place = `${topic}\n${table ?? ''}`
    if (known.has(place)) return known.get(place)
    const made = selectionOf(mode, listed, topic, table)
    // The same choice is the same object, as the copies are compiled by it.
    const selection = made && (selections.get(made.key) ?? made)
    if (selection !== undefined) selections.set(selection.key, selection)
    if (known.size < placesMax) known.set(place, selection)
    return selection
  }
  const copies = new WeakMap<Selection, (schema: Schema) => (value: Readonly<Record<string, unknown>>) => Record<string, unknown>>()

  return {
    apply(record) {
      if (record.value === null || record.valueSchema === null || !isEnvelope(record)) return record
      const selection = select(record.topic, tableOf(record))
      if (selection === undefined) return record
      let copy = copies.get(selection)
      if (copy === undefined) copies.set(selection, (copy = bySchema((schema) => compileEnvelope(schema, selection, zone))))
      return { ...record, value: copy(record.valueSchema)(record.value as Readonly<Record<string, unknown>>) }
    },
  }
}

function compileEnvelope(
  schema: Schema,
  selection: Selection,
  zone: Zone,
): (value: Readonly<Record<string, unknown>>) => Record<string, unknown> {
  const fields = schema.fields.map((from) => {
    const part = ['before', 'after', 'source'].includes(from.name) && from.schema.type === 'struct' ? (from.name as Part) : undefined
    const row = part && compileRow(from.schema, part, selection, zone)
    const through = row && ((value: unknown) => (value === null ? null : row(value as Readonly<Record<string, unknown>>, noExtras)))
    return { name: from.name, from, ...(through && { through }) }
  })
  const copy = compileCopy(fields, false)
  return (value) => copy(value, noExtras)
}

function compileRow(schema: Schema, part: Part, selection: Selection, zone: Zone) {
  const fields = schema.fields.map((from) => {
    const change = changeOf(from, part, selection, zone)
    return { name: from.name, from, ...(change && { through: (value: unknown) => (value === null ? null : change(value)) }) }
  })
  return compileCopy(fields, false)
}

function changeOf(field: Field, part: Part, selection: Selection, zone: Zone): ZoneChange | undefined {
  if (!selection.takes(part, field.name)) return undefined
  const change = part === 'source' && field.schema.name === null ? zoneEpoch(field.name, zone) : zoneChange(field.schema, zone)
  if (change === undefined && isZoneless(field.schema) && selection.names(part, field.name)) {
    throw new DataError(
      `TimezoneConverter: field "${field.name}" is a ${field.schema.name}, which has no zone to be converted; take it off include.list`,
    )
  }
  return change
}

function tableOf({ value }: ConnectRecord): string | null {
  const { source } = value as { readonly source?: { readonly table?: unknown } | null }
  return typeof source?.table === 'string' ? source.table : null
}

// A prefix holds for the items after it too, until another comes, as in Debezium.
function rulesOf(list: readonly string[]): Rules {
  const rules = { topics: new Map<string, Set<string>>(), tables: new Map<string, Set<string>>(), either: new Map<string, Set<string>>() }
  let home = rules.either
  for (const item of list) {
    const parts = item.split(':')
    const prefix = parts[0]!.toLowerCase()
    if (prefix === 'topic' || prefix === 'source') {
      home = prefix === 'topic' ? rules.topics : rules.tables
      parts.shift()
    }
    const [name, field] = parts as [string, string | undefined]
    const fields = home.get(name) ?? new Set()
    home.set(name, fields)
    if (field !== undefined) fields.add(field)
  }
  return rules
}

function selectionOf(mode: 'all' | 'include' | 'exclude', rules: Rules, topic: string, table: string | null): Selection | undefined {
  const everything: Selection = { key: 'all', takes: (part) => part !== 'source', names: () => false }
  if (mode === 'all') return everything
  const fields = rules.topics.get(topic) ?? rules.tables.get(table ?? '') ?? rules.either.get(topic) ?? rules.either.get(table ?? '')
  if (fields === undefined) return mode === 'exclude' ? everything : undefined
  if (fields.size === 0) return mode === 'include' ? everything : undefined
  const names = (part: Part, field: string) =>
    part === 'source' ? fields.has(`source.${field}`) : fields.has(`${part}.${field}`) || fields.has(field)
  const hasSource = [...fields].some((field) => field.startsWith('source.'))
  return {
    key: `${mode} ${[...fields].join(' ')}`,
    takes: (part, field) => (part !== 'source' || hasSource) && names(part, field) === (mode === 'include'),
    names: (part, field) => mode === 'include' && names(part, field),
  }
}

function zoneFault(name: string): string | undefined {
  try {
    zoneOf(name)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function rulesFault(list: readonly string[]): string | undefined {
  const name = String.raw`[".\w\s-]+`
  const rule = new RegExp(`^(?:(?:source|topic):${name}|${name}:${name}|(?:source|topic):${name}:${name})$`)
  const wrong = list.find((item) => !rule.test(item))
  return wrong === undefined ? undefined : `"${wrong}" is no rule; write ${rules}`
}
