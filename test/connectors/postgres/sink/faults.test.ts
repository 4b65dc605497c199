import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { FencedError, RetriableError, type Json } from '../../../../core/index.ts'
import { sinkLaws } from '../../../../testing/index.ts'
import { startPostgres } from '../../../postgres.ts'
import { CutProxy } from './cut-proxy.ts'
import { patiently } from './patiently.ts'
import { item, never, openSink, target } from './sink-rig.ts'

const server = await startPostgres()
after(() => server.stop())

let made = 0
async function fresh(sql = ''): Promise<string> {
  const name = `f${++made}`
  await server.query(`CREATE DATABASE ${name}`)
  if (sql !== '') await server.query(sql, name)
  return name
}
const rows = async (name: string, sql: string) => (await server.query(sql, name)).map((row) => Object.values(row).join('|'))
const at = (n: number): Record<string, Json> => ({ p: { n }, '#flush/0': n })

for (const mode of ['upsert', 'insert']) {
  sinkLaws(
    `postgres ${mode}`,
    async () => {
      const name = await fresh()
      return {
        task: (generation) => openSinkLater({ ...target(server, name), 'insert.mode': mode }, generation),
        read: async () => (await rows(name, `SELECT id FROM items`).catch(() => [])).map(Number),
        record: (n, partition) => ({ ...item(n, { count: n }), origin: { partition, position: n, seq: 0 } }),
        [Symbol.asyncDispose]: async () => {},
      }
    },
    { dropsReplays: true },
  )
}

/** The laws open the task themselves. */
async function openSinkLater(config: Record<string, string>, generation: number) {
  const { sinkOf, taskContext } = await import('../../../../testing/index.ts')
  const { default: postgres } = await import('../../../../connectors/postgres/index.ts')
  return sinkOf(postgres, 'postgres', config, taskContext({ generation }))
}

test('a task that was taken over commits nothing more, and its open transaction holds up nobody', async () => {
  const name = await fresh()
  await using old = await openSink({ ...target(server, name), 'batch.size': '2' })
  await old.put([item(1, { name: 'old' }), item(2, { name: 'old' })], never)
  await old.flush(at(1), never)
  await old.put([item(1, { name: 'zombie' }), item(2, { name: 'zombie' }), item(3, { name: 'zombie' })], never)
  await new Promise((resolve) => setTimeout(resolve, 200))
  await using young = await openSink({ ...target(server, name), 'batch.size': '2' })
  assert.deepEqual(await young.committed!(), at(1))
  await young.put([item(1, { name: 'young' }), item(2, { name: 'young' })], never)
  await young.flush(at(2), never)
  await assert.rejects(
    patiently(() => old.flush(at(2), never)),
    FencedError,
  )
  assert.deepEqual(await rows(name, 'SELECT id, name FROM items ORDER BY id'), ['1|young', '2|young'])
})

test('a task that was taken over while its connection lives commits nothing: its positions are not its own any more', async () => {
  const name = await fresh()
  await using old = await openSink(target(server, name))
  await old.put([item(1, { name: 'old' })], never)
  await old.flush(at(1), never)
  // As a task of a role does that may not end the connection of the one before.
  await server.query('UPDATE millrace_offsets SET epoch = epoch + 1', name)
  await old.put([item(1, { name: 'zombie' }), item(2, { name: 'zombie' })], never)
  await assert.rejects(
    patiently(() => old.flush(at(2), never)),
    FencedError,
  )
  assert.deepEqual(await rows(name, 'SELECT id, name FROM items ORDER BY id'), ['1|old'])
})

test('a task of an older generation is turned away', async () => {
  const name = await fresh()
  await using young = await openSink(target(server, name), { generation: 2 })
  await young.flush(at(1), never)
  await assert.rejects(openSink(target(server, name), { generation: 1 }), FencedError)
})

test('a connection that is cut anywhere in a transaction costs nothing: it is done again, or was committed', async () => {
  const name = await fresh()
  await using proxy = await CutProxy.start(server.port)
  await using sink = await openSink({ ...target(server, name, proxy.port), 'batch.size': '50', 'insert.mode': 'insert' })
  for (let flush = 1; flush <= 40; flush++) {
    const batch = Array.from({ length: 120 }, (_, n) => item(flush * 1000 + n, { name: 'x'.repeat(n) }))
    if (flush % 2 === 0) proxy.cutAfter(Math.floor(Math.random() * 25_000))
    await patiently(() => sink.put(batch, never))
    await patiently(() => sink.flush(at(flush), never))
  }
  assert.ok(proxy.cuts > 5, `only ${proxy.cuts} cuts`)
  assert.deepEqual(await rows(name, 'SELECT count(*) AS all, count(DISTINCT id) AS ids FROM items'), ['4800|4800'])
  assert.deepEqual(await rows(name, 'SELECT positions FROM millrace_offsets'), [JSON.stringify(at(40))])
})

