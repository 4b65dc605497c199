import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import plugin from '../../../connectors/elasticsearch/index.ts'
import { record, RetriableError, type ConnectRecord, type TaskContext } from '../../../core/index.ts'
import { makeCertificates } from '../../certificates.ts'
import { sinkOf, taskContext } from '../../../testing/index.ts'
import { FakeElasticsearch, type Fault, type Request } from './fake-elasticsearch.ts'

const kill = new AbortController().signal
const quick = { 'retry.backoff.ms': '1', 'linger.ms': '0' }

function sink(server: FakeElasticsearch | string, raw: Record<string, string> = {}, context: Partial<TaskContext> = {}) {
  const url = typeof server === 'string' ? server : server.url
  return sinkOf(plugin, 'elasticsearch', { 'connection.url': url, ...quick, ...raw }, taskContext(context))
}

function at(offset: number, key: string | null, value: unknown): ConnectRecord {
  return record('t', value, {
    key,
    partition: 0,
    origin: { partition: '{"kafka_topic":"t","kafka_partition":0}', position: offset, seq: 0 },
  })
}

/** Failures that pass, at random but the same for the same seed. */
function trouble(seed: number, percent: number): (request: Request) => Fault | undefined {
  let dice = seed
  const next = () => (dice = (Math.imul(dice, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x7fffffff
  return ({ body }) => {
    if (next() * 100 >= percent) return undefined
    const faults: readonly Fault[] = [
      { kind: 'cut-before' },
      { kind: 'cut-after' },
      { kind: 'status', status: 429 },
      { kind: 'status', status: 503 },
      // One record alone would be refused for good.
      { kind: 'status', status: body.split('\n').length > 3 ? 413 : 503 },
      { kind: 'items', status: 429, every: (n) => n % 3 === 1 },
      { kind: 'items', status: 503, every: (n) => n % 2 === 0 },
    ]
    return faults[Math.floor(next() * faults.length)]
  }
}

for (const method of ['insert', 'upsert']) {
  test(`whatever goes wrong in between, ${method} ends with the last state of every document`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 0, max: 50 }), async (seed, percent) => {
        await using server = await FakeElasticsearch.start()
        server.fault = trouble(seed, percent)
        const config = { 'write.method': method, 'behavior.on.null.values': 'delete', 'batch.size': '7', 'max.retries': '50' }
        await using task = await sink(server, config)
        const expected = new Map<string, object>()
        const records: ConnectRecord[] = []
        for (let n = 0; n < 120; n++) {
          const key = `k${(n * 7) % 11}`
          records.push(at(n, key, n % 13 === 5 ? null : { [`f${n % 3}`]: n, last: n }))
        }
        for (let n = 0; n < records.length; n += 20) {
          await task.put(records.slice(n, n + 20), kill)
          if (n % 40 === 0) await task.flush!({}, kill)
        }
        await task.flush!({}, kill)
        for (const { key, value } of records) {
          if (value === null) expected.delete(key as string)
          else
            expected.set(key as string, method === 'upsert' ? { ...expected.get(key as string), ...(value as object) } : (value as object))
        }
        assert.deepEqual(new Map([...server.sources].sort()), new Map([...expected].sort()))
      }),
      { numRuns: 12 },
    )
  })
}

test('what is put off is sent again alone, and other documents are not', async () => {
  await using server = await FakeElasticsearch.start()
  let bulks = 0
  server.fault = () => (bulks++ === 0 ? { kind: 'items', status: 429, every: (n) => n === 1 } : undefined)
  await using task = await sink(server)
  await task.put([at(1, 'a', {}), at(2, 'b', {}), at(3, 'c', {})], kill)
  await task.flush!({}, kill)
  assert.deepEqual(
    server.bulks.map(({ body }) => [...body.matchAll(/"_id":"(\w)"/g)].map(([, id]) => id)),
    [['a', 'b', 'c'], ['b']],
  )
})

test('a server that puts off for too long is a RetriableError of the flush, and the next flush goes on', async () => {
  await using server = await FakeElasticsearch.start()
  server.fault = () => ({ kind: 'status', status: 503 })
  await using task = await sink(server, { 'max.retries': '2' })
  await task.put([at(1, 'a', { n: 1 })], kill)
  await assert.rejects(
    async () => task.flush!({}, kill),
    (error) => error instanceof RetriableError && /put off 1 records 3 times/.test(error.message),
  )
  server.fault = () => undefined
  await task.flush!({}, kill)
  assert.deepEqual([...server.sources], [['a', { n: 1 }]])
})

test('a right that is missing ends the task with the reason; nothing is rejected for it', async () => {
  await using server = await FakeElasticsearch.start()
  server.fault = () => ({ kind: 'status', status: 403, type: 'security_exception' })
  await using task = await sink(server)
  await task.put([at(1, 'a', {})], kill)
  await assert.rejects(async () => task.flush!({}, kill), /status 403: security_exception/)
})

