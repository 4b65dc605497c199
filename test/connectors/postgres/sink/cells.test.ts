import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { CopyBuffer } from '../../../../connectors/postgres/sink/copy-buffer.ts'
import { valueCell, valueText } from '../../../../connectors/postgres/sink/value-text.ts'
import { DataError, logical, primitive, record, structOf, type Json, type Schema } from '../../../../core/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { never, openSink, target } from './sink-rig.ts'

const named = (type: 'int32' | 'int64' | 'bytes', name: string, parameters: Record<string, string> | null = null): Schema =>
  primitive(type, { name, ...(parameters === null ? {} : { parameters }) })
const column = (name: string) => ({ name, item: undefined })

/** What a cell writes, and the text that it stands for. */
function both(schema: Schema, type: string, value: unknown): readonly [string, string] {
  // Small at first, so that it has to grow.
  const out = new CopyBuffer(8)
  valueCell(schema, column(type), 'UTC')(out, value)
  return [out.bytes().toString('utf8'), valueText(schema, column(type), 'UTC').text(value)]
}

function agree(schema: Schema, type: string, values: fc.Arbitrary<unknown>): void {
  fc.assert(
    fc.property(values, (value) => {
      const [written, text] = both(schema, type, value)
      assert.equal(written, text)
    }),
    { numRuns: 2_000 },
  )
}

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

test('numbers, dates and times are written into the line as their texts are', () => {
  agree(primitive('int32'), 'int4', fc.integer())
  agree(
    primitive('int64'),
    'int8',
    fc.oneof(int64, fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }), fc.bigInt({ min: -1000n, max: 1000n })),
  )
  agree(primitive('float64'), 'float8', fc.oneof(fc.double(), fc.maxSafeInteger()))
  agree(primitive('float32'), 'float4', fc.float())
  const decimal = fc.record({
    unscaled: fc.oneof(int64, fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), fc.bigInt({ min: -99n, max: 99n })),
    scale: fc.integer({ min: -3, max: 20 }),
  })
  agree(named('bytes', logical.decimal, { scale: '4' }), 'numeric', decimal)
  agree(
    named('int32', logical.debeziumDate),
    'date',
    fc.oneof(fc.integer({ min: -3_000_000, max: 3_000_000 }), fc.constantFrom(2147483647, -2147483648, -719162, -719163, 2932896, 2932897)),
  )
  agree(named('int64', logical.microTime), 'time', fc.bigInt({ min: 0n, max: 86_400_000_000n }))
  agree(named('int32', logical.debeziumTime), 'time', fc.integer({ min: 0, max: 86_400_000 }))
  const usual = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n })
  agree(named('int64', logical.microTimestamp), 'timestamp', fc.oneof(int64, usual, fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n })))
  agree(named('int64', logical.debeziumTimestamp), 'timestamp', fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }))
})

test('texts: what COPY would misread is escaped, whatever their length; what UTF-8 cannot hold is refused', () => {
  const escapes = (text: string) => text.replace(/[\\\t\n\r]/g, (char) => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[char]!)
  const units = fc.oneof(fc.constantFrom('\\', '\t', '\n', '\r', 'a', 'é', '🙂', '\\.', '\\N'), fc.string({ unit: 'grapheme' }))
  fc.assert(
    fc.property(fc.array(units, { maxLength: 60 }), (parts) => {
      const text = parts.join('').replaceAll('\0', '')
      const out = new CopyBuffer(8)
      out.text(text)
      assert.equal(out.bytes().toString('utf8'), escapes(text))
    }),
  )
  const out = new CopyBuffer(8)
  for (const text of ['\0', `${'x'.repeat(100)}\0`]) assert.throws(() => out.text(text), /zero byte/)
  for (const text of ['\ud83d', `${'x'.repeat(100)}\ude42`])
    assert.throws(
      () => out.text(text),
      (error) => error instanceof DataError && /surrogate/.test(error.message),
    )
})

const server = await startPostgres()
after(() => server.stop())

let flushes = 0
const at = (): Record<string, Json> => ({ p: ++flushes, '#flush/0': flushes })

test('db.timezone: columns without a zone get its wall clock, summer time in it; columns with one stay the same moment', async () => {
  await server.query('CREATE TABLE moments (id int PRIMARY KEY, plain timestamp, zoned timestamptz, day date, clock time)')
  const moment = named('int64', logical.timestamp)
  const schema = structOf([
    ['id', primitive('int32')],
    ['plain', moment],
    ['zoned', moment],
    ['day', named('int32', logical.date)],
    ['clock', named('int32', logical.time)],
  ])
  await using sink = await openSink({
    ...target(server),
    'db.timezone': 'Europe/Paris',
    'pk.mode': 'record_value',
    'pk.fields': 'id',
    'delete.enabled': 'false',
  })
  const of = (id: number, iso: string) => {
    const millis = BigInt(Date.parse(iso))
    return record('moments', { id, plain: millis, zoned: millis, day: 19_723, clock: 3_600_500 }, { valueSchema: schema })
  }
  // Winter, summer, and both sides of the hour that is there twice.
  const batch = [
    of(1, '2024-01-15T12:00:00.123Z'),
    of(2, '2024-07-15T22:30:00Z'),
    of(3, '2024-10-27T00:59:59.999Z'),
    of(4, '2024-10-27T01:00:00Z'),
    of(5, '1890-01-01T00:00:00Z'),
  ]
  await sink.put(batch, never)
  await sink.flush(at(), never)
  const rows = await server.query(
    `SET timezone = 'UTC'; SELECT concat_ws(' | ', plain, zoned, day, clock) AS line FROM moments ORDER BY id`,
  )
  assert.deepEqual(
    rows.map(({ line }) => line),
    [
      '2024-01-15 13:00:00.123 | 2024-01-15 12:00:00.123+00 | 2024-01-01 | 01:00:00.5',
      '2024-07-16 00:30:00 | 2024-07-15 22:30:00+00 | 2024-01-01 | 01:00:00.5',
      '2024-10-27 02:59:59.999 | 2024-10-27 00:59:59.999+00 | 2024-01-01 | 01:00:00.5',
      '2024-10-27 02:00:00 | 2024-10-27 01:00:00+00 | 2024-01-01 | 01:00:00.5',
      '1890-01-01 00:09:21 | 1890-01-01 00:00:00+00 | 2024-01-01 | 01:00:00.5',
    ],
  )
  const server2 = await server.query(`SELECT count(*)::int AS n FROM moments WHERE plain <> zoned AT TIME ZONE 'Europe/Paris'`)
  assert.deepEqual(server2, [{ n: 0 }])
})
