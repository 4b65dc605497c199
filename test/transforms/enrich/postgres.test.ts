import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { logical, primitive, record, structOf, type ConnectRecord } from '../../../core/index.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../../postgres.ts'
import { enrichedBatch, enrichedValues, enriching } from './enriching.ts'

const skip = postgresMissing('15') !== undefined && postgresMissing('18') !== undefined ? 'no Postgres can be started here' : false
let server: PostgresServer

before(async () => {
  if (skip) return
  server = await startPostgres()
  await server.query(`
    CREATE TABLE customer (id bigint PRIMARY KEY, name text NOT NULL, credit numeric(20,4), since date, seen timestamptz, tags text[], active boolean,
                           raw bytea, amount numeric, "odd.name" int);
    INSERT INTO customer VALUES
      (1, 'Ada', 1.5000, '1999-12-31', '2024-02-29 12:00:00.123456+00', '{a,b}', true, '\\xdeadbeef', 0.1, 7),
      (9007199254740993, 'Big', 1234567890123456.7890, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    CREATE TABLE price (country char(2), sku uuid, cents int, PRIMARY KEY (country, sku));
    INSERT INTO price VALUES ('de', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 500), ('fr', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 600);
    CREATE TABLE twice (id int, x text); INSERT INTO twice VALUES (1, 'a'), (1, 'b'), (2, 'c')`)
})
after(() => server?.stop())

const keys = (more: Record<string, string> = {}): Record<string, string> => ({
  lookup: 'postgres',
  ...server.connectorConfig(),
  table: 'customer',
  key: 'customer',
  'lookup.key': 'id',
  ...more,
})
const orderSchema = structOf([
  ['id', primitive('int32')],
  ['customer', primitive('int64', { optional: true })],
])
const order = (customer: unknown, id = 1): ConnectRecord => record('orders', { id, customer }, { valueSchema: orderSchema })

test('fields are added with the types of their columns, exactly', { skip }, async () => {
  await using enrich = enriching(keys({ fields: 'name,credit:limit,since,seen,active,raw' }))
  const records = [order(1n), order(9_007_199_254_740_993n, 2), order(7n, 3), order(1n, 4), order(null, 5)]
  const out = (await enrichedBatch(enrich, records)) as ConnectRecord[]
  assert.deepEqual(out[0]!.value, {
    id: 1,
    customer: 1n,
    name: 'Ada',
    limit: { unscaled: 15_000n, scale: 4 },
    since: 10_956,
    seen: '2024-02-29T12:00:00.123456Z',
    active: true,
    raw: Buffer.from('deadbeef', 'hex'),
  })
  assert.deepEqual((out[1]!.value as { limit: unknown }).limit, { unscaled: 12_345_678_901_234_567_890n, scale: 4 })
  const nothing = { name: null, limit: null, since: null, seen: null, active: null, raw: null }
  assert.deepEqual(out[2]!.value, { id: 3, customer: 7n, ...nothing })
  assert.deepEqual(out[4]!.value, { id: 5, customer: null, ...nothing })
  assert.equal(new Set(out.map(({ valueSchema }) => valueSchema)).size, 1)
  const { fields } = out[0]!.valueSchema!
  assert.deepEqual(
    fields.map(({ name, schema: { type, name: meaning, optional } }) => [name, type, meaning, optional]),
    [
      ['id', 'int32', null, false],
      ['customer', 'int64', null, true],
      ['name', 'string', null, true],
      ['limit', 'bytes', logical.decimal, true],
      ['since', 'int32', logical.debeziumDate, true],
      ['seen', 'string', logical.zonedTimestamp, true],
      ['active', 'boolean', null, true],
      ['raw', 'bytes', null, true],
    ],
  )
  assert.deepEqual(records[0]!.value, { id: 1, customer: 1n })
})

test('an inner join drops what is not found, and keeps columns required', { skip }, async () => {
  await using enrich = enriching(keys({ fields: 'name', into: 'who', join: 'inner' }))
  const [found, dropped, withoutKey] = await enrichedBatch(enrich, [order(1n), order(2n), order(null)])
  assert.deepEqual((found as ConnectRecord).value, { id: 1, customer: 1n, who: { name: 'Ada' } })
  const who = (found as ConnectRecord).valueSchema!.fields[2]!.schema
  assert.deepEqual([who.type, who.optional, who.fields[0]!.schema.optional], ['struct', false, false])
  assert.deepEqual([dropped, withoutKey], [null, null])
})

