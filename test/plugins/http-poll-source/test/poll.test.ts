import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { runConnector, type ConnectRecord } from 'millrace'
import { sourceOf } from 'millrace/testing'
import plugin from '../src/index.ts'
import { FeedServer } from './feed-server.ts'

const soon = { 'poll.interval.ms': '20' }

test('items come once and in order, new ones too, and only what changed is sent', async () => {
  const server = await new FeedServer().start(7)
  const seen: ConnectRecord[] = []
  const enough = Promise.withResolvers<void>()
  await using running = await runConnector(
    { 'connector.class': 'http-poll', topic: 'items', url: server.url, ...soon },
    { plugins: [plugin], onRecords: (records) => void (seen.push(...records) === 9 && enough.resolve()) },
  )
  while (server.requests.length < 6) await new Promise(setImmediate)
  server.add(2)
  await enough.promise
  await running.stop()
  assert.deepEqual(
    seen.map(({ key, origin }) => [key, origin?.position]),
    Array.from({ length: 9 }, (_, index) => [String(index + 1), index + 1]),
  )
  assert.ok(server.requests.some(({ headers }) => headers['if-none-match'] !== undefined))
  server.close()
})

test('a server that is busy is asked again when it says so', async () => {
  const server = await new FeedServer().start(2)
  server.mishaps.push({ status: 429, headers: { 'retry-after': '1' } }, { status: 503 })
  const task = await sourceOf(plugin, 'http-poll', { url: server.url, topic: 'items', ...soon })
  await task.open(undefined)
  const signal = new AbortController().signal
  await assert.rejects(task.poll(signal), { name: 'RetriableError', retryAfterMs: 1000 })
  await assert.rejects(task.poll(signal), { name: 'RetriableError' })
  assert.equal((await task.poll(signal)).records.length, 2)
  server.close()
})

test('an API that refuses the request stops the connector, naming the address', async () => {
  const server = await new FeedServer().start(2)
  server.mishaps.push({ status: 400 }, { status: 401 })
  const task = await sourceOf(plugin, 'http-poll', { url: server.url, topic: 'items', token: 'secret', ...soon })
  await task.open(undefined)
  const signal = new AbortController().signal
  await assert.rejects(task.poll(signal), { name: 'ConfigError', message: /answered 400: .*because/ })
  await assert.rejects(task.poll(signal), /answered 401: .*check the credentials/)
  assert.equal(server.requests[0]?.headers.authorization, 'Bearer secret')
  server.close()
})

test('by "since", items that lie on the cursor come again and are passed over', async () => {
  const items = [1, 2, 2, 2, 3].map((day, index) => ({ id: `i${index}`, day }))
  const server = createServer((request, response) => {
    const since = Number(new URL(request.url!, 'http://x').searchParams.get('since') ?? 0)
    response.end(JSON.stringify(items.filter(({ day }) => day >= since).slice(0, 3)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const bySince = { 'items.path': '', 'cursor.kind': 'item', 'cursor.path': 'day', 'cursor.param': 'since' }
  const task = await sourceOf(plugin, 'http-poll', { url, topic: 'items', ...bySince, ...soon })
  await task.open(undefined)
  const keys: unknown[] = []
  const signal = AbortSignal.timeout(5_000)
  while (keys.length < 4) keys.push(...(await task.poll(signal)).records.map(({ key }) => key))
  assert.deepEqual(keys, ['i0', 'i1', 'i2', 'i3'])
  server.closeAllConnections()
  server.close()
})

test('an item without a name is rejected, and the others go on', async () => {
  const server = await new FeedServer().start(3)
  Object.assign(server.items[1]!, { id: null })
  const rejected: string[] = []
  const { taskContext } = await import('millrace/testing')
  const context = taskContext({ reject: async (_, error) => void rejected.push(error.message) })
  const task = await sourceOf(plugin, 'http-poll', { url: server.url, topic: 'items', ...soon }, context)
  await task.open(undefined)
  const { records } = await task.poll(new AbortController().signal)
  assert.deepEqual([records.map(({ key }) => key), rejected.length], [['1', '3'], 1])
  assert.match(rejected[0]!, /An item has no "id" \(id\.field\)/)
  server.close()
})
