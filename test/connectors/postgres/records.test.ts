import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ConnectRecord } from '../../../core/index.ts'
import { postgresVersions, startPostgres, type PostgresServer } from '../../postgres.ts'
import { Tail } from './tail.ts'

let server: PostgresServer
before(async () => {
  server = await startPostgres({ version: postgresVersions[0]!, settings: { max_replication_slots: 20, max_wal_senders: 20 } })
})
after(() => server.stop())

type Row = Readonly<Record<string, unknown>>

interface Event {
  readonly before: Row | null
  readonly after: Row | null
  readonly op: string
}

const big = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) g)"

let databases = 0

/** Makes tables in a database of their own, follows them, runs the statements and gives the records that they made. */
async function follow(setUp: string, statements: readonly string[], overrides: Readonly<Record<string, string>> = {}) {
  const database = `records${++databases}`
  await server.query(`CREATE DATABASE ${database}`)
  await server.query(setUp, database)
  await using tail = await Tail.open(server, { 'database.dbname': database, 'slot.name': database, ...overrides })
  await tail.until(({ entries }) => entries.some(({ message }) => message === 'Streaming changes'))
  const from = tail.records.length
  for (const statement of statements) await server.query(statement, database)
  await server.query("SELECT pg_logical_emit_message(true, 'end', '')", database)
  await tail.until(({ records }) => records.at(-1)?.topic === 'app.message')
  return { records: tail.records.slice(from, -1), rejected: tail.rejected, read: tail.records.slice(0, from) }
}

const eventOf = (record: ConnectRecord) => record.value as Event
const shown = (records: readonly ConnectRecord[]) =>
  records.map((record) =>
    record.value === null ? ['-', record.key] : [eventOf(record).op, record.key, eventOf(record).before, eventOf(record).after],
  )
const unavailable = (record: ConnectRecord) => record.headers.find(({ key }) => key === '__millrace.unavailable')?.value

test('under REPLICA IDENTITY FULL an unchanged TOAST value is filled from the old row', async () => {
  const { records } = await follow(
    `CREATE TABLE t (id int PRIMARY KEY, big text, n int); ALTER TABLE t ALTER big SET STORAGE EXTERNAL, REPLICA IDENTITY FULL; INSERT INTO t SELECT 1, ${big}, 1`,
    ['UPDATE t SET n = 2', 'UPDATE t SET id = 5'],
  )
  const [update, gone, tombstone, come] = records
  assert.equal((eventOf(update!).after!.big as string).length, 12_800)
  assert.equal(eventOf(update!).after!.big, eventOf(update!).before!.big)
  assert.equal(unavailable(update!), undefined)
  assert.deepEqual([eventOf(gone!).op, tombstone!.value, eventOf(come!).op], ['d', null, 'c'])
  assert.equal((eventOf(come!).after!.big as string).length, 12_800)
  assert.equal(unavailable(come!), undefined)
})

test('an unchanged TOAST value that nothing tells is marked by a placeholder and named in a header, whatever its type', async () => {
  const { records } = await follow(
    `CREATE TABLE t (id int PRIMARY KEY, big text, num numeric, zones timestamptz[], bits varbit, many bigint[], n int);
     ALTER TABLE t ALTER big SET STORAGE EXTERNAL, ALTER num SET STORAGE EXTERNAL, ALTER zones SET STORAGE EXTERNAL, ALTER bits SET STORAGE EXTERNAL, ALTER many SET STORAGE EXTERNAL;
     INSERT INTO t SELECT 1, ${big}, repeat('7', 9000)::numeric, array_agg('2024-01-01'::timestamptz + g * interval '1 s'), string_agg((g % 2)::text, '')::varbit || repeat('01', 9000)::varbit, array_agg(g::bigint), 1 FROM generate_series(1, 900) g`,
    ['UPDATE t SET n = 2'],
  )
  const { after: row } = eventOf(records[0]!)
  assert.deepEqual(unavailable(records[0]!), ['big', 'num', 'zones', 'bits', 'many'])
  assert.equal(row!.big, '__debezium_unavailable_value')
  assert.deepEqual((row!.many as bigint[]).slice(0, 3), [95n, 95n, 100n])
  assert.deepEqual([row!.num, row!.zones, row!.bits, row!.n], [null, null, null, 2])
})

test('a TOASTed key that did not change is told by the old key, and the key did not change', async () => {
  const { records } = await follow(
    `CREATE TABLE t (id text PRIMARY KEY, n int); ALTER TABLE t ALTER id SET STORAGE EXTERNAL; INSERT INTO t SELECT left(${big}, 2500), 1`,
    ['UPDATE t SET n = 2', 'DELETE FROM t'],
  )
  assert.deepEqual(
    records.map((record) => (record.value === null ? '-' : eventOf(record).op)),
    ['u', 'd', '-'],
  )
  assert.deepEqual(
    records.map((record) => ((record.key as Row).id as string).length),
    [2500, 2500, 2500],
  )
  assert.equal(unavailable(records[0]!), undefined)
})

