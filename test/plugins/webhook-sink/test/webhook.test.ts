import assert from 'node:assert/strict'
import { test } from 'node:test'
import { record, type ConnectRecord } from 'millrace'
import { sinkOf, taskContext } from 'millrace/testing'
import plugin from '../src/index.ts'
import { Receiver } from './receiver.ts'

const kill = new AbortController().signal
const at = (n: number, value: unknown = n): ConnectRecord =>
  record('t', value, { key: n, timestamp: 5, origin: { partition: 'p', position: n, seq: 0 } })

test('events are sent in batches, in order, with ids that stay the same', async () => {
  const receiver = await new Receiver().start()
  await using task = await sinkOf(plugin, 'webhook', { url: receiver.url, token: 'secret', 'batch.events': '2' })
  await task.put([at(1), at(2), at(3, { big: 9007199254740993n })], kill)
  assert.deepEqual(
    receiver.requests.map(({ events }) => events.map(({ id }) => id)),
    [['p@1.0', 'p@2.0'], ['p@3.0']],
  )
  assert.equal(receiver.requests[0]?.headers.authorization, 'Bearer secret')
  await task.put([at(1), at(2)], kill)
  const keys = receiver.requests.map(({ headers }) => headers['idempotency-key'])
  assert.equal(keys[2], keys[0])
  assert.notEqual(keys[1], keys[0])
  assert.equal(receiver.events.length, 3)
  receiver.close()
})

test('a put that comes again after a failure leaves out what was taken', async () => {
  const receiver = await new Receiver().start()
  await using task = await sinkOf(plugin, 'webhook', { url: receiver.url, 'batch.events': '1' })
  const records = [at(1), at(2), at(3)]
  receiver.mishaps.push({ status: 200 }, { status: 429, headers: { 'retry-after': '2' } })
  await assert.rejects(task.put(records, kill), { name: 'RetriableError', retryAfterMs: 2000 })
  await task.put(records, kill)
  assert.deepEqual(
    receiver.requests.map(({ events }) => events[0]?.id),
    ['p@1.0', 'p@2.0', 'p@2.0', 'p@3.0'],
  )
  receiver.close()
})

test('of a batch that is refused, only the wrong events are rejected', async () => {
  const receiver = await new Receiver().start()
  const rejected: [unknown, string][] = []
  const context = taskContext({ reject: async ({ key }, error) => void rejected.push([key, error.message]) })
  await using task = await sinkOf(plugin, 'webhook', { url: receiver.url }, context)
  await task.put([at(1), at(2, 'bad'), at(3), at(4, () => {}), at(5)], kill)
  assert.deepEqual(
    receiver.events.map(({ key }) => key),
    [1, 3, 5],
  )
  assert.deepEqual(
    rejected.map(([key]) => key),
    [4, 2],
  )
  assert.match(rejected[1]![1], /answered 422: a bad event/)
  receiver.close()
})

test('a receiver that refuses the sender, is gone or cannot be reached is not blamed on records', async () => {
  const receiver = await new Receiver().start()
  await using task = await sinkOf(plugin, 'webhook', { url: receiver.url })
  receiver.mishaps.push({ status: 403 }, { status: 404 }, { status: 302, headers: { location: 'http://127.0.0.1/' } })
  await assert.rejects(task.put([at(1)], kill), { name: 'Error', message: /answered 403: not now; check the credentials/ })
  await assert.rejects(task.put([at(1)], kill), { name: 'Error', message: /answered 404/ })
  await assert.rejects(task.put([at(1)], kill), { name: 'Error', message: /answered 302/ })
  receiver.close()
  await assert.rejects(task.put([at(1)], kill), { name: 'RetriableError', message: /got no answer/ })
})