test('missing=keep adds nothing, missing=error refuses by name, tombstones pass', { skip }, async () => {
  await using keep = enriching(keys({ fields: 'name', missing: 'keep' }))
  const lost = order(2n)
  assert.equal((await enrichedBatch(keep, [lost]))[0], lost)
  await using strict = enriching(keys({ fields: 'name', missing: 'error' }))
  const tombstone = record('orders', null)
  const [none, nulled, passed] = await enrichedBatch(strict, [lost, order(null), tombstone])
  assert.match(String(none), /nothing is found for the key 2 of a record of topic "orders"/)
  assert.match(String(nulled), /key to look up by is null/)
  assert.equal(passed, tombstone)
})

test('records without a schema get plain values, all columns under one field', { skip }, async () => {
  await using enrich = enriching(keys({ into: 'c' }))
  const [one] = await enrichedValues(enrich, [record('t', { customer: '1' })])
  assert.deepEqual(one, {
    customer: '1',
    c: {
      id: 1n,
      name: 'Ada',
      credit: '1.5000',
      since: '1999-12-31',
      seen: '2024-02-29T12:00:00.123456Z',
      tags: '{a,b}',
      active: true,
      raw: Buffer.from('deadbeef', 'hex'),
      amount: '0.1',
      'odd.name': 7n,
    },
  })
})

test('a column without a type of its own needs one for records with a schema', { skip }, async () => {
  await using enrich = enriching(keys({ fields: 'amount' }))
  await assert.rejects(enrich.prepare!([order(1n)]), {
    name: 'ConfigError',
    message: /column "amount" \(numeric\) needs a type: types=amount:string/,
  })
  await using typed = enriching(keys({ fields: 'amount,tags,`odd.name`:odd', types: 'amount:decimal(2),tags:string' }))
  assert.deepEqual(await enrichedValues(typed, [order(1n)]), [
    { id: 1, customer: 1n, amount: { unscaled: 10n, scale: 2 }, tags: '{a,b}', odd: 7 },
  ])
  await using narrow = enriching(keys({ fields: 'credit', types: 'credit:decimal(0)' }))
  assert.match(String((await enrichedValues(narrow, [order(1n)]))[0]), /"1\.5000" in "credit", which is not a value of/)
})

test('keys of several parts, of any type; those that cannot be values of the column are refused alone', { skip }, async () => {
  const sku = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
  await using enrich = enriching(keys({ table: 'public.price', key: 'to.country,sku', 'lookup.key': 'country,sku', fields: 'cents' }))
  const of = (country: unknown, id: unknown) => record('t', { to: { country }, sku: id })
  const out = await enrichedValues(enrich, [
    of('fr', sku),
    of('de', sku.toUpperCase()),
    of('de', 'nope'),
    of('xx', sku),
    of('toolong', sku),
    of('d', ''),
  ])
  assert.equal((out[0] as { cents: bigint }).cents, 600n)
  assert.equal((out[1] as { cents: bigint }).cents, 500n)
  assert.match(String(out[2]), /key \["de","nope"\].*cannot be looked up.*invalid input syntax for type uuid/)
  assert.equal((out[3] as { cents: unknown }).cents, null)
  assert.equal((out[4] as { cents: unknown }).cents, null)
  assert.match(String(out[5]), /cannot be looked up/)
  await using whole = enriching(keys({ fields: 'name' }))
  const odd = await enrichedValues(whole, [record('t', { customer: 'x' }), record('t', { customer: 1e30 }), record('t', { customer: [1] })])
  assert.match(String(odd[0]), /key x .*integer column/)
  assert.match(String(odd[2]), /"customer" of a record of topic "t" is an array of 1, which cannot be looked up by/)
})

test('a key of two rows is refused, the others of the batch are not', { skip }, async () => {
  await using enrich = enriching(keys({ table: 'twice', fields: 'x' }))
  const out = await enrichedValues(enrich, [order(1n), order(2n)])
  assert.match(String(out[0]), /key 1 .*more than one row of public\.twice/)
  assert.equal((out[1] as { x: string }).x, 'c')
})

