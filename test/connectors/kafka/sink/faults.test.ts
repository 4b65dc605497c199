import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import plugin from '../../../../connectors/kafka/index.ts'
import { record, type SinkTask } from '../../../../core/index.ts'
import { sinkOf, taskContext } from '../../../../testing/index.ts'
import { kafkaSkip, startKafka } from '../../../kafka.ts'
import { CuttingProxy } from './cutting-proxy.ts'
import { makeTopic, readTopic } from './read-topic.ts'

const skip = kafkaSkip(true)
const kill = new AbortController().signal
const partitions = 3

/** Puts `to` numbered records into each partition, over some time; every record is tried again until it is taken. */
async function write(sink: SinkTask, topic: string, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 20) {
    const numbers = Array.from({ length: Math.min(20, to - n + 1) }, (_, index) => n + index)
    const records = numbers.flatMap((number) => Array.from({ length: partitions }, (_, partition) => record(topic, number, { partition })))
    await again(() => sink.put(records, kill))
    if (Math.random() < 0.05) await again(() => sink.flush!({}, kill))
    if (Math.random() < 0.3) await sleep(2)
  }
}

/** As the runtime does: what may pass is tried again. */
async function again(work: () => Promise<unknown>): Promise<void> {
  for (const until = performance.now() + 30_000; ;) {
    try {
      return void (await work())
    } catch (error) {
      if ((error as { code?: string }).code !== 'RETRIABLE' || performance.now() > until) throw error
      await sleep(50)
    }
  }
}

async function eachOnceInOrder(bootstrap: string, topic: string, to: number): Promise<void> {
  const records = await readTopic(bootstrap, topic)
  const expected = Array.from({ length: to }, (_, n) => n + 1)
  for (let partition = 0; partition < partitions; partition++) {
    const numbers = records.filter((one) => one.partition === partition).map(({ value }) => Number(value))
    assert.deepEqual(numbers, expected)
  }
}

test('connections that break at any byte lose nothing, double nothing and keep the order', { skip }, async () => {
  await using proxy = await CuttingProxy.listen()
  await using kafka = await startKafka({ settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` } })
  proxy.target = Number(kafka.bootstrap.split(':')[1])
  const topic = await makeTopic(kafka.bootstrap, partitions)
  const raw = { 'bootstrap.servers': kafka.bootstrap, 'retry.backoff.ms': '5', 'reconnect.backoff.ms': '5', 'batch.size': '2000' }
  await using sink = await sinkOf(plugin, 'kafka', raw, taskContext())
  await sink.open!()
  proxy.cutting = 20_000
  await write(sink, topic, 1, 6000)
  await again(() => sink.flush!({}, kill))
  proxy.cutting = 0
  assert.ok(proxy.cuts > 20, `${proxy.cuts} cuts`)
  await eachOnceInOrder(kafka.bootstrap, topic, 6000)
})

test('a broker that is killed and comes back gets every record once, in order', { skip }, async () => {
  await using kafka = await startKafka({ own: true })
  const topic = await makeTopic(kafka.bootstrap, partitions)
  const raw = {
    'bootstrap.servers': kafka.bootstrap,
    'retry.backoff.ms': '20',
    'delivery.timeout.ms': '2000',
    'request.timeout.ms': '2000',
  }
  await using sink = await sinkOf(plugin, 'kafka', raw, taskContext())
  await sink.open!()
  const writing = write(sink, topic, 1, 8000)
  await sleep(300)
  await kafka.kill()
  await kafka.start()
  await writing
  await again(() => sink.flush!({}, kill))
  await eachOnceInOrder(kafka.bootstrap, topic, 8000)
})
