import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Client } from 'pg'
import { Catalog, relationOf } from '../../../connectors/postgres/catalog.ts'
import { CopyOut, splitCopyRow } from '../../../connectors/postgres/copy-out.ts'
import { RecordFactory } from '../../../connectors/postgres/records.ts'
import { sessionOptions, valueDefaults } from '../../../connectors/postgres/settings.ts'
import { tableShape } from '../../../connectors/postgres/shape.ts'
import { TableSnapshot, type SnapshotParts } from '../../../connectors/postgres/snapshot.ts'
import { nullColumn } from '../../../connectors/postgres/tuple.ts'
import type { ConnectRecord } from '../../../core/index.ts'
import { postgresVersions, startPostgres, type PostgresServer } from '../../postgres.ts'

let server: PostgresServer
before(async () => {
  server = await startPostgres({ version: postgresVersions[0]! })
})
after(() => server.stop())

const options = Object.entries(sessionOptions)
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ')

/** Clients that are ended with the test. */
class Clients implements AsyncDisposable {
  readonly all: Client[] = []
  async open(count: number): Promise<readonly Client[]> {
    for (let place = 0; place < count; place++) this.all.push(await server.connect({ options }))
    return this.all.slice(-count)
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((client) => client.end().catch(() => {})))
  }
}

async function snapshotOf(name: string, connections: readonly Client[], extras: Partial<SnapshotParts> = {}) {
  const catalog = new Catalog((sql, parameters) => connections[0]!.query(sql, parameters))
  const table = (await catalog.tables()).find((one) => one.name === name)!
  const relation = relationOf(table)
  await catalog.ensureTypes(relation.columns.map((column) => column.typeOid))
  const settings = { ...valueDefaults, prefix: 'app', database: 'postgres' }
  const shape = tableShape(relation, table, catalog, settings)
  const factory = new RecordFactory(settings, { tombstones: true, transactionMetadata: false, version: '1', contextHeaders: [] })
  factory.beginSnapshot({ lsn: 1_000, xid: 7, timeMs: 1_700_000_000_000 })
  return { table, factory, snapshot: new TableSnapshot({ table, shape, factory, connections, ...extras }) }
}

async function all(snapshot: TableSnapshot): Promise<readonly ConnectRecord[]> {
  const records: ConnectRecord[] = []
  const { signal } = new AbortController()
  for (let batch = await snapshot.next(signal); batch !== undefined; batch = await snapshot.next(signal)) records.push(...batch)
  return records
}

interface Event {
  readonly op: string
  readonly after: Readonly<Record<string, unknown>>
  readonly source: { readonly snapshot: string; readonly lsn: bigint }
}

const eventOf = (record: ConnectRecord) => record.value as Event

test('parallel ranges read every row once, whatever the order', async () => {
  await using clients = new Clients()
  await server.query(
    `CREATE TABLE wide (id int PRIMARY KEY, fill text); INSERT INTO wide SELECT g, repeat('x', 900) FROM generate_series(1, 40000) g; ANALYZE wide`,
  )
  const { table, snapshot } = await snapshotOf('wide', await clients.open(3))
  assert.ok(table.pages > 3_000, `${table.pages} pages`)
  assert.equal(table.estimatedRows, 40_000)
  const records = await all(snapshot)
  assert.equal(records.length, 40_000)
  assert.equal(new Set(records.map((record) => eventOf(record).after.id)).size, 40_000)
  assert.deepEqual(
    records.map(({ origin }) => origin!.seq),
    Array.from({ length: 40_000 }, (_, place) => place + 1),
  )
})

test('the first and the last row carry their marks, in tables of one, two and many rows', async () => {
  await using clients = new Clients()
  await server.query(
    'CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1); CREATE TABLE three (id int PRIMARY KEY); INSERT INTO three VALUES (1), (2), (3); CREATE TABLE none (id int PRIMARY KEY)',
  )
  const marks = async (name: string, extras: Partial<SnapshotParts>) =>
    (await all((await snapshotOf(name, await clients.open(1), extras)).snapshot)).map((record) => eventOf(record).source.snapshot)
  assert.deepEqual(await marks('one', {}), ['last_in_data_collection'])
  assert.deepEqual(await marks('one', { first: true, last: true }), ['last'])
  assert.deepEqual(await marks('three', {}), ['first_in_data_collection', 'true', 'last_in_data_collection'])
  assert.deepEqual(await marks('three', { first: true, last: true, batchRows: 1 }), ['first', 'true', 'last'])
  assert.deepEqual(await marks('none', {}), [])
})

test('a partitioned table is read leaf by leaf in its own column order, and an inheritance parent without its children', async () => {
  await using clients = new Clients()
  await server.query(`CREATE TABLE part (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
    CREATE TABLE part_eu PARTITION OF part FOR VALUES IN ('eu') PARTITION BY RANGE (id);
    CREATE TABLE part_eu_low PARTITION OF part_eu FOR VALUES FROM (0) TO (10);
    CREATE TABLE part_us (region text NOT NULL, id int NOT NULL);
    ALTER TABLE part ATTACH PARTITION part_us FOR VALUES IN ('us');
    INSERT INTO part VALUES (1, 'eu'), (2, 'us');
    CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2)`)
  const [client] = await clients.open(1)
  const { table, snapshot } = await snapshotOf('part', [client!])
  assert.deepEqual(
    table.leaves.map(({ name }) => name),
    ['part_eu_low', 'part_us'],
  )
  assert.deepEqual(
    (await all(snapshot)).map((record) => eventOf(record).after),
    [
      { id: 1, region: 'eu' },
      { id: 2, region: 'us' },
    ],
  )
  assert.deepEqual(
    (await all((await snapshotOf('parent', [client!])).snapshot)).map((record) => eventOf(record).after),
    [{ id: 1 }],
  )
})