test('with a replica identity index its columns are the key, as deletes tell nothing else', async () => {
  const { records, read } = await follow(
    `CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL, b int NOT NULL, note text); CREATE UNIQUE INDEX t_b_a ON t (b, a);
     ALTER TABLE t REPLICA IDENTITY USING INDEX t_b_a; INSERT INTO t VALUES (1, 'x', 7, 'n')`,
    ['UPDATE t SET id = 2', "UPDATE t SET a = 'y'", 'DELETE FROM t'],
  )
  assert.deepEqual(shown(read), [['r', { b: 7, a: 'x' }, null, { id: 1, a: 'x', b: 7, note: 'n' }]])
  assert.deepEqual(shown(records), [
    ['u', { b: 7, a: 'x' }, null, { id: 2, a: 'x', b: 7, note: 'n' }],
    ['d', { b: 7, a: 'x' }, { id: null, a: 'x', b: 7, note: null }, null],
    ['-', { b: 7, a: 'x' }],
    ['c', { b: 7, a: 'y' }, null, { id: 2, a: 'y', b: 7, note: 'n' }],
    ['d', { b: 7, a: 'y' }, { id: null, a: 'y', b: 7, note: null }, null],
    ['-', { b: 7, a: 'y' }],
  ])
})

test('under FULL without a primary key a unique index of NOT NULL columns is the key, and a table without any has none', async () => {
  const { records } = await follow(
    `CREATE TABLE keyed (a int NOT NULL, b int UNIQUE, c int); CREATE UNIQUE INDEX ON keyed (c) WHERE c > 0; CREATE UNIQUE INDEX ON keyed (a); ALTER TABLE keyed REPLICA IDENTITY FULL;
     CREATE TABLE loose (a int UNIQUE); ALTER TABLE loose REPLICA IDENTITY FULL`,
    ['INSERT INTO keyed VALUES (1, 2, 3)', 'UPDATE keyed SET a = 9', 'INSERT INTO loose VALUES (1)', 'DELETE FROM loose'],
    { 'tombstones.on.delete': 'false' },
  )
  assert.deepEqual(shown(records), [
    ['c', { a: 1 }, null, { a: 1, b: 2, c: 3 }],
    ['d', { a: 1 }, { a: 1, b: 2, c: 3 }, null],
    ['c', { a: 9 }, null, { a: 9, b: 2, c: 3 }],
    ['c', null, null, { a: 1 }],
    ['d', null, { a: 1 }, null],
  ])
})

test('a key chosen by message.key.columns works where the server tells it, and is refused where it does not', async () => {
  const keys = { 'message.key.columns': 'public.(.*):b' }
  const full = await follow(
    'CREATE TABLE t (id int PRIMARY KEY, b text); ALTER TABLE t REPLICA IDENTITY FULL',
    ["INSERT INTO t VALUES (1, 'x')", "UPDATE t SET b = 'y'", 'DELETE FROM t'],
    keys,
  )
  assert.deepEqual(shown(full.records), [
    ['c', { b: 'x' }, null, { id: 1, b: 'x' }],
    ['d', { b: 'x' }, { id: 1, b: 'x' }, null],
    ['-', { b: 'x' }],
    ['c', { b: 'y' }, null, { id: 1, b: 'y' }],
    ['d', { b: 'y' }, { id: 1, b: 'y' }, null],
    ['-', { b: 'y' }],
  ])
  const partly = await follow(
    'CREATE TABLE t (id int PRIMARY KEY, b text)',
    ["INSERT INTO t VALUES (1, 'x')", "UPDATE t SET b = 'y'", 'DELETE FROM t'],
    keys,
  )
  assert.deepEqual(shown(partly.records), [['c', { b: 'x' }, null, { id: 1, b: 'x' }]])
  assert.deepEqual(
    partly.rejected.map(({ error }) => /(UPDATE|DELETE) does not tell the key column "b".*REPLICA IDENTITY FULL/.exec(error.message)?.[1]),
    ['UPDATE', 'DELETE'],
  )
})

