import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Decimal } from '../../../core/index.ts'
import { postgresVersions, startPostgres, type PostgresServer } from '../../postgres.ts'
import { Tail } from './tail.ts'

/** Columns with a generator of their input text; `oracle` asks the server for what the value must be, as text, and `ours` tells ours. */
interface Column {
  readonly type: string
  readonly text: fc.Arbitrary<string | null>
  readonly oracle?: (name: string) => string
  readonly ours?: (value: never) => string
}

const pad = (number: number, width = 2) => String(number).padStart(width, '0')
const nullable = (text: fc.Arbitrary<string>) => fc.option(text, { freq: 10 })
const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', '').toWellFormed())
const awkward = fc.constantFrom('', '\\', '\\N', '\t', '\n\r', 'a\tb\\c\nd', 'NULL', '{}', '"', "it's", '\v\b\f', 'ünï🐘')
const text = fc.oneof(anyText, awkward)
const day = fc.tuple(fc.integer({ min: -4712, max: 9999 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 }))
const dayText = day.map(
  ([year, month, date]) => `${pad(year > 0 ? year : 1 - year, 4)}-${pad(month)}-${pad(date)}|${year > 0 ? '' : ' BC'}`,
)
const clock = fc
  .tuple(fc.integer({ min: 0, max: 86399 }), fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 999_999 })))
  .map(
    ([seconds, micros]) =>
      `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}.${pad(micros, 6)}`,
  )
const moment = fc.tuple(dayText, clock).map(([date, time]) => date.replace('|', ` ${time}`))
const zoned = fc
  .tuple(dayText, clock, fc.constantFrom('+00', '+05:30', '-08', '+05:45:10'))
  .map(([date, time, zone]) => date.replace('|', ` ${time}${zone}`))
const decimal = (integers: number, decimals: number) =>
  fc
    .tuple(
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 10n ** BigInt(integers) - 1n }),
      fc.bigInt({ min: 0n, max: 10n ** BigInt(decimals) - 1n }),
    )
    .map(([minus, whole, rest]) => `${minus ? '-' : ''}${whole}.${String(rest).padStart(decimals, '0')}`)
const hex = fc.uint8Array({ maxLength: 30 }).map((bytes) => `\\x${Buffer.from(bytes).toString('hex')}`)
const arrayOf = (items: fc.Arbitrary<string | null>) =>
  fc
    .array(items, { maxLength: 5 })
    .map((list) => `{${list.map((item) => (item === null ? 'NULL' : `"${item.replace(/[\\"]/g, '\\$&')}"`)).join(',')}}`)
const epoch = (name: string) => `(extract(epoch FROM ${name})::numeric * 1000000)::numeric(30, 0)::text`
const same = (value: unknown) => String(value)
const doubleHex = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}
const hexOf = (value: Uint8Array) => Buffer.from(value).toString('hex')

