import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { KafkaTools } from '../../../kafka-tools.ts'
import { waitFor, WorkerProcess } from '../../../worker-process.ts'

const skip = kafkaSkip()
let kafka: TestKafka
let worker: WorkerProcess
let folder: string

before(async () => {
  if (skip) return
  kafka = await startKafka()
  folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-worker-'))
  worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap, 'host.mode': 'process' })
})
after(async () => {
  if (skip) return
  await worker.kill('SIGTERM')
  await kafka.stop()
  rmSync(folder, { recursive: true, force: true })
})

test('a sink connector as Kafka Connect has it reads its topics; its offsets are seen, altered and reset', { skip }, async () => {
  const topic = await kafka.topic(undefined, 4)
  await send(topic, 0, 1_000)
  const name = randomUUID()
  const file = join(folder, `${name}.txt`)
  await worker.call('PUT', `/connectors/${name}/config`, {
    'connector.class': 'FileStreamSink',
    topics: topic,
    'tasks.max': '1',
    file,
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'flush.interval.ms': '50',
    'consumer.override.auto.offset.reset': 'earliest',
  })
  await lines(file, 1_000)
  await waitFor(
    async () => (await offsetSum(name)) === 1_000,
    10_000,
    () => 'the offsets are not all saved',
  )
  const lags = await new KafkaTools(kafka.bootstrap).groupLag(`connect-${name}`)
  assert.equal(
    lags.reduce((sum, { lag }) => sum + lag!, 0),
    0,
  )
  await worker.call('PUT', `/connectors/${name}/stop`)
  const { offsets } = await worker.call('GET', `/connectors/${name}/offsets`)
  assert.deepEqual(Object.keys(offsets[0].partition).sort(), ['kafka_partition', 'kafka_topic'])
  const back = offsets.map((entry: { partition: object; offset: { kafka_offset: number } }) => ({
    partition: entry.partition,
    offset: { kafka_offset: entry.offset.kafka_offset - 10 },
  }))
  await worker.call('PATCH', `/connectors/${name}/offsets`, { offsets: back })
  await worker.call('PUT', `/connectors/${name}/resume`)
  await lines(file, 1_040)
  await worker.call('PUT', `/connectors/${name}/stop`)
  await worker.call('DELETE', `/connectors/${name}/offsets`)
  await worker.call('PUT', `/connectors/${name}/resume`)
  await lines(file, 2_040)
  await worker.call('DELETE', `/connectors/${name}`)
})

test('a bounded run of two tasks ends COMPLETED', { skip }, async () => {
  const topic = await kafka.topic(undefined, 3)
  await send(topic, 0, 300)
  const [name, copy] = [randomUUID(), await kafka.topic(undefined, 3)]
  await worker.call('PUT', `/connectors/${name}/config`, {
    'connector.class': 'kafka',
    'source.topics': topic,
    topics: topic,
    'tasks.max': '2',
    'source.end': 'latest',
    'key.converter': 'ByteArrayConverter',
    'value.converter': 'ByteArrayConverter',
    transforms: 'to',
    'transforms.to.type': 'RegexRouter',
    'transforms.to.regex': '.*',
    'transforms.to.replacement': copy,
  })
  await waitFor(
    async () => (await worker.call('GET', `/connectors/${name}/status`)).connector.state === 'STOPPED',
    20_000,
    () => worker.log.slice(-3000),
  )
  const records = await new KafkaTools(kafka.bootstrap).consume(copy, { max: 300 })
  assert.equal(new Set(records.map(({ value }) => value!.toString())).size, 300)
})

test('from topic to topic exactly once, by two tasks whose worker is killed again and again', { skip }, async () => {
  const [from, to] = [await kafka.topic(undefined, 4), await kafka.topic(undefined, 4)]
  const name = randomUUID()
  const total = 8_000
  await worker.call('PUT', `/connectors/${name}/config`, {
    'connector.class': 'kafka',
    topics: from,
    'tasks.max': '2',
    'exactly.once.support': 'required',
    'source.max.poll.records': '100',
    'flush.interval.ms': '50',
    'key.converter': 'StringConverter',
    'value.converter': 'StringConverter',
    transforms: 'to',
    'transforms.to.type': 'RegexRouter',
    'transforms.to.regex': '.*',
    'transforms.to.replacement': to,
  })
  for (let kill = 0; kill < 4; kill++) {
    await send(from, (kill * total) / 4, ((kill + 1) * total) / 4)
    await sleep(300 + Math.random() * 700)
    await worker.kill()
    await worker.restart()
  }
  const seen = new Map<string, number>()
  await waitFor(
    async () => (await offsetSum(name)) === total,
    60_000,
    () => worker.log.slice(-3000),
  )
  await new KafkaTools(kafka.bootstrap).consume(to, {
    idleMs: 1_500,
    each: ({ value }) => void seen.set(value!.toString(), (seen.get(value!.toString()) ?? 0) + 1),
  })
  assert.equal(seen.size, total)
  assert.deepEqual(
    [...seen].filter(([, times]) => times > 1),
    [],
  )
  await worker.call('DELETE', `/connectors/${name}`)
})

test('what cannot work is told when a connector is made', { skip }, async () => {
  const config = { 'connector.class': 'FileStreamSink', file: join(folder, 'none'), topics: 'a', name: 'x' }
  const faults = async (more: Record<string, string>) => {
    const answer = await worker.call('PUT', '/connector-plugins/FileStreamSink/config/validate', { ...config, ...more })
    return answer.configs.flatMap(({ value }: { value: { errors: string[] } }) => value.errors).join('\n')
  }
  assert.equal(await faults({}), '')
  assert.match(await faults({ 'source.start': 'yesterday' }), /neither earliest nor latest/)
  assert.match(await faults({ 'source.bootstrap.servers': '127.0.0.1:1' }), /127\.0\.0\.1:1/)
  assert.match(await faults({ 'source.interceptor.classes': 'x.Y' }), /use transforms/)
})

async function lines(file: string, count: number): Promise<void> {
  const now = () => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0)
  await waitFor(
    async () => now() >= count,
    20_000,
    () => `${now()} of ${count} lines\n${worker.log.slice(-3000)}`,
  )
  assert.equal(now(), count)
}

async function offsetSum(name: string): Promise<number> {
  const { offsets } = await worker.call('GET', `/connectors/${name}/offsets`)
  return offsets.reduce((sum: number, { offset }: { offset: { kafka_offset: number } }) => sum + offset.kafka_offset, 0)
}

async function send(topic: string, from: number, to: number): Promise<void> {
  const producer = kafka.client().producer()
  await producer.connect()
  const messages = Array.from({ length: to - from }, (_, n) => ({ value: `line ${from + n}`, key: String(n) }))
  await producer.send({ topic, messages })
  await producer.disconnect()
}