test('a select of the user stands in for the table', async () => {
  await using clients = new Clients()
  await server.query("CREATE TABLE chosen (id int PRIMARY KEY, name text); INSERT INTO chosen VALUES (1, 'a'), (2, 'b')")
  const { snapshot } = await snapshotOf('chosen', await clients.open(2), { select: "SELECT id, name FROM chosen WHERE name = 'b'" })
  assert.deepEqual(
    (await all(snapshot)).map((record) => eventOf(record).after),
    [{ id: 2, name: 'b' }],
  )
})

test('values with every escape of the COPY format, and one larger than any buffer, come out as they were', async () => {
  await using clients = new Clients()
  const texts = ['', '\\', '\\N', '\\\\N', '\t', 'a\tb\nc\rd\\e\vf\bg\fh', 'ü\t🐘', 'x'.repeat(3_000_000), 'tail\\']
  await server.query('CREATE TABLE escaped (id int PRIMARY KEY, a text, b text, c text)')
  const [client] = await clients.open(1)
  for (const [id, text] of texts.entries()) await client!.query('INSERT INTO escaped VALUES ($1, $2, NULL, $2)', [id, text])
  const records = await all((await snapshotOf('escaped', [client!])).snapshot)
  assert.deepEqual(
    records.map((record) => eventOf(record).after),
    texts.map((text, id) => ({ id, a: text, b: null, c: text })),
  )
})

test('a table whose reader is slow keeps a bounded number of rows in memory', async () => {
  await using clients = new Clients()
  const { snapshot } = await snapshotOf('wide', await clients.open(1), { batchRows: 100 })
  const { signal } = new AbortController()
  await snapshot.next(signal)
  await new Promise((resolve) => setTimeout(resolve, 200))
  assert.ok(snapshot.rows < 3_000, `${snapshot.rows} rows were read ahead`)
  assert.equal((await all(snapshot)).length + 100, 40_000)
})

test('a snapshot that is asked with an aborted signal gives what it has and goes on later', async () => {
  await using clients = new Clients()
  const { snapshot } = await snapshotOf('three', await clients.open(1))
  assert.deepEqual(await snapshot.next(AbortSignal.abort()), [])
  assert.equal((await all(snapshot)).length, 3)
})

test('a connection that is cut fails the snapshot, and a statement that fails says why', async () => {
  await using clients = new Clients()
  const [client] = await clients.open(1)
  const { snapshot } = await snapshotOf('wide', [client!], { batchRows: 100 })
  client!.on('error', () => {})
  await snapshot.next(new AbortController().signal)
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%'")
  await assert.rejects(all(snapshot), /terminating connection|Connection terminated/)
  const [other] = await clients.open(1)
  const broken = await snapshotOf('three', [other!], { select: 'SELECT 1/0' })
  await assert.rejects(all(broken.snapshot), /division by zero/)
  assert.equal((await other!.query('SELECT 1 AS one')).rows[0].one, 1)
})

test('a table that lost a column since its shape was made is refused', async () => {
  await using clients = new Clients()
  const [client] = await clients.open(1)
  client!.on('error', () => {})
  const { snapshot } = await snapshotOf('three', [client!], { select: 'SELECT id, id FROM three' })
  await assert.rejects(all(snapshot), /more than|2 columns instead of 1/)
})

test('the driver gets its connection back after a COPY, with notices on the way', async () => {
  await using clients = new Clients()
  const [client] = await clients.open(1)
  const notices: string[] = []
  client!.on('notice', ({ message }) => notices.push(message ?? ''))
  await server.query("CREATE FUNCTION noisy(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'row %', i; RETURN i; END $$")
  let rows = 0
  await new CopyOut('COPY (SELECT noisy(g) FROM generate_series(1, 5) g) TO STDOUT', 1, () => rows++).run(client!)
  assert.equal(rows, 5)
  assert.deepEqual(notices, ['row 1', 'row 2', 'row 3', 'row 4', 'row 5'])
  assert.equal((await client!.query('SELECT 2 AS two')).rows[0].two, 2)
})

test('a row of COPY is split at its tabs and its escapes are taken out in place', () => {
  const split = (text: string, count: number) => {
    const buffer = Buffer.from(text)
    const view = { buffer, starts: new Int32Array(count), ends: new Int32Array(count), count }
    splitCopyRow(buffer, 0, buffer.length, view)
    return Array.from({ length: count }, (_, place) =>
      view.starts[place] === nullColumn ? null : buffer.toString('utf8', view.starts[place], view.ends[place]),
    )
  }
  assert.deepEqual(split('1\t\\N\t', 3), ['1', null, ''])
  assert.deepEqual(split('\\N', 1), [null])
  assert.deepEqual(split('\\\\N\ta\\tb\\\\\t\\N', 3), ['\\N', 'a\tb\\', null])
  assert.deepEqual(split('', 1), [''])
  assert.deepEqual(split('', 0), [])
  assert.throws(() => split('1\t2', 1), /2 columns instead of 1/)
  assert.throws(() => split('1', 2), /1 columns instead of 2/)
})