const columns: Readonly<Record<string, Column>> = {
  i2: { type: 'int2', text: fc.integer({ min: -32768, max: 32767 }).map(String), oracle: (name) => `${name}::text`, ours: same },
  i4: { type: 'int4', text: fc.integer().map(String), oracle: (name) => `${name}::text`, ours: same },
  i8: {
    type: 'int8',
    text: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    oracle: (name) => `${name}::text`,
    ours: same,
  },
  f4: {
    type: 'float4',
    text: fc.float().map(String),
    oracle: (name) => `encode(float8send(${name}), 'hex')`,
    ours: doubleHex,
  },
  f8: { type: 'float8', text: fc.double().map(String), oracle: (name) => `encode(float8send(${name}), 'hex')`, ours: doubleHex },
  n: {
    type: 'numeric',
    text: fc.oneof(decimal(40, 12), fc.constantFrom('NaN', 'Infinity', '-Infinity', '0.000', '1e-40')),
    oracle: (name) => `${name}::text`,
    ours: (value: { text: string }) => value.text,
  },
  n2: {
    type: 'numeric(12,2)',
    text: decimal(10, 2),
    oracle: (name) => `(${name} * 100)::int8::text`,
    ours: (value: Decimal) => String(value.unscaled),
  },
  n40: {
    type: 'numeric(60,20)',
    text: decimal(40, 20),
    oracle: (name) => `(${name} * 1e20)::numeric(80)::text`,
    ours: (value: Decimal) => String(value.unscaled),
  },
  nneg: {
    type: 'numeric(12,3)',
    text: decimal(2, 3),
    oracle: (name) => `(${name} * 1000)::int8::text`,
    ours: (value: Decimal) => String(value.unscaled),
  },
  m: {
    type: 'money',
    text: decimal(12, 2),
    oracle: (name) => `(${name}::numeric * 100)::int8::text`,
    ours: (value: Decimal) => String(value.unscaled),
  },
  t: {
    type: 'text',
    text,
    oracle: (name) => `encode(convert_to(${name}, 'UTF8'), 'hex')`,
    ours: (value: string) => Buffer.from(value).toString('hex'),
  },
  c: { type: 'char(5)', text: fc.string({ unit: 'grapheme-ascii', maxLength: 5 }) },
  nm: { type: 'name', text: fc.string({ unit: 'grapheme-ascii', maxLength: 20 }) },
  by: { type: 'bytea', text: hex, oracle: (name) => `encode(${name}, 'hex')`, ours: hexOf },
  b: { type: 'bool', text: fc.boolean().map(String) },
  b70: {
    type: 'varbit(70)',
    text: fc.string({ unit: fc.constantFrom('0', '1'), maxLength: 70 }),
    oracle: (name) => `${name}::text`,
    ours: (value: { text: string }) => value.text,
  },
  d: {
    type: 'date',
    text: fc.oneof(
      dayText.map((value) => value.replace('|', '')),
      fc.constant('5874897-12-31'),
    ),
    oracle: (name) => `(${name} - date '1970-01-01')::text`,
    ours: same,
  },
  dinf: {
    type: 'date',
    text: fc.constantFrom('infinity', '-infinity'),
    oracle: (name) => `CASE ${name} WHEN 'infinity' THEN '2147483647' WHEN '-infinity' THEN '-2147483647' END`,
    ours: same,
  },
  ts: { type: 'timestamp', text: moment, oracle: epoch, ours: same },
  ts3: { type: 'timestamp(3)', text: moment, oracle: (name) => `floor(extract(epoch FROM ${name})::numeric * 1000)::text`, ours: same },
  tz: {
    type: 'timestamptz',
    text: zoned,
    oracle: epoch,
    ours: (value: string) =>
      String(
        BigInt(
          Date.parse(
            value.replace(/^(-?)(\d{4})-/, (_, minus: string, year: string) => `${minus || '+'}00${year}-`).replace(/\d{3}Z/, 'Z'),
          ),
        ) *
          1000n +
          BigInt(value.slice(-4, -1)),
      ),
  },
  ti: { type: 'time', text: fc.oneof(clock, fc.constant('24:00:00')), oracle: epoch, ours: same },
  tt: { type: 'timetz', text: fc.tuple(clock, fc.constantFrom('+00', '-03:30', '+15:59:59')).map((parts) => parts.join('')) },
  iv: {
    type: 'interval',
    text: fc
      .tuple(fc.integer({ min: -5000, max: 5000 }), fc.integer({ min: -900, max: 900 }), clock, fc.constantFrom('', '-'))
      .map(([months, days, time, sign]) => `${months} months ${days} days ${sign}${time}`),
  },
  u: { type: 'uuid', text: fc.uuid(), oracle: (name) => `${name}::text`, ours: same },
  j: { type: 'jsonb', text: fc.json().filter((json) => !json.includes('\\u0000') && json.isWellFormed()) },
  ip: { type: 'inet', text: fc.oneof(fc.ipV4(), fc.ipV6()) },
  ia: {
    type: 'int[]',
    text: arrayOf(fc.option(fc.integer().map(String))),
    oracle: (name) => `to_json(${name})::text`,
    ours: (value: unknown) => JSON.stringify(value),
  },
  ta: {
    type: 'text[]',
    text: arrayOf(fc.option(text)),
    oracle: (name) => `to_json(${name})::text`,
    ours: (value: unknown) => JSON.stringify(value),
  },
  i2d: {
    type: 'int[][]',
    text: fc.constantFrom('{{1,2},{3,NULL}}', '{}', '{{7}}'),
    oracle: (name) => `to_json(${name})::text`,
    ours: (value: unknown) => JSON.stringify(value),
  },
  tza: { type: 'timestamptz[]', text: arrayOf(zoned) },
  r: { type: 'tstzrange', text: fc.tuple(zoned, fc.constantFrom('', 'infinity')).map(([low, high]) => `["${low}",${high})`) },
  p: { type: 'point', text: fc.tuple(fc.double({ noNaN: true }), fc.double({ noNaN: true })).map(([x, y]) => `(${x},${y})`) },
  e: { type: 'color', text: fc.constantFrom('red', 'dark blue', "it's", 'a,b', '"') },
  x8: { type: 'pg_lsn', text: fc.constantFrom('0/0', 'FFFFFFFF/FFFFFFFF') },
}