test('a row with a value that its type cannot hold is rejected alone, with its table, column, key and texts', async () => {
  const { records, rejected } = await follow('CREATE TABLE t (id int PRIMARY KEY, n numeric(10, 2), note text)', [
    "INSERT INTO t VALUES (1, 1.5, 'a'), (2, 'NaN', 'b'), (3, 2.5, 'c')",
  ])
  assert.deepEqual(
    records.map(({ key }) => key),
    [{ id: 1 }, { id: 3 }],
  )
  assert.deepEqual(
    records.map(({ origin }) => origin!.seq),
    [1, 3],
  )
  assert.equal(rejected.length, 1)
  const [{ record, error }] = rejected as [(typeof rejected)[0]]
  assert.match(error.message, /^Table public\.t, column "n", key \{"id":"2"\}: numeric value NaN .* decimal\.handling\.mode=string/)
  assert.equal(error.name, 'DataError')
  assert.deepEqual(
    [record.topic, record.key, record.value, record.origin!.seq],
    ['app.public.t', { id: '2' }, { op: 'c', schema: 'public', table: 't', columns: { id: '2', n: 'NaN', note: 'b' } }, 2],
  )
})

test('columns with names that JavaScript or Avro trip over are ordinary fields', async () => {
  const table =
    'CREATE TABLE t ("__proto__" int PRIMARY KEY, "constructor" text, "a b" int, "1st" int, "toString" int, "`${x}`" int, "\u2028" int)'
  const { records } = await follow(table, ["INSERT INTO t VALUES (1, 'c', 2, 3, 4, 5, 6)"])
  const [record] = records
  assert.deepEqual(Object.entries(eventOf(record!).after!), [
    ['__proto__', 1],
    ['constructor', 'c'],
    ['a b', 2],
    ['1st', 3],
    ['toString', 4],
    ['`${x}`', 5],
    ['\u2028', 6],
  ])
  assert.deepEqual(Object.entries(record!.key as Row), [['__proto__', 1]])
  const avro = await follow(table.replace(', "`${x}`" int', ''), ["INSERT INTO t VALUES (1, 'c', 2, 3, 4, 5)"], {
    'field.name.adjustment.mode': 'avro',
  })
  assert.deepEqual(Object.keys(eventOf(avro.records[0]!).after!), ['__proto__', 'constructor', 'a_b', '_1st', 'toString', '_'])
})

test('a label that an enum gets while it is followed is in the schema of the first record that has it', async () => {
  const { records } = await follow(
    "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN feeling AS mood; CREATE TABLE t (id int PRIMARY KEY, m mood, f feeling[])",
    ["INSERT INTO t VALUES (1, 'ok', '{ok}')", "ALTER TYPE mood ADD VALUE 'glad'", "INSERT INTO t VALUES (2, 'glad', '{glad,sad}')"],
  )
  const allowed = records.map((record) =>
    record.valueSchema!.fields[1]!.schema.fields.slice(1).map(({ schema }) => (schema.valueSchema ?? schema).parameters!.allowed),
  )
  assert.deepEqual(allowed[1], ['sad,ok,glad', 'sad,ok,glad'])
  assert.deepEqual(
    records.map(({ origin }) => origin!.seq),
    [1, 1],
  )
})

test('records of one table share their schemas, and a new column changes them from its row on', async () => {
  const { records } = await follow('CREATE TABLE t (id int PRIMARY KEY, a text)', [
    "INSERT INTO t VALUES (1, 'x')",
    'ALTER TABLE t ADD b int NOT NULL DEFAULT 4',
    "INSERT INTO t VALUES (2, 'y'), (3, 'z')",
    'UPDATE t SET b = 5 WHERE id = 1',
  ])
  assert.deepEqual(
    records.map((record) => eventOf(record).after),
    [
      { id: 1, a: 'x' },
      { id: 2, a: 'y', b: 4 },
      { id: 3, a: 'z', b: 4 },
      { id: 1, a: 'x', b: 5 },
    ],
  )
  assert.notEqual(records[0]!.valueSchema, records[1]!.valueSchema)
  assert.equal(records[1]!.valueSchema, records[2]!.valueSchema)
  assert.equal(records[1]!.valueSchema, records[3]!.valueSchema)
})

test('columns that the filter leaves out are not in the row, but a key column is still in the key', async () => {
  const { records } = await follow(
    'CREATE TABLE t (id int PRIMARY KEY, secret text, shown text)',
    ["INSERT INTO t VALUES (1, 's', 'x')", "UPDATE t SET shown = 'y'", 'DELETE FROM t'],
    {
      'column.exclude.list': 'public.t.secret,public.t.id',
      'tombstones.on.delete': 'false',
    },
  )
  assert.deepEqual(shown(records), [
    ['c', { id: 1 }, null, { shown: 'x' }],
    ['u', { id: 1 }, null, { shown: 'y' }],
    ['d', { id: 1 }, { shown: null }, null],
  ])
})
