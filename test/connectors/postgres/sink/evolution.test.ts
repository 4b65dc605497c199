import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { logical, primitive, record, structOf, type ConnectRecord, type Json, type Schema } from '../../../../core/index.ts'
import { taskContext } from '../../../../testing/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { never, openSink, rejects, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

let made = 0
async function fresh() {
  const name = `e${++made}`
  await server.query(`CREATE DATABASE ${name}`)
  const query = async (text: string) => (await server.query(text, name)).map((row) => Object.values(row).join('|'))
  return { config: target(server, name), query }
}

let flushes = 0
const at = (): Record<string, Json> => ({ p: ++flushes, '#flush/0': flushes })

const id: readonly [string, Schema] = ['id', primitive('int32')]
const keySchema = structOf([id])
const text = primitive('string', { optional: true })

function row(value: Readonly<Record<string, unknown>>, ...more: readonly (readonly [string, Schema])[]): ConnectRecord {
  return record('t', value, { key: { id: value['id'] }, keySchema, valueSchema: structOf([id, ...more]) })
}

/** A column as the source describes it when it was added with a value for older rows. */
function added(type: Parameters<typeof primitive>[0], value: Json, name: string | null = null): Schema {
  return primitive(type, { optional: true, name, parameters: { 'millrace.added.value': JSON.stringify(value) } })
}

test('rows from before a column have in it what they have at the source, also those that are still to be written', async () => {
  const db = await fresh()
  await using sink = await openSink(db.config)
  await sink.put([row({ id: 1 })], never)
  await sink.flush(at(), never)
  const columns = [
    ['n', added('int32', 5)],
    ['big', added('int64', '9007199254740993')],
    ['quoted', added('string', "it's \\ '' \\' x")],
    ['day', added('int32', 19000, logical.debeziumDate)],
    ['raw', added('bytes', 'AP8=')],
  ] as const
  const whole = { id: 3, n: 7, big: 1n, quoted: 'q', day: 1, raw: Buffer.from([1]) }
  await sink.put(
    [row({ id: 2 }), row(whole, ...columns), row({ id: 4, n: null, big: null, quoted: null, day: null, raw: null }, ...columns)],
    never,
  )
  await sink.flush(at(), never)
  const old = "5|9007199254740993|it's \\ '' \\' x|2022-01-08|\\x00ff"
  assert.deepEqual(await db.query('SELECT id, n, big, quoted, day::text, raw::text FROM t ORDER BY id'), [
    `1|${old}`,
    `2|${old}`,
    '3|7|1|q|1970-01-02|\\x01',
    '4|||||',
  ])
})

test('a log of inserts keeps nothing in new columns of old rows; a value that is not known rejects the record', async () => {
  const db = await fresh()
  const { rejected, context } = rejects()
  {
    await using sink = await openSink({ ...db.config, 'insert.mode': 'insert', 'pk.mode': 'none', 'delete.enabled': 'false' }, context)
    await sink.put([row({ id: 1 }), row({ id: 2, n: 7 }, ['n', added('int32', 5)])], never)
    await sink.flush(at(), never)
    assert.deepEqual(await db.query('SELECT id, n FROM t ORDER BY id'), ['1|', '2|7'])
  }
  await using sink = await openSink({ ...db.config, 'table.name.format': 'u' }, context)
  const unknown = primitive('int32', { optional: true, parameters: { 'millrace.added.unknown': 'the partitions have different values' } })
  await sink.put([row({ id: 1 }), row({ id: 2, n: 7 }, ['n', unknown])], never)
  await sink.flush(at(), never)
  assert.match(rejected[0]!.error.message, /column "n" was added at the source.*partitions have different values/)
})

test('columns that records do not have any more are told of once, and keep what they have', async () => {
  const db = await fresh()
  const warnings: unknown[] = []
  const { log } = taskContext()
  await using sink = await openSink(db.config, { log: { ...log, warn: (fields) => void warnings.push(fields) } })
  const old = (n: number) => row({ id: n, name: 'a' }, ['name', text])
  const renamed = (n: number) => row({ id: n, title: 'b' }, ['title', text])
  await sink.put([old(1), old(2), renamed(2), renamed(3)], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT id, name, title FROM t ORDER BY id'), ['1|a|', '2|a|b', '3||b'])
  assert.deepEqual(warnings, [{ table: '"public"."t"', columns: ['name'] }])
})
