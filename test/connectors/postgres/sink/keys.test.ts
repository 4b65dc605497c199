import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ConfigError, primitive, record, structOf, type ConnectRecord, type Json } from '../../../../core/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { item, never, openSink, rejects, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

let made = 0
async function fresh(sql = '') {
  const name = `k${++made}`
  await server.query(`CREATE DATABASE ${name}`)
  if (sql !== '') await server.query(sql, name)
  const query = async (text: string) => (await server.query(text, name)).map((row) => Object.values(row).join('|'))
  return { config: target(server, name), query }
}

let flushes = 0
const at = (): Record<string, Json> => ({ p: ++flushes, '#flush/0': flushes })

const placeKey = structOf([
  ['country', primitive('string', { optional: true })],
  ['city', primitive('string')],
])
const place = structOf([
  ['country', primitive('string')],
  ['city', primitive('string')],
  ['people', primitive('int32')],
])

function placeRecord(country: string | null, city: string, people: number | null): ConnectRecord {
  const key = { key: { country, city }, keySchema: placeKey }
  if (people === null) return record('places', null, key)
  return record('places', { country, city, people }, { ...key, valueSchema: place })
}

test('a key of several columns: its parts are told apart, tombstones find it, a null in it is refused', async () => {
  const db = await fresh('CREATE TABLE places (people int, city text, country text, UNIQUE (city, country))')
  const { rejected, context } = rejects()
  await using sink = await openSink(db.config, context)
  await sink.put([placeRecord('a', 'bc', 1), placeRecord('ab', 'c', 2), placeRecord('a\t', 'b', 3), placeRecord('a', '\tb', 4)], never)
  await sink.flush(at(), never)
  await sink.put(
    [
      placeRecord('ab', 'c', 5),
      placeRecord('a', 'bc', null),
      placeRecord('a\t', 'b', 6),
      placeRecord('a\t', 'b', null),
      placeRecord(null, 'b', 7),
    ],
    never,
  )
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT country, city, people FROM places ORDER BY people'), ['a|\tb|4', 'ab|c|5'])
  assert.deepEqual(
    rejected.map(({ error }) => error.message),
    ['Table "public"."places": a column of the key (country, city) is null'],
  )
})

test('many keys in a batch, each many times: the last change of each counts', async () => {
  const db = await fresh()
  await using sink = await openSink(db.config)
  const batch = Array.from({ length: 30_000 }, (_, n) => item((n * 7919) % 5_000, n % 11 === 0 ? null : { count: n }))
  const expected = new Map<number, number>()
  for (const [n] of batch.entries()) {
    const id = (n * 7919) % 5_000
    if (n % 11 === 0) expected.delete(id)
    else expected.set(id, n)
  }
  await sink.put(batch, never)
  await sink.flush(at(), never)
  const rows = await server.query('SELECT id::int, count FROM items ORDER BY id', `k${made}`)
  assert.deepEqual(
    rows.map(({ id, count }) => [id, count]),
    [...expected].sort(([a], [b]) => a - b),
  )
})

test('pk.mode=record_header takes the key from headers, the last of a name; without them the record is refused', async () => {
  const db = await fresh()
  const { rejected, context } = rejects()
  const config = { ...db.config, 'primary.key.mode': 'record_header', 'primary.key.fields': 'tenant,no', 'delete.enabled': 'false' }
  await using sink = await openSink(config, context)
  const text = primitive('string')
  const value = structOf([['name', text]])
  const headed = (tenant: string | undefined, no: number, name: string) => {
    const number = { key: 'no', value: no, schema: primitive('int32') }
    const headers =
      tenant === undefined
        ? [number]
        : [{ key: 'tenant', value: 'old', schema: text }, number, { key: 'tenant', value: tenant, schema: text }]
    return record('headed', { name }, { valueSchema: value, headers })
  }
  await sink.put([headed('a', 1, 'one'), headed('b', 1, 'two'), headed(undefined, 1, 'three'), headed('a', 1, 'four')], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT tenant, no, name FROM headed ORDER BY tenant'), ['a|1|four', 'b|1|two'])
  assert.deepEqual(
    await db.query(`SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'headed'::regclass AND contype = 'p'`),
    ['PRIMARY KEY (tenant, no)'],
  )
  assert.match(rejected[0]!.error.message, /headers have no field "tenant".*there are no/)
})

test("tombstones that are not to delete anything are refused as Confluent's sink does, and left out under the other names", async () => {
  const db = await fresh()
  const confluent = 'io.confluent.connect.jdbc.JdbcSinkConnector'
  for (const [name, count] of [
    [confluent, 1],
    ['io.debezium.connector.jdbc.JdbcSinkConnector', 0],
    ['postgres', 0],
  ] as const) {
    const { rejected, context } = rejects()
    const config = { ...db.config, 'auto.create': 'true', 'schema.evolution': 'basic', 'delete.enabled': 'false' }
    await using sink = await openSink(config, context, name)
    await sink.put([item(1, { name: 'a' }, `of_${name.length}`), item(1, null, `of_${name.length}`)], never)
    await sink.flush(at(), never)
    assert.equal(rejected.length, count, name)
    if (count > 0) assert.match(rejected[0]!.error.message, /tombstone.*delete\.enabled=true.*RecordIsTombstone/)
    assert.deepEqual(await db.query(`SELECT name FROM of_${name.length}`), ['a'])
  }
})

test('insert.mode=upsert needs a unique key of exactly the columns of the key', async () => {
  const db = await fresh('CREATE TABLE places (people int, city text, country text, UNIQUE (city))')
  await using sink = await openSink(db.config)
  await assert.rejects(
    sink.put([placeRecord('a', 'b', 1)], never),
    (error) => error instanceof ConfigError && /country, city/.test(error.message),
  )
})