test('answers are cached for their time; changed columns make another schema', { skip }, async () => {
  await server.query(`CREATE TABLE live (id int PRIMARY KEY, v int); INSERT INTO live VALUES (1, 10), (2, 20)`)
  await using enrich = enriching(keys({ table: 'live', fields: 'v', 'cache.ttl.ms': '-1', 'cache.missing.ttl.ms': '0' }))
  const v = async (id: bigint) => ((await enrichedBatch(enrich, [order(id)]))[0] as ConnectRecord).value as { v: unknown }
  assert.equal((await v(1n)).v, 10)
  assert.equal((await v(3n)).v, null)
  await server.query(`UPDATE live SET v = 11; INSERT INTO live VALUES (3, 30)`)
  assert.equal((await v(1n)).v, 10)
  assert.equal((await v(3n)).v, 30)
  await server.query(`ALTER TABLE live ALTER v TYPE bigint`)
  const [first, second] = (await enrichedBatch(enrich, [order(1n), order(2n)])) as ConnectRecord[]
  assert.deepEqual([(first!.value as { v: unknown }).v, (second!.value as { v: unknown }).v], [11n, 11n])
  assert.equal(first!.valueSchema, second!.valueSchema)
  assert.equal(first!.valueSchema!.fields[2]!.schema.type, 'int64')
  await server.query(`ALTER TABLE live DROP v`)
  await assert.rejects(enrich.prepare!([order(99n)]), { name: 'ConfigError', message: /has no column "v"/ })
})

test('a server that is away is waited for, and asked again over a new connection', { skip }, async () => {
  await using enrich = enriching(keys({ fields: 'name', 'cache.ttl.ms': '0' }))
  assert.equal(((await enrichedValues(enrich, [order(1n)]))[0] as { name: string }).name, 'Ada')
  await server.halt('immediate')
  await assert.rejects(enrich.prepare!([order(1n)]), { name: 'RetriableError' })
  await assert.rejects(enrich.prepare!([order(1n)]), { name: 'RetriableError', message: /connecting to Postgres at 127/ })
  await server.start()
  assert.equal(((await enrichedValues(enrich, [order(1n)]))[0] as { name: string }).name, 'Ada')
})

test('what is wrong in the config is said: table, column, password, rights to write', { skip }, async () => {
  const says = async (more: Record<string, string>, message: RegExp) => {
    await using enrich = enriching(keys({ fields: 'name', ...more }))
    await assert.rejects(enrich.prepare!([order(1n)]), { name: 'ConfigError', message })
  }
  await says({ table: 'nope' }, /no table "public"\."nope"/)
  await says({ fields: 'nope' }, /no column "nope"; it has id, name/)
  await says({ 'lookup.key': 'nope' }, /no column "nope"/)
  await says({ 'database.password': 'wrong' }, /password authentication failed/)
  await says({ 'database.sslmode': 'require' }, /does not support SSL/)
  await says({ table: 'customer"; DROP TABLE customer; --' }, /no table/)
})

test('a field that the record has already is not overwritten', { skip }, async () => {
  await using enrich = enriching(keys({ fields: 'name:id' }))
  const out = await enrichedValues(enrich, [order(1n), record('t', { id: 1, customer: 1 })])
  for (const one of out) assert.match(String(one), /has a field "id" already/)
})

test('columns of domains and views are read as what they stand for; more places are noticed', { skip }, async () => {
  await server.query(`CREATE DOMAIN money2 AS numeric(10,2); CREATE DOMAIN code AS text CHECK (VALUE <> '');
    CREATE TABLE account (id code PRIMARY KEY, sum money2, rate numeric(6,2)); INSERT INTO account VALUES ('a', 1.5, 2.25);
    CREATE VIEW accounts AS SELECT id, sum FROM account`)
  await using view = enriching(keys({ table: 'accounts', fields: 'sum' }))
  const a = record('t', { customer: 'a' }, { valueSchema: structOf([['customer', primitive('string')]]) })
  assert.deepEqual(await enrichedValues(view, [a]), [{ customer: 'a', sum: { unscaled: 150n, scale: 2 } }])
  await using table = enriching(keys({ table: 'account', fields: 'rate', 'cache.ttl.ms': '0' }))
  assert.deepEqual(await enrichedValues(table, [a]), [{ customer: 'a', rate: { unscaled: 225n, scale: 2 } }])
  await server.query(`ALTER TABLE account ALTER rate TYPE numeric(8,4)`)
  assert.deepEqual(await enrichedValues(table, [a]), [{ customer: 'a', rate: { unscaled: 22_500n, scale: 4 } }])
})
