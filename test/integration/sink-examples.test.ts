import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { elasticsearchSkip, startElasticsearch } from '../elasticsearch.ts'
import { Judge, judgeMissing } from '../judge.ts'
import { kafkaSkip, startKafka } from '../kafka.ts'
import { currentLsn, differences } from '../mirror.ts'
import { startPostgres } from '../postgres.ts'
import { S3Server, s3Skip } from '../s3.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const examples = join(import.meta.dirname, '../../config/examples')
const skip = kafkaSkip() || elasticsearchSkip() || s3Skip()

test(
  'a shop goes to another Postgres, to a lake on S3, and by Kafka to Postgres, Elasticsearch and files, by the examples as they are',
  { skip },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-sink-examples-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const searching = startElasticsearch()
    const [kafka, server, s3] = await Promise.all([startKafka(), startPostgres(), S3Server.start()])
    await using _kafka = kafka
    await using _server = server
    await using _s3 = s3
    const search = await searching
    t.after(() => search.stop())
    Object.assign(process.env, s3.environment)
    await using judge = Judge.open()
    if (!judge) return t.skip(judgeMissing)
    const bucket = await s3.newBucket()
    for (const database of ['shop', 'mirror', 'warehouse']) await server.query(`CREATE DATABASE ${database}`)
    await server.query(`CREATE ROLE millrace LOGIN REPLICATION PASSWORD 'choose-one'`)
    await server.query(
      `CREATE TABLE orders (id bigint PRIMARY KEY, total numeric(10,2), placed timestamptz); INSERT INTO orders SELECT n, n * 1.1, now() FROM generate_series(1, 500) n;
     GRANT CONNECT, CREATE ON DATABASE shop TO millrace; GRANT USAGE ON SCHEMA public TO millrace; ALTER TABLE orders OWNER TO millrace`,
      'shop',
    )
    await server.query('GRANT CREATE, USAGE ON SCHEMA public TO millrace', 'mirror')
    await server.query('GRANT CREATE, USAGE ON SCHEMA public TO millrace', 'warehouse')

    const env = { PGPASSWORD: 'choose-one', AWS_ACCESS_KEY_ID: s3.keyId, AWS_SECRET_ACCESS_KEY: s3.secret }
    const file = join(examples, 'worker-kafka.json')
    await using worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap }, { file, env })
    const post = async (name: string, changes: Readonly<Record<string, string>>) => {
      const example = JSON.parse(readFileSync(join(examples, `${name}.json`), 'utf8')) as { name: string; config: Record<string, string> }
      await worker.call('POST', '/connectors', {
        name: example.name,
        config: { ...example.config, ...changes, 'flush.interval.ms': '200' },
      })
      return example.name
    }
    const port = { 'database.port': String(server.port) }
    const jdbc = (database: string) => `jdbc:postgresql://127.0.0.1:${server.port}/${database}`
    const toKafka = await post('postgres-to-kafka', port)
    const mirror = await post('postgres-to-postgres', { ...port, 'sink.connection.url': jdbc('mirror') })
    const lake = await post('postgres-to-s3', { ...port, 'sink.s3.endpoint': s3.endpoint, 'sink.path': `s3://${bucket}/lake` })
    await worker.running(toKafka)
    await server.query('UPDATE orders SET total = 0 WHERE id % 10 = 0; DELETE FROM orders WHERE id % 10 = 1', 'shop')
    const log = () => worker.log.slice(-4000)
    for (const name of [toKafka, mirror, lake]) await worker.passed(name, await currentLsn(server, 'shop'))

    await post('kafka-to-postgres', { 'connection.url': jdbc('warehouse') })
    await post('kafka-to-elasticsearch', { 'connection.url': search.url })
    await post('kafka-to-s3-files', { 's3.bucket.name': bucket, 'store.url': s3.endpoint, 'rotate.schedule.interval.ms': '1000' })
    const table = 'SELECT id, total, placed FROM orders ORDER BY id'
    const rows = JSON.stringify(await server.query(table, 'shop'))
    assert.equal(JSON.stringify(await server.query(table, 'mirror')), rows)
    await waitFor(async () => JSON.stringify(await server.query(table, 'warehouse').catch(() => [])) === rows, 60_000, log)
    assert.deepEqual(await differences(server, judge, 'orders', `s3://${bucket}/lake/public/orders`, 'shop'), [])

    let found: unknown
    await waitFor(
      async () => {
        await fetch(`${search.url}/shop.public.orders/_refresh`, { method: 'POST' })
        const answer = await fetch(`${search.url}/shop.public.orders/_count`)
        found = answer.ok ? ((await answer.json()) as { count: number }).count : answer.status
        return found === 450
      },
      60_000,
      () => `${String(found)} documents\n${log()}`,
    )

    const client = s3.client()
    t.after(() => client.destroy())
    let lines = 0
    await waitFor(
      async () => {
        const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'topics/shop.public.orders/' }))
        const files = Contents.filter(({ Key }) => Key!.endsWith('.json'))
        const texts = await Promise.all(
          files.map(async ({ Key }) => (await client.send(new GetObjectCommand({ Bucket: bucket, Key: Key! }))).Body!.transformToString()),
        )
        lines = texts.reduce((sum, text) => sum + text.trimEnd().split('\n').length, 0)
        return lines >= 600
      },
      60_000,
      () => `${lines} lines\n${log()}`,
    )
    // 500 rows read, 50 updates, 50 deletes with their tombstones, which files leave out or keep as the config says.
    t.diagnostic(`${lines} lines in files`)
  },
)
