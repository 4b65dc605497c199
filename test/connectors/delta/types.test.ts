import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { DataError, type Schema, arrayOf, logical, mapOf, optional, parseDecimal, primitive, structOf } from '../../../core/index.ts'
import { Judge, judgeMissing } from '../../judge.ts'
import { type Rejections, Source, contextOf, newLake, openSink, write } from './lake.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const id = ['id', primitive('int64')] as const
const decimal = (precision: number, scale: number) =>
  primitive('bytes', {
    optional: true,
    name: logical.decimal,
    parameters: { scale: String(scale), 'connect.decimal.precision': String(precision) },
  })
const named = (type: Parameters<typeof primitive>[0], name: string) => primitive(type, { optional: true, name })

/** Columns: schema, then pairs of the value in memory and the value that delta-rs must read. */
const cases: Readonly<Record<string, readonly [Schema, ...(readonly [value: unknown, read: unknown])[]]>> = {
  byte: [optional(primitive('int8')), [-128, -128], [127, 127], [null, null]],
  short: [optional(primitive('int16')), [-32768, -32768], [32767, 32767], [0, 0]],
  int: [optional(primitive('int32')), [-2147483648, -2147483648], [2147483647, 2147483647], [null, null]],
  long: [
    optional(primitive('int64')),
    [-9223372036854775808n, '-9223372036854775808'],
    [9223372036854775807n, '9223372036854775807'],
    [9007199254740993n, '9007199254740993'],
  ],
  float: [optional(primitive('float32')), [1.5, 1.5], [Number.NaN, 'NaN'], [-0, '-0.0']],
  double: [optional(primitive('float64')), [Number.NaN, 'NaN'], [Number.NEGATIVE_INFINITY, '-Infinity'], [-0, '-0.0']],
  flag: [optional(primitive('boolean')), [true, true], [false, false], [null, null]],
  text: [optional(primitive('string')), ['', ''], ['a\0b', 'a\0b'], ['\u{1F600} é 中', '\u{1F600} é 中']],
  bytes: [optional(primitive('bytes')), [Buffer.alloc(0), { hex: '' }], [Buffer.from([0, 255, 10]), { hex: '00ff0a' }], [null, null]],
  d4: [decimal(4, 2), [parseDecimal('-99.99'), '-99.99'], [parseDecimal('99.99'), '99.99'], [null, null]],
  d9: [decimal(9, 0), [parseDecimal('999999999'), '999999999'], [parseDecimal('-999999999'), '-999999999'], [parseDecimal('0'), '0']],
  d18: [decimal(18, 4), [parseDecimal('99999999999999.9999'), '99999999999999.9999'], [parseDecimal('-0.0001'), '-0.0001'], [null, null]],
  d38: [
    decimal(38, 10),
    [parseDecimal('1234567890123456789012345678.0123456789'), '1234567890123456789012345678.0123456789'],
    [parseDecimal('-9999999999999999999999999999.9999999999'), '-9999999999999999999999999999.9999999999'],
    [parseDecimal('-0.0000000001'), '-0.0000000001'],
  ],
  d50: [decimal(50, 2), [parseDecimal(`${'9'.repeat(48)}.99`), `${'9'.repeat(48)}.99`], [parseDecimal('-1.00'), '-1.00'], [null, null]],
  variable: [
    structOf(
      [
        ['scale', primitive('int32')],
        ['value', primitive('bytes')],
      ],
      { optional: true, name: logical.variableScaleDecimal },
    ),
    [{ scale: 2, value: Buffer.from([0xff, 0x85]) }, '-1.23'],
    [{ scale: 0, value: Buffer.alloc(0), text: 'NaN' }, 'NaN'],
    [null, null],
  ],
  date: [named('int32', logical.debeziumDate), [-719162, '0001-01-01'], [2932896, '9999-12-31'], [-1, '1969-12-31']],
  local: [
    named('int64', logical.microTimestamp),
    [-1n, '1969-12-31T23:59:59.999999'],
    [253402300799999999n, '9999-12-31T23:59:59.999999'],
    [-62135596800000000n, '0001-01-01T00:00:00'],
  ],
  infinite: [
    named('int64', logical.microTimestamp),
    [9223372036825200000n, '9223372036854775807us'],
    [-9223372036832400000n, '-9223372036854775807us'],
    [null, null],
  ],
  zoned: [
    named('string', logical.zonedTimestamp),
    ['2024-02-29T12:00:00.123456Z', '2024-02-29T12:00:00.123456Z'],
    ['1969-12-31T23:59:59.999999+05:30', '1969-12-31T18:29:59.999999Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
  ],
  millis: [named('int64', logical.timestamp), [-1n, '1969-12-31T23:59:59.999000Z'], [0n, '1970-01-01T00:00:00Z'], [null, null]],
  time: [named('int64', logical.microTime), [0n, '00:00:00'], [86399999999n, '23:59:59.999999'], [86400000000n, '24:00:00']],
  uuid: [
    named('string', logical.uuid),
    ['6f1e7a3c-0000-4000-8000-000000000000', '6f1e7a3c-0000-4000-8000-000000000000'],
    [null, null],
    [null, null],
  ],
  json: [named('string', logical.json), ['{"a": 1.10}', '{"a": 1.10}'], ['null', 'null'], [null, null]],
  list: [
    arrayOf(optional(primitive('int64')), { optional: true }),
    [
      [1n, null, 9007199254740993n],
      [1, null, '9007199254740993'],
    ],
    [[], []],
    [null, null],
  ],
  nested: [
    arrayOf(arrayOf(optional(primitive('string')), { optional: true }), { optional: true }),
    [
      [['a', null], [], null],
      [['a', null], [], null],
    ],
    [[[]], [[]]],
    [null, null],
  ],
  map: [
    mapOf(primitive('string'), optional(decimal(10, 2)), { optional: true }),
    [new Map([['k', parseDecimal('1.50')]]), [['k', '1.50']]],
    [new Map(), []],
    [null, null],
  ],
  point: [
    structOf(
      [
        ['x', optional(primitive('float64'))],
        ['tags', arrayOf(primitive('string'), { optional: true })],
      ],
      { optional: true },
    ),
    [
      { x: 1.25, tags: ['t'] },
      { x: 1.25, tags: ['t'] },
    ],
    [
      { x: null, tags: null },
      { x: null, tags: null },
    ],
    [null, null],
  ],
}

for (const mode of ['append', 'upsert']) {
  test(`every type keeps its edge values in ${mode} mode`, options, async () => {
    await using lake = await newLake()
    const source = new Source('t.s.types', [id, ...Object.entries(cases).map(([name, [schema]]) => [name, schema] as const)], ['id'])
    const rows = [0, 1, 2].map((index) => ({
      id: BigInt(index),
      ...Object.fromEntries(Object.entries(cases).map(([name, [, ...values]]) => [name, values[index]![0]])),
    }))
    await using sink = await openSink(lake.path, { mode })
    await write(
      sink,
      rows.map((row) => source.create(row)),
    )
    const read = await judge!.readTable(`${lake.path}/s/types`, { sql: 'SELECT * FROM t ORDER BY id' })
    for (const [name, [, ...values]] of Object.entries(cases)) {
      assert.deepEqual(
        read.map((row) => row[name]),
        values.map(([, expected]) => expected),
        `column ${name}`,
      )
    }
  })
}

test('a list column with more items than a chunk has rows is whole', options, async () => {
  await using lake = await newLake()
  const source = new Source('t.s.lists', [id, ['list', arrayOf(primitive('int32'))]], ['id'])
  const rows = Array.from({ length: 3000 }, (_, index) => ({
    id: BigInt(index),
    list: Array.from({ length: 97 }, (__, item) => index + item),
  }))
  await using sink = await openSink(lake.path)
  await write(
    sink,
    rows.map((row) => source.create(row)),
  )
  const read = await judge!.readTable(`${lake.path}/s/lists`, { sql: 'SELECT id, list FROM t ORDER BY id' })
  assert.deepEqual(
    read,
    rows.map((row) => ({ id: Number(row.id), list: row.list })),
  )
})

const wrong: readonly [name: string, schema: Schema, value: unknown, reason: RegExp][] = [
  ['an int64 beyond 64 bits', primitive('int64'), 2n ** 63n, /does not fit a 64-bit integer/],
  ['an int8 beyond its range', primitive('int8'), 128, /128 is not an int8/],
  ['a decimal with too many digits', decimal(4, 2), parseDecimal('100.00'), /more than 4 digits/],
  ['a decimal with too many places', decimal(4, 2), parseDecimal('1.001'), /does not fit 2 decimal places/],
  ['a lone surrogate', primitive('string'), 'a\ud800', /lone surrogate/],
  ['nanoseconds', named('int64', logical.nanoTimestamp), 1n, /finer than Delta's microseconds; use time.precision.mode=isostring/],
  ['a number where text belongs', primitive('string'), 5, /5 is not text/],
]
for (const [name, schema, value, reason] of wrong) {
  test(`${name} is rejected with its table, column and key, and the rows around it are kept`, options, async () => {
    await using lake = await newLake()
    const source = new Source('t.s.wrong', [id, ['v', optional(schema)]], ['id'])
    const rejections: Rejections = { list: [] }
    await using sink = await openSink(lake.path, {}, contextOf({ rejections }))
    await write(sink, [source.create({ id: 1n, v: null }), source.create({ id: 2n, v: value }), source.create({ id: 3n, v: null })])
    assert.equal(rejections.list.length, 1)
    const { error } = rejections.list[0]!
    assert.ok(error instanceof DataError)
    assert.match(error.message, /^Table s\/wrong, column "v", key \{"id":"2"\}: /)
    assert.match(error.message, reason)
    assert.deepEqual(await judge!.readTable(`${lake.path}/s/wrong`, { sql: 'SELECT id FROM t ORDER BY id' }), [{ id: 1 }, { id: 3 }])
  })
}
