import { DataError, mapOf, primitive, structOf, type Schema } from '../../core/index.ts'
import type { ColumnCodec } from './tuple.ts'
import type { ColumnType } from './types.ts'

const double = primitive('float64')
const bytes = primitive('bytes')
const srid = primitive('int32', { optional: true })

const pointSchema: Schema = structOf(
  [
    ['x', double],
    ['y', double],
    ['wkb', primitive('bytes', { optional: true })],
    ['srid', srid],
  ],
  { name: 'io.debezium.data.geometry.Point', version: 1, doc: 'Geometry (POINT)' },
)

const lineSchema: Schema = structOf(
  [
    ['a', double],
    ['b', double],
    ['c', double],
  ],
  { name: 'io.debezium.data.geometry.Line', version: 1, doc: 'Geometry (LINE)' },
)

const circleSchema: Schema = structOf(
  [
    ['center', pointSchema],
    ['radius', double],
  ],
  { name: 'io.debezium.data.geometry.Circle', version: 1, doc: 'Geometry (CIRCLE)' },
)

const figureSchema: Schema = structOf(
  [
    ['wkb', bytes],
    ['srid', srid],
    ['extensions', mapOf(primitive('string'), primitive('string'), { optional: true })],
  ],
  { name: 'io.debezium.data.geometry.Geometry', version: 2, doc: 'Geometry' },
)

const postgisSchema = (name: 'Geometry' | 'Geography'): Schema =>
  structOf(
    [
      ['wkb', bytes],
      ['srid', srid],
    ],
    { name: `io.debezium.data.geometry.${name}`, version: 1, doc: name },
  )

/** Postgres' own geometric types as Debezium's structs with well-known binary; undefined for another type's name. */
export function geometricType(name: string): ColumnType | undefined {
  switch (name) {
    case 'point':
      return of(pointSchema, (text) => point(numbers(text, 2)))
    case 'line':
      return of(lineSchema, (text) => {
        const [a, b, c] = numbers(text, 3)
        return { a, b, c }
      })
    case 'circle':
      return of(circleSchema, (text) => {
        const parts = numbers(text, 3)
        return { center: point(parts), radius: parts[2] }
      })
    case 'lseg':
      return of(figureSchema, (text) => figure(wkbLine(numbers(text, 4)), [['type', 'lseg']]))
    case 'box':
      return of(figureSchema, (text) => {
        const [x1, y1, x0, y0] = numbers(text, 4) as [number, number, number, number]
        return figure(wkbRing([x1, y1, x1, y0, x0, y0, x0, y1, x1, y1]), [['type', 'box']])
      })
    case 'path':
      return of(figureSchema, (text) =>
        figure(wkbLine(numbers(text)), [
          ['type', 'path'],
          ['closed', String(text.startsWith('('))],
        ]),
      )
    case 'polygon':
      return of(figureSchema, (text) => {
        const corners = numbers(text)
        return figure(wkbRing([...corners, corners[0]!, corners[1]!]), [['type', 'polygon']])
      })
    default:
      return undefined
  }
}

/** PostGIS geometry and geography: the server's hex EWKB as plain WKB bytes with its SRID beside them. */
export function postgisType(name: string): ColumnType | undefined {
  if (name !== 'geometry' && name !== 'geography') return undefined
  return of(postgisSchema(name === 'geometry' ? 'Geometry' : 'Geography'), (text) => {
    const ewkb = Buffer.from(text, 'hex')
    if (ewkb.length * 2 !== text.length || ewkb.length < 5) throw new DataError(`${name} value is not hexadecimal EWKB`)
    const little = ewkb[0] === 1
    const kind = little ? ewkb.readUInt32LE(1) : ewkb.readUInt32BE(1)
    const found = (kind & sridFlag) !== 0
    return { wkb: ewkb, srid: found ? (little ? ewkb.readInt32LE(5) : ewkb.readInt32BE(5)) : null }
  })
}

const sridFlag = 0x20000000

function of(schema: Schema, build: (text: string) => unknown): ColumnType {
  const codec: ColumnCodec = (buffer, start, end) => build(buffer.latin1Slice(start, end))
  return { schema, codec, placeholder: null }
}

function numbers(text: string, count?: number): readonly number[] {
  const words = text.split(/[^-+.\w]+/).filter((word) => word !== '')
  const found = words.map(Number)
  const odd = found.some((number, place) => Number.isNaN(number) && words[place] !== 'NaN')
  if (odd || (count !== undefined && found.length !== count)) throw new DataError(`"${text}" is not a geometric value`)
  return found
}

function point([x, y]: readonly number[]): object {
  const wkb = Buffer.alloc(21)
  wkb[0] = 1
  wkb.writeUInt32LE(1, 1)
  writeDoubles(wkb, 5, [x!, y!])
  return { x, y, wkb, srid: null }
}

function figure(wkb: Buffer, extensions: readonly (readonly [string, string])[]): object {
  return { wkb, srid: null, extensions: new Map(extensions) }
}

function wkbLine(corners: readonly number[]): Buffer {
  const wkb = Buffer.alloc(9 + corners.length * 8)
  wkb[0] = 1
  wkb.writeUInt32LE(2, 1)
  wkb.writeUInt32LE(corners.length / 2, 5)
  writeDoubles(wkb, 9, corners)
  return wkb
}

function wkbRing(corners: readonly number[]): Buffer {
  const wkb = Buffer.alloc(13 + corners.length * 8)
  wkb[0] = 1
  wkb.writeUInt32LE(3, 1)
  wkb.writeUInt32LE(1, 5)
  wkb.writeUInt32LE(corners.length / 2, 9)
  writeDoubles(wkb, 13, corners)
  return wkb
}

function writeDoubles(wkb: Buffer, from: number, values: readonly number[]): void {
  values.forEach((value, place) => wkb.writeDoubleLE(value, from + place * 8))
}
