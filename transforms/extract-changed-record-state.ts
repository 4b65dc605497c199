import { arrayOf, defineConfig, primitive, transform, type ConnectRecord, type Header } from '../core/index.ts'
import { isEnvelope } from './envelope-field.ts'
import { fieldValue, membersOf } from './fields.ts'
import { isDecimal } from './scalars.ts'

const config = defineConfig({
  'header.changed.name': {
    type: 'string',
    importance: 'low',
    doc: 'Header for the names of the fields that an update changed. Absent: none.',
  },
  'header.unchanged.name': { type: 'string', importance: 'low', doc: 'Header for the names of those that it left. Absent: none.' },
})

/**
 * `io.debezium.transforms.ExtractChangedRecordState`: the names of the changed and unchanged fields of an update as headers, in the order of
 * the row; empty lists for all other change events, so that what follows finds the same headers on each. What is no change event passes.
 */
export const extractChangedRecordState = transform({
  class: 'io.debezium.transforms.ExtractChangedRecordState',
  aliases: ['ExtractChangedRecordState'],
  doc: 'Tells in headers which fields an update changed.',
  config,
  create(settings) {
    const lists = (['changed', 'unchanged'] as const).flatMap((kind) => {
      const name = settings[`header.${kind}.name`]
      if (name === undefined || name.trim() === '') return []
      return [{ kind, key: name, schema: arrayOf(primitive('string', { optional: true }), { optional: true, name }) }]
    })
    return {
      apply(record) {
        if (lists.length === 0 || record.value === null || !isEnvelope(record)) return record
        const names = comparedNames(record)
        const added = lists.map(({ kind, key, schema }): Header => ({ key, value: names[kind], schema }))
        return { ...record, headers: [...record.headers, ...added] }
      },
    }
  },
})

function comparedNames(record: ConnectRecord): { readonly changed: readonly string[]; readonly unchanged: readonly string[] } {
  const { before, after } = record.value as { readonly before?: object | null; readonly after?: object | null }
  const changed: string[] = []
  const unchanged: string[] = []
  if (!before || !after) return { changed, unchanged }
  const fields = record.valueSchema?.fields.find(({ name }) => name === 'after')?.schema.fields
  if (fields !== undefined) {
    for (const field of fields) {
      const same = isSame(fieldValue(before as never, field, false), fieldValue(after as never, field, false))
      ;(same ? unchanged : changed).push(field.name)
    }
    return { changed, unchanged }
  }
  const old = new Map(membersOf(before, 'comparing rows'))
  const rest = new Set(old.keys())
  for (const [name, value] of membersOf(after, 'comparing rows')) {
    ;(rest.delete(name) && isSame(old.get(name), value) ? unchanged : changed).push(name)
  }
  return { changed: [...changed, ...rest], unchanged }
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isDecimal(a) && isDecimal(b)) return a.unscaled === b.unscaled && a.scale === b.scale
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, index) => isSame(item, b[index]))
  const [left, right] = [new Map(entriesOf(a)), new Map(entriesOf(b))]
  return left.size === right.size && [...left].every(([name, value]) => right.has(name) && isSame(value, right.get(name)))
}

function entriesOf(value: object): Iterable<readonly [unknown, unknown]> {
  return value instanceof Map ? value : Object.entries(value)
}
