import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ElasticsearchClient, type Answer } from '../../../connectors/elasticsearch/client.ts'
import { elasticsearchConfig } from '../../../connectors/elasticsearch/config.ts'
import plugin from '../../../connectors/elasticsearch/index.ts'
import { validateElasticsearch } from '../../../connectors/elasticsearch/validation.ts'
import { ConfigError, parseConfig, record, RetriableError, type ConnectRecord, type TaskContext } from '../../../core/index.ts'
import { makeCertificates } from '../../certificates.ts'
import { sinkOf, taskContext } from '../../../testing/index.ts'
import { elasticsearchSkip, startElasticsearch, type TestElasticsearch } from '../../elasticsearch.ts'

// A server with users, TLS and certificates of clients, which takes only small requests; and what an administrator may do to indices.
const skip = elasticsearchSkip()
const kill = new AbortController().signal
const password = 'a-password-1'
const folder = mkdtempSync(join(tmpdir(), 'millrace-elasticsearch-secured-'))
const certificates = makeCertificates(folder)
const tls = 'elastic.https.ssl.'
let server: TestElasticsearch
let access: Readonly<Record<string, string>>

before(async () => {
  if (skip) return
  const read = (file: string) => readFileSync(file, 'utf8')
  server = await startElasticsearch({
    password,
    tls: {
      key: read(certificates.serverKeyFile),
      certificate: read(certificates.serverCertificateFile),
      ca: read(certificates.caFile),
    },
    settings: { 'xpack.security.http.ssl.client_authentication': 'required', 'http.max_content_length': '200kb' },
  })
  access = {
    'connection.url': server.url,
    'connection.username': 'millrace',
    'connection.password': password,
    'elastic.security.protocol': 'SSL',
    [`${tls}truststore.certificates`]: read(certificates.caFile),
    [`${tls}keystore.key`]: read(certificates.clientKeyFile),
    [`${tls}keystore.certificate.chain`]: read(certificates.clientCertificateFile),
  }
})
after(async () => {
  await server?.stop()
  rmSync(folder, { recursive: true, force: true })
})

function sink(raw: Readonly<Record<string, string>> = {}, context: Partial<TaskContext> = {}) {
  return sinkOf(plugin, 'elasticsearch', { ...access, 'retry.backoff.ms': '5', 'max.retries': '2', ...raw }, taskContext(context))
}

async function call(method: 'GET' | 'PUT' | 'POST', path: string, body?: object): Promise<Answer> {
  using client = new ElasticsearchClient(parseConfig(elasticsearchConfig, access).config)
  return await client.request(method, path, body && { type: 'application/json', bytes: Buffer.from(JSON.stringify(body)) })
}

async function count(index: string): Promise<number> {
  await call('POST', `/${index}/_refresh`)
  return (JSON.parse((await call('GET', `/${index}/_count`)).text) as { count: number }).count
}

function at(topic: string, offset: number, value: unknown): ConnectRecord {
  const partition = JSON.stringify({ kafka_topic: topic, kafka_partition: 0 })
  return record(topic, value, { key: `k${offset}`, origin: { partition, position: offset, seq: 0 } })
}

test('documents go over TLS with a certificate and a password of our own, from texts and from files', { skip }, async () => {
  const files: Record<string, string> = {
    ...access,
    [`${tls}truststore.location`]: certificates.caFile,
    [`${tls}keystore.location`]: certificates.clientStoreFile,
  }
  for (const key of ['truststore.certificates', 'keystore.key', 'keystore.certificate.chain']) delete files[`${tls}${key}`]
  for (const [n, config] of [access, files].entries()) {
    const parsed = parseConfig(elasticsearchConfig, config)
    assert.deepEqual(parsed.issues, [])
    assert.deepEqual(await validateElasticsearch(parsed.config), [])
    await using task = await sinkOf(plugin, 'elasticsearch', config, taskContext())
    await task.put([at('secured', n, { n })], kill)
    await task.flush!({}, kill)
  }
  assert.equal(await count('secured'), 2)
})

test('a wrong password, authority or missing certificate is said when the connector is made', { skip }, async () => {
  const issue = async (raw: Readonly<Record<string, string>>) =>
    (await validateElasticsearch(parseConfig(elasticsearchConfig, raw).config)).map(({ key, message }) => `${key}: ${message}`).join()
  assert.match(await issue({ ...access, 'connection.password': 'wrong' }), /^connection.username: .*does not accept the user and password/)
  const stranger = { ...access, [`${tls}truststore.certificates`]: readFileSync(certificates.otherCaFile, 'utf8') }
  assert.match(await issue(stranger), /^connection.url: No server can be reached .*certificate/)
  const { [`${tls}keystore.key`]: _, [`${tls}keystore.certificate.chain`]: __, ...nameless } = access
  assert.match(await issue(nameless), /^connection.url: No server can be reached .*alert (bad certificate|certificate required)$/)
})

test('a closed index, and one that takes no writes as after a full disk, are waited for', { skip }, async () => {
  await using task = await sink()
  await task.put([at('blocked', 1, {})], kill)
  await task.flush!({}, kill)
  const obstacles = [
    [() => call('POST', '/blocked/_close'), () => call('POST', '/blocked/_open'), /index_closed_exception/],
    [
      () => call('PUT', '/blocked/_settings', { 'index.blocks.read_only_allow_delete': true }),
      () => call('PUT', '/blocked/_settings', { 'index.blocks.read_only_allow_delete': null }),
      /cluster_block_exception/,
    ],
  ] as const
  for (const [n, [block, free, reason]] of obstacles.entries()) {
    assert.equal((await block()).status, 200)
    await task.put([at('blocked', 10 + n, {})], kill)
    await assert.rejects(
      async () => task.flush!({}, kill),
      (error) => error instanceof RetriableError && /put off 1 records 3 times/.test(error.message) && reason.test(error.message),
    )
    assert.equal((await free()).status, 200)
    // What was sent meanwhile may have failed once more before.
    const flush = async () => task.flush!({}, kill)
    await flush().catch(() => flush())
  }
  assert.equal(await count('blocked'), 3)
})

test('a request that is too large is divided, and a document that is too large alone is rejected; the others land', { skip }, async () => {
  const rejected: string[] = []
  await using task = await sink(
    { 'bulk.size.bytes': '-1' },
    { reject: async (one, error) => void rejected.push(`${one.key} ${error.message}`) },
  )
  await task.put(
    Array.from({ length: 20 }, (_, n) => at('large', n, { text: 'x'.repeat(n === 13 ? 250_000 : 30_000) })),
    kill,
  )
  await task.flush!({}, kill)
  assert.equal(rejected.length, 1)
  assert.match(rejected[0]!, /^k13 .*413/)
  assert.equal(await count('large'), 19)
})

test('an index that should be there and is not, stops the task with the key to change', { skip }, async () => {
  await using task = await sink({ 'external.resource.usage': 'INDEX', 'topic.to.external.resource.mapping': 'orders:not-there' })
  await assert.rejects(
    task.put([at('orders', 1, {})], kill),
    (error) => error instanceof ConfigError && /There is no "not-there"/.test(error.message),
  )
})

test('an alias that nobody may write to stops the task, and rejects no record', { skip }, async () => {
  for (const index of ['one', 'two']) await call('PUT', `/${index}`, { aliases: { both: {} } })
  await using task = await sink({ 'external.resource.usage': 'ALIAS_INDEX', 'index.name.format': 'both' })
  await task.put([at('orders', 1, {})], kill)
  await assert.rejects(async () => task.flush!({}, kill), /refused to write to index "both".*no write index/)
})