const hostile = [
  "datestyle = 'German'",
  "intervalstyle = 'iso_8601'",
  "timezone = 'Asia/Kolkata'",
  "bytea_output = 'escape'",
  'extra_float_digits = 0',
  "xmloption = 'document'",
  'quote_all_identifiers = on',
  'standard_conforming_strings = off',
]

for (const version of postgresVersions) {
  test(`Postgres ${version}: a value is the same in the snapshot, in the stream and under hostile settings, and is what the server says`, async () => {
    await using server = await startPostgres({ version })
    const rows = fc.sample(
      fc.record(
        Object.fromEntries(Object.entries(columns).map(([name, { text: value }]) => [name, nullable(value as fc.Arbitrary<string>)])),
      ),
      { numRuns: 250, seed: 20_260_721 },
    )
    const plain = await readTwice(server, 'plain', [], rows)
    const odd = await readTwice(server, 'odd', hostile, rows)
    assert.deepEqual([plain.snapshot.length, plain.stream.length, odd.snapshot.length, odd.stream.length], Array(4).fill(rows.length))
    assert.deepEqual(plain.stream, plain.snapshot)
    assert.deepEqual(odd.snapshot, plain.snapshot)
    assert.deepEqual(odd.stream, plain.snapshot)
    for (const [name, { oracle, ours }] of Object.entries(columns)) {
      if (oracle === undefined || ours === undefined) continue
      plain.snapshot.forEach((row, place) => {
        const value = row[name] as never
        assert.equal(value === null ? null : ours(value), plain.oracle[place]![name], `${name} of ${JSON.stringify(rows[place]![name])}`)
      })
    }
  })
}

type Row = Readonly<Record<string, unknown>>

interface Read {
  readonly snapshot: readonly Row[]
  readonly stream: readonly Row[]
  readonly oracle: readonly Row[]
}

/** Inserts the rows before and again after a source starts, and gives both readings without the id. */
async function readTwice(
  server: PostgresServer,
  database: string,
  settings: readonly string[],
  rows: readonly Readonly<Record<string, string | null>>[],
): Promise<Read> {
  await server.query(`CREATE DATABASE ${database}`)
  for (const setting of settings) await server.query(`ALTER DATABASE ${database} SET ${setting}`)
  const client = await server.connect({
    database,
    options: '-c datestyle=ISO -c extra_float_digits=3 -c timezone=UTC -c intervalstyle=postgres -c standard_conforming_strings=on',
  })
  try {
    const names = Object.keys(columns)
    await client.query(`CREATE TYPE color AS ENUM ('red', 'dark blue', 'it''s', 'a,b', '"')`)
    await client.query(`CREATE TABLE t (id int PRIMARY KEY, ${names.map((name) => `${name} ${columns[name]!.type}`).join(', ')})`)
    for (const [place, row] of rows.entries()) {
      const places = names.map((_, at) => `$${at + 2}`)
      await client.query(`INSERT INTO t VALUES ($1, ${places.join(', ')})`, [place, ...names.map((name) => row[name])])
    }
    const asked = names.filter((name) => columns[name]!.oracle !== undefined)
    const oracle = (
      await client.query(`SELECT ${asked.map((name) => `${columns[name]!.oracle!(name)} AS ${name}`).join(', ')} FROM t ORDER BY id`)
    ).rows as Row[]
    await using tail = await Tail.open(server, { 'database.dbname': database, 'slot.name': database })
    await tail.until(({ entries }) => entries.some(({ message }) => message === 'Streaming changes'))
    const snapshot = afters(tail)
    await client.query(`INSERT INTO t SELECT id + 100000, ${names.join(', ')} FROM t ORDER BY id`)
    await tail.count(rows.length * 2)
    assert.deepEqual(
      tail.rejected.map(({ error }) => error.message),
      [],
    )
    return { snapshot, stream: afters(tail).slice(rows.length), oracle }
  } finally {
    await client.end()
  }
}

/** Rows in the order of their ids: the heap has its own. */
function afters(tail: Tail): readonly Row[] {
  const rows = tail.records.map(({ value }) => (value as { after: Row }).after)
  return rows.toSorted((a, b) => Number(a.id) - Number(b.id)).map(({ id: _, ...row }) => row)
}
