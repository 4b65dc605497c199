import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Judge, judgeMissing } from '../judge.ts'
import { currentLsn, differences } from '../mirror.ts'
import { startPostgres } from '../postgres.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const root = join(import.meta.dirname, '../..')
const examples = join(root, 'config/examples')

test('the README way: a role and a server set up by its SQL, a worker from its file, the Postgres example as it is', async (t) => {
  await using judge = Judge.open()
  if (!judge) return t.skip(judgeMissing)
  await using server = await startPostgres()
  await server.query('CREATE DATABASE shop')
  await server.query(
    `CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10,2), placed timestamptz); INSERT INTO orders SELECT n, n * 1.1, now() FROM generate_series(1, 500) n`,
    'shop',
  )
  const sql = /```sql\n([^]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))![1]!
  // A system setting cannot be changed inside the one transaction of a list of statements; the server has wal_level=logical already.
  await server.query(
    sql
      .split('\n')
      .filter((line) => !line.startsWith('ALTER SYSTEM'))
      .join('\n'),
    'shop',
  )

  const folder = await temporary(t)
  await using worker = await WorkerProcess.start(folder, {}, { file: join(examples, 'worker.json'), env: { PGPASSWORD: 'choose-one' } })
  const example = JSON.parse(readFileSync(join(examples, 'postgres-to-delta.json'), 'utf8'))
  const config = { ...example.config, 'database.port': String(server.port), 'sink.path': join(folder, 'lake'), 'flush.interval.ms': '200' }
  await worker.call('POST', '/connectors', { name: example.name, config })
  const echoed = await worker.call('GET', `/connectors/${example.name}/config`)
  assert.equal(echoed['database.password'], '${env:PGPASSWORD}', 'the secret itself is never shown')
  await server.query('UPDATE orders SET total = 0 WHERE id % 10 = 0', 'shop')
  await worker.passed(example.name, await currentLsn(server, 'shop'))
  assert.deepEqual(await differences(server, judge, 'orders', join(folder, 'lake/public/orders'), 'shop'), [])
})

test('the other examples run as they are, but for their paths', async (t) => {
  await using judge = Judge.open()
  if (!judge) return t.skip(judgeMissing)
  const folder = await temporary(t)
  await using worker = await WorkerProcess.start(folder, {}, { file: join(examples, 'worker.properties') })
  const datagen = JSON.parse(readFileSync(join(examples, 'datagen-to-delta.json'), 'utf8'))
  await worker.call('POST', '/connectors', { ...datagen, config: { ...datagen.config, count: '1000', 'sink.path': join(folder, 'lake') } })
  const lines = JSON.parse(readFileSync(join(examples, 'file-to-file.json'), 'utf8'))
  writeFileSync(join(folder, 'in.txt'), 'one\ntwo\nthree\n')
  await worker.call('POST', '/connectors', {
    ...lines,
    config: { ...lines.config, file: join(folder, 'in.txt'), 'sink.file': join(folder, 'out.txt') },
  })
  await waitFor(
    async () => (await readFile(join(folder, 'out.txt'), 'utf8').catch(() => '')) === 'one\ntwo\nthree\n',
    20_000,
    () => worker.log,
  )
  await waitFor(
    async () =>
      (await judge.readTable(join(folder, 'lake/orders'), { sql: 'SELECT count(*) AS n FROM t' }).catch(() => []))[0]?.['n'] === 1000,
    20_000,
    () => worker.log,
  )
})

test('every example is one of those that are run here, with a broker in kafka-examples, or with other servers in sink-examples', () => {
  assert.deepEqual(readdirSync(examples).sort(), [
    'datagen-to-delta.json',
    'file-to-file.json',
    'kafka-to-delta.json',
    'kafka-to-elasticsearch.json',
    'kafka-to-kafka.json',
    'kafka-to-postgres.json',
    'kafka-to-s3-files.json',
    'postgres-to-delta.json',
    'postgres-to-kafka-avro.json',
    'postgres-to-kafka.json',
    'postgres-to-postgres.json',
    'postgres-to-s3.json',
    'shop-events-sort.json',
    'shop-events-to-lake.json',
    'shop-events.json',
    'worker-kafka.json',
    'worker.json',
    'worker.properties',
  ])
})

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-examples-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