test('a document that is not tolerated is the error of the flush, and not of the next put, whose records are others', async () => {
  await using server = await FakeElasticsearch.start()
  server.fault = () => ({ kind: 'items', status: 400, every: () => true })
  await using task = await sink(server, { 'batch.size': '2', 'max.buffered.records': '4' })
  await task.put([at(1, 'a', {}), at(2, 'b', {})], kill)
  while (server.bulks.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  await new Promise((resolve) => setTimeout(resolve, 20))
  await task.put([at(3, 'c', {}), at(4, 'd', {}), at(5, 'e', {})], kill)
  await assert.rejects(
    task.put([at(6, 'f', {})], kill),
    (error: Error & { code?: string }) => error.code === undefined && /refused the document/.test(error.message),
  )
  await assert.rejects(
    async () => task.flush!({}, kill),
    (error: Error & { code?: string }) => error.code === 'DATA' && /refused the document/.test(error.message),
  )
  assert.equal(server.bulks.length, 1, 'nothing is sent after it')
})

test('documents in trouble are left out where that is wanted', async () => {
  for (const behavior of ['warn', 'ignore']) {
    await using server = await FakeElasticsearch.start()
    server.fault = () => ({ kind: 'items', status: 400, every: (n) => n < 2 })
    const warnings: string[] = []
    const quiet = () => {}
    const log = { trace: quiet, debug: quiet, info: quiet, error: quiet, warn: (_: object, message: string) => void warnings.push(message) }
    await using task = await sink(server, { 'behavior.on.malformed.documents': behavior, 'linger.ms': '1' }, { log })
    await task.put([at(1, 'a', {}), at(2, 'b', {}), at(3, 'c', {})], kill)
    await task.flush!({}, kill)
    assert.deepEqual([...server.sources.keys()], ['c'])
    assert.equal(warnings.length, behavior === 'warn' ? 2 : 1)
  }
})

test('what is left out goes to the dead letters where there are some, and is not logged then', async () => {
  await using server = await FakeElasticsearch.start()
  server.fault = () => ({ kind: 'items', status: 400, every: (n) => n < 1 })
  const letters: unknown[] = []
  const warn = () => assert.fail('nothing is left out')
  const quiet = () => {}
  const log = { trace: quiet, debug: quiet, info: quiet, error: quiet, warn }
  const config = { 'behavior.on.malformed.documents': 'ignore', 'drop.invalid.message': 'true', 'linger.ms': '1' }
  await using task = await sink(server, config, { log, reject: async ({ key }) => void letters.push(key) })
  await task.put([at(1, 'a', {}), at(2, 'b', {}), at(3, 'c', 'no object')], kill)
  await task.flush!({}, kill)
  assert.deepEqual([...server.sources.keys()], ['b'])
  assert.deepEqual(letters, ['c', 'a'])
})

test('several requests are in flight, and no two for one document', async () => {
  await using server = await FakeElasticsearch.start()
  await using task = await sink(server, { 'write.method': 'upsert', 'batch.size': '5', 'max.in.flight.requests': '3' })
  await task.put(
    Array.from({ length: 300 }, (_, n) => at(n, `k${n % 10}`, { n })),
    kill,
  )
  await task.flush!({}, kill)
  for (let key = 0; key < 10; key++) assert.deepEqual(server.sources.get(`k${key}`), { n: 290 + key })
  assert.ok(server.bulks.every(({ body }) => body.split('\n').length <= 11))
})

test('a request holds no more bytes than bulk.size.bytes, but for a document that is larger alone', async () => {
  await using server = await FakeElasticsearch.start()
  await using task = await sink(server, { 'bulk.size.bytes': '2000', 'linger.ms': '5' })
  await task.put(
    Array.from({ length: 40 }, (_, n) => at(n, `k${n}`, { text: 'x'.repeat(n === 20 ? 5000 : 100) })),
    kill,
  )
  await task.flush!({}, kill)
  assert.equal(server.sources.size, 40)
  const sizes = server.bulks.map(({ body }) => body.length)
  assert.equal(sizes.filter((size) => size > 2000).length, 1)
  assert.ok(server.bulks.length < 10, 'batches are filled')
})

test('records that wait are sent when linger.ms is over, without a flush', async () => {
  await using server = await FakeElasticsearch.start()
  await using task = await sink(server, { 'linger.ms': '20' })
  await task.put([at(1, 'a', {})], kill)
  await task.put([at(2, 'b', {})], kill)
  assert.equal(server.bulks.length, 0)
  while (server.sources.size < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.equal(server.bulks.length, 1)
})

test('a node that is down is passed over', async () => {
  const gone = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => gone.once('listening', resolve))
  const { port } = gone.address() as AddressInfo
  await new Promise((resolve) => gone.close(resolve))
  await using server = await FakeElasticsearch.start()
  await using task = await sink(`http://127.0.0.1:${port},${server.url}`)
  for (let n = 0; n < 6; n++) {
    await task.put([at(n, `k${n}`, {})], kill).catch((error: unknown) => {
      assert.ok(error instanceof RetriableError)
      return task.put([at(n, `k${n}`, {})], kill)
    })
    await task.flush!({}, kill)
  }
  assert.equal(server.sources.size, 6)
})

test('requests are compressed and carry the user or API key, also over TLS with an own authority', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-elasticsearch-tls-'))
  try {
    const certificates = makeCertificates(folder)
    const tls = { key: readFileSync(certificates.serverKeyFile), cert: readFileSync(certificates.serverCertificateFile) }
    await using server = await FakeElasticsearch.start(tls)
    const trust = { 'elastic.security.protocol': 'SSL', 'elastic.https.ssl.truststore.location': certificates.caFile }
    {
      await using task = await sink(server, {
        ...trust,
        'connection.username': 'u',
        'connection.password': 'p:w',
        'connection.compression': 'true',
      })
      await task.put([at(1, 'a', {})], kill)
      await task.flush!({}, kill)
    }
    assert.equal(server.bulks[0]!.headers['content-encoding'], 'gzip')
    assert.equal(server.bulks[0]!.headers.authorization, `Basic ${Buffer.from('u:p:w').toString('base64')}`)
    await using keyed = await sink(server, { ...trust, 'connection.api.key': 'a2V5' })
    await keyed.put([at(2, 'b', {})], kill)
    await keyed.flush!({}, kill)
    assert.equal(server.bulks[1]!.headers.authorization, 'ApiKey a2V5')
    await using stranger = await sink(server, {})
    await assert.rejects(
      stranger.put([at(3, 'c', {})], kill),
      (error) => error instanceof RetriableError && /certificate/.test(error.message),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('ids may be left to the server, and then each record is a document', async () => {
  await using server = await FakeElasticsearch.start()
  await using task = await sink(server, { 'use.autogenerated.ids': 'true' })
  await task.put([at(1, 'a', { n: 1 }), at(2, 'a', { n: 2 }), at(3, null, { n: 3 })], kill)
  await task.flush!({}, kill)
  assert.deepEqual(
    server.bulks.flatMap(({ body }) => body.split('\n')),
    [1, 2, 3].flatMap((n) => ['{"index":{"_index":"t"}}', JSON.stringify({ n })]).concat(''),
  )
})

test('requests go through an HTTP proxy with its user, to https by a tunnel', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-elasticsearch-proxy-'))
  const seen: string[] = []
  const proxy = createServer((incoming, answer) => {
    seen.push(`${incoming.method} ${new URL(incoming.url!).pathname} ${incoming.headers['proxy-authorization']}`)
    const onward = request(incoming.url!, { method: incoming.method!, headers: incoming.headers }, (reply) => {
      answer.writeHead(reply.statusCode!, reply.headers)
      reply.pipe(answer)
    })
    incoming.pipe(onward)
  }).listen(0, '127.0.0.1')
  proxy.on('connect', (incoming, near) => {
    seen.push(`CONNECT ${incoming.headers['proxy-authorization']}`)
    const far = connect(Number(incoming.url!.split(':')[1]), '127.0.0.1', () => near.write('HTTP/1.1 200 OK\r\n\r\n'))
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  })
  try {
    await once(proxy, 'listening')
    const through = {
      'proxy.host': '127.0.0.1',
      'proxy.port': String((proxy.address() as AddressInfo).port),
      'proxy.username': 'me',
      'proxy.password': 'p@:/w',
    }
    const basic = `Basic ${Buffer.from('me:p@:/w').toString('base64')}`
    const certificates = makeCertificates(folder)
    const tls = { key: readFileSync(certificates.serverKeyFile), cert: readFileSync(certificates.serverCertificateFile) }
    for (const secure of [false, true]) {
      await using server = await FakeElasticsearch.start(secure ? tls : undefined)
      await using task = await sink(server, {
        ...through,
        ...(secure ? { 'elastic.https.ssl.truststore.location': certificates.caFile } : {}),
      })
      await task.put([at(1, 'a', { n: 1 })], kill)
      await task.flush!({}, kill)
      assert.deepEqual([...server.sources], [['a', { n: 1 }]])
      assert.equal(server.bulks[0]!.headers['proxy-authorization'], secure ? undefined : basic)
    }
    assert.deepEqual([...new Set(seen)], [`HEAD /t ${basic}`, `POST /_bulk ${basic}`, `CONNECT ${basic}`])
  } finally {
    proxy.closeAllConnections()
    proxy.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a task that is told to give up stops waiting', async () => {
  await using server = await FakeElasticsearch.start()
  server.fault = () => ({ kind: 'status', status: 429 })
  await using task = await sink(server, { 'max.retries': '1000000' })
  await task.put([at(1, 'a', {})], kill)
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('give up')), 30)
  await assert.rejects(async () => task.flush!({}, stop.signal), /give up/)
})
