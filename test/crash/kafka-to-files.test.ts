import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { filesIn, linesIn } from '../connectors/delta/files/place.ts'
import { FaultyProxy } from '../faulty-proxy.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../kafka.ts'
import { S3Server, s3Skip } from '../s3.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const partitions = 4
/** Of a partition; a multiple of both flush sizes, so that the last files are whole, too. */
const records = 600
const batch = 20
const kinds = ['503', 'lost', 'late'] as const

interface Line {
  readonly partition: number
  readonly n: number
  readonly kind: number
}

test(
  'Kafka goes into files of flush.size records under kill -9, a failing store and tasks that trade partitions: each record once, in whole files',
  { skip: kafkaSkip() || s3Skip(), timeout: 180_000 },
  async (t) => {
    const [kafka, store] = await Promise.all([startKafka(), S3Server.start()])
    t.after(() => Promise.all([kafka.stop(), store[Symbol.asyncDispose]()]))
    await using proxy = await FaultyProxy.open(store.endpoint)
    proxy.choose = () => (Math.random() < 0.1 ? kinds[Math.floor(Math.random() * kinds.length)]! : 'none')
    const bucket = await store.newBucket()
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-files-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    const topic = await kafka.topic(undefined, partitions)
    await using worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap })
    // As a config of Confluent's S3 sink stands.
    const shared = {
      'connector.class': 'io.confluent.connect.s3.S3SinkConnector',
      'storage.class': 'io.confluent.connect.s3.storage.S3Storage',
      'format.class': 'io.confluent.connect.s3.format.json.JsonFormat',
      'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
      'value.converter.schemas.enable': 'false',
      'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
      'schema.compatibility': 'NONE',
      topics: topic,
      'flush.interval.ms': '200',
      'task.restart.backoff.ms': '100',
      'consumer.override.session.timeout.ms': '2000',
      'consumer.override.heartbeat.interval.ms': '300',
    }
    const configs: Record<string, Record<string, string>> = {
      bucket: { ...shared, 'flush.size': '50', 's3.bucket.name': bucket, 's3.request.timeout.ms': '500', ...store.settings(proxy.url) },
      disk: {
        ...shared,
        'flush.size': '60',
        path: join(folder, 'out'),
        'partitioner.class': 'io.confluent.connect.storage.partitioner.FieldPartitioner',
        'partition.field.name': 'kind',
      },
    }
    const configure = async (tasks: number): Promise<void> => {
      for (const [name, config] of Object.entries(configs)) {
        await worker.call('PUT', `/connectors/${name}/config`, { ...config, 'tasks.max': String(tasks) })
      }
    }
    await configure(2)
    const produced = produce(kafka, topic)
    for (const tasks of [3, 2]) {
      await sleep(500 + Math.random() * 1000)
      await worker.kill()
      await worker.restart()
      await sleep(500 + Math.random() * 1000)
      await configure(tasks)
    }
    await produced
    for (const name of Object.keys(configs)) {
      let seen = ''
      const isDone = async (): Promise<boolean> => {
        const { offsets } = (await worker.call('GET', `/connectors/${name}/offsets`)) as { offsets: { offset: { kafka_offset: number } }[] }
        seen = JSON.stringify(offsets)
        return offsets.length === partitions && offsets.every(({ offset }) => offset.kafka_offset === records)
      }
      await waitFor(isDone, 60_000, () => `${name} is not done: ${seen}\n${worker.log.slice(-4000)}`)
    }
    t.diagnostic(`faults: ${JSON.stringify(proxy.made)}`)
    const objects = await objectsIn(store, bucket)
    check(objects)
    assert.ok(
      objects.every(({ lines }) => lines.length === 50),
      'a file in the bucket has another size than flush.size',
    )
    const out = join(folder, 'out')
    const files = filesIn(out).map((name) => ({ name, lines: linesIn(out, name) as Line[] }))
    check(files)
    assert.equal(files.length, ((partitions * records) / 60) * 3)
  },
)

/** Numbers every partition's records from 0, which are their offsets. */
async function produce(kafka: TestKafka, topic: string): Promise<void> {
  const producer = kafka.client().producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  for (let n = 0; n < records; n += batch) {
    const messages = Array.from({ length: batch * partitions }, (_, index) => {
      const line: Line = { partition: index % partitions, n: n + Math.floor(index / partitions), kind: Math.floor(index / partitions) % 3 }
      return { partition: line.partition, value: JSON.stringify(line) }
    })
    await producer.send({ topic, messages })
    await sleep(100)
  }
  await producer.disconnect()
}

interface Written {
  readonly name: string
  readonly lines: readonly Line[]
}

function check(files: readonly Written[]): void {
  for (const { name, lines } of files) {
    const [partition, offset] = /\+(\d+)\+(\d+)\.json$/.exec(name)!.slice(1).map(Number)
    assert.deepEqual([lines[0]!.partition, lines[0]!.n], [partition, offset], name)
  }
  const found = files.flatMap(({ lines }) => lines.map(({ partition, n }) => partition * records + n)).toSorted((a, b) => a - b)
  assert.deepEqual(
    found,
    Array.from({ length: partitions * records }, (_, index) => index),
  )
}

async function objectsIn(store: S3Server, Bucket: string): Promise<readonly Written[]> {
  const client = store.client()
  const { Contents, IsTruncated } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'topics/' }))
  assert.ok(!IsTruncated)
  const written = await Promise.all(
    (Contents ?? []).map(async ({ Key }) => {
      const text = await (await client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString()
      const lines = text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Line)
      return { name: Key!, lines }
    }),
  )
  client.destroy()
  return written
}