test('an answer to COMMIT that is lost is asked for: the rows are not written twice', async () => {
  const name = await fresh()
  await using proxy = await CutProxy.start(server.port)
  await using sink = await openSink({
    ...target(server, name, proxy.port),
    'insert.mode': 'insert',
    'pk.mode': 'none',
    'delete.enabled': 'false',
  })
  await sink.put([item(1, {})], never)
  await sink.flush(at(1), never)
  proxy.swallow('COMMIT')
  await sink.put([item(2, {})], never)
  await patiently(() => sink.flush(at(2), never))
  assert.equal(proxy.cuts, 1)
  await sink.put([item(3, {})], never)
  await sink.flush(at(3), never)
  assert.deepEqual(await rows(name, 'SELECT id FROM items ORDER BY id'), ['1', '2', '3'])
})

test('deadlocks, serialization failures and cancelled statements are done again', async () => {
  const name = await fresh(`CREATE TABLE items (id bigint PRIMARY KEY, name text, count int); CREATE TABLE troubles (code text);
    CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE c text; BEGIN
      IF NEW.id = 3 AND nextval('tries') <= 3 THEN SELECT (ARRAY['40P01','40001','57014'])[currval('tries')] INTO c; RAISE EXCEPTION 'trouble' USING ERRCODE = c; END IF; RETURN NEW; END $$;
    CREATE SEQUENCE tries; CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION trouble()`)
  await using sink = await openSink({ ...target(server, name), 'batch.size': '2' })
  await patiently(() => sink.put([item(1, {}), item(2, {}), item(3, {}), item(4, {}), item(5, {})], never))
  await patiently(() => sink.flush(at(1), never))
  assert.deepEqual(await rows(name, `SELECT count(*), (SELECT last_value FROM tries) FROM items`), ['5|4'])
})

test('max.retries ends the patience', async () => {
  const name = await fresh()
  await using proxy = await CutProxy.start(server.port)
  await using sink = await openSink({ ...target(server, name, proxy.port), 'max.retries': '2', 'retry.backoff.ms': '1' })
  await sink.put([item(1, {})], never)
  proxy.close()
  await assert.rejects(
    patiently(() => sink.flush(at(1), never)),
    /max\.retries=2/,
  )
})

test('a server that restarts is waited for', async () => {
  const name = await fresh()
  await using sink = await openSink({ ...target(server, name), 'batch.size': '2' })
  await sink.put([item(1, {}), item(2, {}), item(3, {})], never)
  await server.halt('immediate')
  const flushing = patiently(() => sink.flush(at(1), never))
  await server.start()
  await flushing
  assert.deepEqual(await rows(name, 'SELECT count(*) FROM items'), ['3'])
})

test('the first of several hosts that takes writes is used', async () => {
  const name = await fresh()
  const config = target(server, name)
  await using sink = await openSink({ ...config, 'connection.url': `jdbc:postgresql://127.0.0.1:1,127.0.0.1:${server.port}/${name}` })
  await sink.put([item(1, {})], never)
  await sink.flush(at(1), never)
  await server.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
  await assert.rejects(openSink(config), (error) => error instanceof RetriableError && /read-only/.test(error.message))
})

test('a deferred constraint that fails at COMMIT is told with the way out, and nothing of the transaction lands', async () => {
  const name = await fresh(
    'CREATE TABLE kinds (id int PRIMARY KEY); INSERT INTO kinds VALUES (1); CREATE TABLE items (id bigint PRIMARY KEY, name text, count int CONSTRAINT kind REFERENCES kinds DEFERRABLE INITIALLY DEFERRED)',
  )
  const write = async () => {
    await using sink = await openSink(target(server, name))
    await sink.put([item(1, { count: 1 }), item(2, { count: 99 })], never)
    await sink.flush(at(1), never)
  }
  await assert.rejects(write(), /deferred constraint fails at COMMIT.*\(count\)=\(99\).*ALTER CONSTRAINT "kind" NOT DEFERRABLE/)
  assert.deepEqual(await rows(name, 'SELECT id FROM items'), [])
  await server.query('ALTER TABLE items ALTER CONSTRAINT kind DEFERRABLE INITIALLY IMMEDIATE', name)
  await assert.rejects(write(), /Table "public"\."items", constraint "kind"/)
})
