import { type DeltaField, type DeltaType, decimalOf, physicalName } from './delta-types.ts'

/** DuckDB's RETURN_STATS: by quoted column name, then by statistic, all as text. */
export type ColumnStatistics = readonly {
  readonly key: string
  readonly value: readonly { readonly key: string; readonly value: string }[]
}[]

/** Columns with statistics, as readers expect by default (`delta.dataSkippingNumIndexedCols`). */
const columnsMax = 32
/** Characters of a text bound; a longer maximum is left out rather than cut too low. */
const textMax = 64

/** The `stats` text of an add action (PROTOCOL.md, "Per-file Statistics"), written by hand since its numbers may be beyond 2^53. */
export function statsText(numRecords: number, fields: readonly DeltaField[], columns: ColumnStatistics): string {
  const byName = new Map(columns.map((column) => [column.key, new Map(column.value.map((entry) => [entry.key, entry.value]))]))
  const least: string[] = []
  const most: string[] = []
  const nulls: string[] = []
  for (const field of fields.slice(0, columnsMax)) {
    const name = physicalName(field)
    const found = byName.get(`"${name.replaceAll('"', '""')}"`)
    if (!found) continue
    const key = JSON.stringify(name)
    if (found.has('null_count')) nulls.push(`${key}:${found.get('null_count')}`)
    if (found.get('has_nan') === 'true') continue
    const min = bound(field.type, found.get('min'), 'min')
    const max = bound(field.type, found.get('max'), 'max')
    if (min === undefined || max === undefined) continue
    least.push(`${key}:${min}`)
    most.push(`${key}:${max}`)
  }
  return `{"numRecords":${numRecords},"minValues":{${least.join(',')}},"maxValues":{${most.join(',')}},"nullCount":{${nulls.join(',')}},"tightBounds":true}`
}

/** The same statistics after rows were masked by a deletion vector: the bounds still hold, but may be wider than the rows left. */
export function looseStats(stats: string): string {
  return stats.replace(/"tightBounds":true\}$/, '"tightBounds":false}')
}

/** A bound as JSON text; undefined: none that is safe to write. */
function bound(type: DeltaType, text: string | undefined, side: 'min' | 'max'): string | undefined {
  if (text === undefined || typeof type !== 'string') return undefined
  if (decimalOf(type)) return /^-?\d+(\.\d+)?$/.test(text) ? text : undefined
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return /^-?\d+$/.test(text) ? text : undefined
    case 'float':
    case 'double': {
      const number = Number(text)
      // A zero's sign is not part of the bound: -0.0 and 0.0 are equal to readers, but some compare bits.
      if (!Number.isFinite(number)) return undefined
      return number === 0 ? (side === 'min' ? '-0.0' : '0.0') : JSON.stringify(number)
    }
    case 'date':
      return /^\d{4}-\d\d-\d\d$/.test(text) ? JSON.stringify(text) : undefined
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampBound(type, text, side)
    case 'string':
      if (text.length <= textMax) return JSON.stringify(text)
      return side === 'min' ? JSON.stringify(Array.from(text.slice(0, textMax)).slice(0, -1).join('')) : undefined
    default:
      return undefined
  }
}

/** To the millisecond, as the protocol has it: down for the minimum, up for the maximum, so that the bound holds for readers that take it literally. */
function timestampBound(type: string, text: string, side: 'min' | 'max'): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text)
  if (!match) return undefined
  const millis = Date.parse(`${match[1]}T${match[2]}Z`)
  if (Number.isNaN(millis)) return undefined
  const micros = Number((match[3] ?? '').padEnd(6, '0'))
  const rounded = new Date(millis + (side === 'min' ? Math.floor(micros / 1000) : Math.ceil(micros / 1000)))
  const iso = rounded.toISOString()
  if (iso.length !== 24) return undefined
  return JSON.stringify(type === 'timestamp' ? iso : iso.slice(0, -1))
}
