import assert from 'node:assert/strict'
import { test } from 'node:test'
import plugin from '../../../connectors/elasticsearch/index.ts'
import { record, RetriableError, type ConnectRecord } from '../../../core/index.ts'
import { sinkOf, taskContext } from '../../../testing/index.ts'
import { FakeElasticsearch } from './fake-elasticsearch.ts'

const kill = new AbortController().signal

function sink(server: FakeElasticsearch, raw: Record<string, string>) {
  return sinkOf(plugin, 'elasticsearch', { 'connection.url': server.url, 'retry.backoff.ms': '1', ...raw }, taskContext())
}

function records(from: number, count: number, value: unknown = {}): readonly ConnectRecord[] {
  const partition = '{"kafka_topic":"t","kafka_partition":0}'
  return Array.from({ length: count }, (_, n) =>
    record('t', value, { key: `k${from + n}`, origin: { partition, position: from + n, seq: 0 } }),
  )
}

/** Puts batches until one has to wait for a while; gives how many records were taken. */
async function takenWithoutAnswers(raw: Record<string, string>, value: unknown): Promise<number> {
  await using server = await FakeElasticsearch.start()
  const gate = Promise.withResolvers<void>()
  server.pace = () => gate.promise
  await using task = await sink(server, raw)
  let taken = 0
  for (;;) {
    const put = task.put(records(taken, 100, value), kill).then(() => 'taken' as const)
    const late = new Promise<'waits'>((resolve) => setTimeout(resolve, 2_000, 'waits'))
    if ((await Promise.race([put, late])) === 'waits') {
      gate.resolve()
      await put
      await task.flush!({}, kill)
      assert.equal(server.sources.size, taken + 100)
      return taken
    }
    taken += 100
    assert.ok(taken < 10_000, 'nothing holds it back')
  }
}

test('a server that does not answer holds puts back, by records', async () => {
  // The put that fills it is taken whole.
  assert.equal(await takenWithoutAnswers({ 'max.buffered.records': '450', 'batch.size': '50' }, { n: 1 }), 500)
})

test('a server that does not answer holds puts back, by bytes', async () => {
  const text = 'x'.repeat(1000)
  const taken = await takenWithoutAnswers({ 'bulk.size.bytes': '100000', 'max.in.flight.requests': '2' }, { text })
  assert.ok(taken >= 300 && taken <= 400, `${taken}`)
})

test('while a server puts everything off, each batch in flight asks at growing distances, and nothing is lost', async () => {
  await using server = await FakeElasticsearch.start()
  const began = performance.now()
  server.fault = () => (performance.now() - began < 1500 ? { kind: 'status', status: 429 } : undefined)
  await using task = await sink(server, {
    'retry.backoff.ms': '20',
    'max.retries': '30',
    'batch.size': '10',
    'max.in.flight.requests': '3',
  })
  await task.put(records(0, 300), kill)
  await task.flush!({}, kill)
  assert.equal(server.sources.size, 300)
  // 20, 40, ... 1280 ms, with jitter down to a half: at most 9 attempts of each of the three fit into the time, and then 27 more batches.
  assert.ok(server.bulks.length <= 3 * 9 + 30, `${server.bulks.length} requests`)
})

test('records of requests that time out are sent again, and versions make it harmless that the first ones arrived', async () => {
  await using server = await FakeElasticsearch.start()
  let slow = 3
  server.pace = () => (slow-- > 0 ? new Promise((resolve) => setTimeout(resolve, 400)) : Promise.resolve())
  await using task = await sink(server, { 'read.timeout.ms': '150', 'batch.size': '10' })
  await task.put(records(0, 100, { n: 1 }), kill)
  await task.flush!({}, kill)
  assert.equal(server.sources.size, 100)
  assert.ok(server.bulks.length > 10)
})

test('a flush that lasts too long is a RetriableError that says how many records wait', async () => {
  await using server = await FakeElasticsearch.start()
  const gate = Promise.withResolvers<void>()
  server.pace = () => gate.promise
  await using task = await sink(server, { 'flush.timeout.ms': '100' })
  await task.put(records(0, 7), kill)
  await assert.rejects(
    async () => task.flush!({}, kill),
    (error) => error instanceof RetriableError && /100 ms \(flush\.timeout\.ms\); 7 records wait/.test(error.message),
  )
  gate.resolve()
  await task.flush!({}, kill)
})
