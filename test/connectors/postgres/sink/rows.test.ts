import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ConfigError, DataError, primitive, record, structOf, type Json } from '../../../../core/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { change, item, itemKey, itemSchema, never, openSink, rejects, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

let made = 0
/** A database of its own for each test. */
async function fresh(
  sql = '',
): Promise<{ readonly name: string; readonly config: Record<string, string>; query(sql: string): Promise<unknown[]> }> {
  const name = `t${++made}`
  await server.query(`CREATE DATABASE ${name}`)
  if (sql !== '') await server.query(sql, name)
  return {
    name,
    config: target(server, name),
    query: async (text) => (await server.query(text, name)).map((row) => Object.values(row).join('|')),
  }
}

let flushes = 0
const at = (): Record<string, Json> => ({ p: ++flushes, '#flush/0': flushes })

test('upsert takes the last of a key in a batch, changes rows that are there, and deletes by tombstones', async () => {
  const db = await fresh()
  await using sink = await openSink(db.config)
  await sink.put([item(1, { name: 'a' }), item(2, { name: 'b' }), item(1, { name: 'c', count: 7 }), item(3, { name: 'd' })], never)
  await sink.flush(at(), never)
  await sink.put([item(2, null), item(3, null), item(3, { name: 'again' }), item(1, { name: 'e' }), item(9, null)], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items ORDER BY id'), ['1|e|', '3|again|'])
})

test('a chunk that is full is written before the flush, and is not seen before it', async () => {
  const db = await fresh()
  await using sink = await openSink({ ...db.config, 'batch.size': '10' })
  for (let batch = 0; batch < 5; batch++) {
    await sink.put(
      Array.from({ length: 25 }, (_, n) => item((batch * 25 + n) % 40, { name: `${batch}`, count: n })),
      never,
    )
  }
  assert.deepEqual(await db.query('SELECT count(*) FROM items'), ['0'])
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT count(*), min(name), max(name) FROM items'), ['40|3|4'])
})

test('insert writes every record, without a key', async () => {
  const db = await fresh()
  await using sink = await openSink({ ...db.config, 'insert.mode': 'insert', 'pk.mode': 'none', 'delete.enabled': 'false' })
  await sink.put([item(1, { name: 'a' }), item(1, { name: 'a' }), item(1, null)], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items'), ['1|a|', '1|a|'])
})

test('insert with a key refuses a row that is there, names the constraint, and the others land', async () => {
  const db = await fresh('CREATE TABLE items (id bigint CONSTRAINT items_once PRIMARY KEY, name text, count int)')
  const { rejected, context } = rejects()
  await using sink = await openSink({ ...db.config, 'insert.mode': 'insert' }, context)
  await sink.put([item(1, { name: 'a' }), item(2, { name: 'b' }), item(1, { name: 'c' }), item(3, { name: 'd' })], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items ORDER BY id'), ['1|a|', '2|b|', '3|d|'])
  assert.equal(rejected.length, 1)
  assert.match(rejected[0]!.error.message, /items_once.*Key \(id\)=\(1\) already exists/)
  assert.ok(rejected[0]!.error instanceof DataError)
})

test('update changes rows that are there and makes none', async () => {
  const db = await fresh("CREATE TABLE items (id bigint PRIMARY KEY, name text, count int); INSERT INTO items VALUES (1, 'old', 1)")
  await using sink = await openSink({ ...db.config, 'insert.mode': 'update' })
  await sink.put([item(1, { name: 'new' }), item(2, { name: 'none' })], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items'), ['1|new|'])
})

test('change logs of Debezium are understood: snapshot, create, update, delete, truncate', async () => {
  const db = await fresh()
  await using sink = await openSink(db.config)
  const row = (id: number, name: string) => ({ id: BigInt(id), name, count: null })
  await sink.put([change('r', null, row(1, 'a')), change('c', null, row(2, 'b')), change('u', row(2, 'b'), row(2, 'c'))], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM public.items ORDER BY id'), ['1|a|', '2|c|'])
  await sink.put(
    [change('d', row(1, 'a'), null), change('c', null, row(3, 'x')), change('t', null, null), change('c', null, row(4, 'y'))],
    never,
  )
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM public.items ORDER BY id'), ['4|y|'])
})

test('a value that was not sent stays as it is, also where the row came in the same batch; without a row the record is refused', async () => {
  const db = await fresh()
  const { rejected, context } = rejects()
  await using sink = await openSink(db.config, context)
  const row = (id: number, name: string, count: number) => ({ id: BigInt(id), name, count })
  const unsent = '__debezium_unavailable_value'
  await sink.put([change('c', null, row(1, 'long', 1)), change('u', null, row(1, unsent, 2)), change('u', null, row(2, unsent, 3))], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items'), ['1|long|2'])
  assert.equal(rejected.length, 1)
  assert.match(rejected[0]!.error.message, /REPLICA IDENTITY FULL/)
})

test('pk.mode=kafka, record_value and keys that are no struct', async () => {
  const db = await fresh()
  {
    await using sink = await openSink({ ...db.config, 'pk.mode': 'kafka', 'delete.enabled': 'false', 'table.name.format': 'by_${topic}' })
    await sink.put([{ ...item(1, { name: 'a' }), partition: 3 }], never)
    await sink.flush(at(), never)
    assert.match(
      String(await db.query('SELECT __connect_topic, __connect_partition, __connect_offset > 0, name FROM by_items')),
      /^items\|3\|true\|a$/,
    )
  }
  {
    await using sink = await openSink({
      ...db.config,
      'pk.mode': 'record_value',
      'pk.fields': 'name',
      'delete.enabled': 'false',
      'table.name.format': 'named',
    })
    await sink.put([item(1, { name: 'a', count: 1 }), item(2, { name: 'a', count: 2 })], never)
    await sink.flush(at(), never)
    assert.deepEqual(await db.query('SELECT name, id, count FROM named'), ['a|2|2'])
  }
  {
    await using sink = await openSink({ ...db.config, 'pk.fields': 'code' })
    const value = structOf([['name', primitive('string')]])
    const keyed = (key: string, name: string | null) =>
      record('coded', name === null ? null : { name }, { key, keySchema: primitive('string'), valueSchema: name === null ? null : value })
    await sink.put([keyed('x\ty\\N', 'one'), keyed('x\ty\\N', 'two'), keyed('z', 'three'), keyed('z', null)], never)
    await sink.flush(at(), never)
    assert.deepEqual(await db.query('SELECT * FROM coded'), ['x\ty\\N|two'])
  }
})

test('records without a schema go into a table that is there', async () => {
  const db = await fresh('CREATE TABLE loose (id int PRIMARY KEY, name text, tags text[], more jsonb, price numeric)')
  const { rejected, context } = rejects()
  await using sink = await openSink(db.config, context)
  const loose = (value: object) => record('loose', value, { key: { id: (value as { id: number }).id } })
  await sink.put(
    [
      loose({ id: 1, name: 'a', tags: ['x', 'y"\\'], more: { deep: [1, null] }, price: 1.5 }),
      loose({ id: 2, name: null }),
      loose({ id: 3, odd: 1 }),
    ],
    never,
  )
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT id, name, tags[2], more::text, price FROM loose ORDER BY id'), [
    '1|a|y"\\|{"deep": [1, null]}|1.5',
    '2||||',
  ])
  assert.match(rejected[0]!.error.message, /no column "odd"/)
})

test('a column is added for a new field, and nothing else is changed', async () => {
  const db = await fresh()
  await using sink = await openSink({ ...db.config, 'batch.size': '1' })
  await sink.put([item(1, { name: 'a' })], never)
  const wider = structOf([
    ...itemSchema.fields.map((field) => [field.name, field.schema] as const),
    ['extra', primitive('boolean', { optional: true })],
  ])
  const next = record('items', { id: 2n, name: 'b', count: 1, extra: true }, { key: { id: 2n }, keySchema: itemKey, valueSchema: wider })
  await sink.put([next, item(3, { name: 'narrow again' })], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items ORDER BY id'), ['1|a||', '2|b|1|true', '3|narrow again||'])
})

test('without auto.create and auto.evolve the task stops and says what is missing', async () => {
  const db = await fresh('CREATE TABLE items (id bigint PRIMARY KEY, name text)')
  await using sink = await openSink({ ...db.config, 'auto.create': 'false', 'auto.evolve': 'false' })
  await assert.rejects(
    sink.put([item(1, {}, 'elsewhere')], never),
    (error) => error instanceof ConfigError && /"elsewhere".*is not there.*auto\.create/.test(error.message),
  )
  await assert.rejects(
    sink.put([item(1, {})], never),
    (error) => error instanceof ConfigError && /no column "count".*auto\.evolve/.test(error.message),
  )
})

test('bad rows are found among good ones, by the column that COPY names or by halves, and the constraint is told', async () => {
  const db = await fresh(
    'CREATE TABLE items (id bigint PRIMARY KEY, name varchar(5), count int CONSTRAINT count_small CHECK (count < 100))',
  )
  const { rejected, context } = rejects()
  await using sink = await openSink(db.config, context)
  const bad = new Set([17, 400, 401, 999])
  const rows = Array.from({ length: 1000 }, (_, n) =>
    item(n, { name: n === 17 ? 'too long' : 'ok', count: bad.has(n) && n !== 17 ? 100 : n % 100 }),
  )
  await sink.put(rows, never)
  await sink.put([item(5, { name: 'zero\0' })], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT count(*) FROM items'), ['996'])
  assert.deepEqual(
    rejected.map(({ record: one }) => Number((one.key as { id: bigint }).id)).sort((a, b) => a - b),
    [5, 17, 400, 401, 999],
  )
  const messages = rejected.map(({ error }) => error.message).join('\n')
  assert.match(messages, /column "name".*too long for type character varying\(5\)/)
  assert.match(messages, /constraint "count_small"/)
  assert.match(messages, /column "name": the text has a zero byte/)
})

test('an earlier version of a row lands where the later one in the batch is refused', async () => {
  const db = await fresh('CREATE TABLE items (id bigint PRIMARY KEY, name varchar(5), count int CHECK (count < 100))')
  const { rejected, context } = rejects()
  await using sink = await openSink(db.config, context)
  await sink.put([item(1, { name: 'good' }), item(1, { name: 'too long' }), item(2, { count: 1 }), item(2, { count: 100 })], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT * FROM items ORDER BY id'), ['1|good|', '2||1'])
  assert.equal(rejected.length, 2)
})

test('without tolerance the first bad row ends the task, and nothing of the transaction is seen', async () => {
  const db = await fresh('CREATE TABLE items (id bigint PRIMARY KEY, name varchar(5), count int)')
  await using sink = await openSink(db.config)
  await sink.put([item(1, { name: 'ok' }), item(2, { name: 'too long' })], never)
  await assert.rejects(sink.flush(at(), never), /too long/)
  await assert.rejects(sink.put([item(3, { name: 'x' })], never), /too long/)
  assert.deepEqual(await db.query('SELECT count(*) FROM items'), ['0'])
})

test('rows that need rows of other tables wait for them; those that find none are refused', async () => {
  const db = await fresh(`CREATE TABLE parents (id bigint PRIMARY KEY, name text, count int);
    CREATE TABLE children (id bigint PRIMARY KEY, name text, count int CONSTRAINT of_parent REFERENCES parents (id))`)
  const { rejected, context } = rejects()
  await using sink = await openSink({ ...db.config, 'batch.size': '4' }, context)
  const rows = Array.from({ length: 10 }, (_, n) => [item(n, { count: n }, 'children'), item(n, {}, 'parents')]).flat()
  await sink.put([...rows, item(50, { count: 51 }, 'children')], never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT count(*) FROM children'), ['10'])
  assert.match(rejected.map(({ error }) => error.message).join(), /constraint "of_parent"/)
  await sink.put(Array.from({ length: 10 }, (_, n) => [item(n, null, 'parents'), item(n, null, 'children')]).flat(), never)
  await sink.flush(at(), never)
  assert.deepEqual(await db.query('SELECT count(*) FROM parents'), ['0'])
  assert.equal(rejected.length, 1)
})

test('names: quoted as they are, folded where the config says so, refused where Postgres would cut them or two would meet', async () => {
  const db = await fresh()
  const { rejected, context } = rejects()
  await using sink = await openSink(db.config, context)
  const odd = structOf([
    ['id', primitive('int64')],
    ['sel"ect', primitive('string')],
    ["x'; DROP TABLE y; --", primitive('string')],
    ['__proto__', primitive('string')],
  ])
  const value = Object.fromEntries([
    ['id', 1n],
    ['sel"ect', 'a'],
    ["x'; DROP TABLE y; --", 'b'],
    ['__proto__', 'c'],
  ])
  await sink.put([record('Odd"; --', value, { key: { id: 1n }, keySchema: itemKey, valueSchema: odd })], never)
  await sink.put([item(1, {}, 'x'.repeat(64))], never)
  await sink.put(
    [
      record(
        'items',
        { id: 1n, ['y'.repeat(64)]: 'b' },
        {
          key: { id: 1n },
          keySchema: itemKey,
          valueSchema: structOf([
            ['id', primitive('int64')],
            ['y'.repeat(64), primitive('string')],
          ]),
        },
      ),
    ],
    never,
  )
  await sink.flush(at(), never)
  assert.equal(rejected.length, 2)
  for (const { error } of rejected) assert.match(error.message, /64 bytes, and Postgres keeps 63/)
  const tables = await db.query(
    `SELECT table_name, string_agg(column_name, ',' ORDER BY ordinal_position) FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE 'Odd%' GROUP BY 1`,
  )
  assert.deepEqual(tables, [`Odd"; --|id,sel"ect,x'; DROP TABLE y; --,__proto__`])
  await using folding = await openSink({ ...db.config, 'quote.identifiers': 'false' }, { ...context, connector: 'folding' })
  const twice = structOf([
    ['id', primitive('int64')],
    ['Name', primitive('string')],
    ['name', primitive('string')],
  ])
  await folding.put([record('Twice', { id: 1n, Name: 'a', name: 'b' }, { key: { id: 1n }, keySchema: itemKey, valueSchema: twice })], never)
  assert.match(rejected[2]!.error.message, /"Name" and "name" would both be column "name"/)
})
