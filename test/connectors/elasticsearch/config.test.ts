import assert from 'node:assert/strict'
import { test } from 'node:test'
import { elasticsearchConfig } from '../../../connectors/elasticsearch/config.ts'
import { validateElasticsearch } from '../../../connectors/elasticsearch/validation.ts'
import { parseConfig } from '../../../core/index.ts'

const url = { 'connection.url': 'http://127.0.0.1:1' }

function faults(raw: Record<string, string>): readonly string[] {
  return parseConfig(elasticsearchConfig, { ...url, ...raw }).issues.map(({ key }) => key)
}

async function together(raw: Record<string, string>): Promise<readonly string[]> {
  const { config, issues } = parseConfig(elasticsearchConfig, { ...url, ...raw })
  assert.deepEqual(issues, [])
  return (await validateElasticsearch(config)).map(({ key }) => key)
}

test("the defaults are those of Confluent's sink", () => {
  const { config } = parseConfig(elasticsearchConfig, url)
  const keys = ['batch.size', 'linger.ms', 'max.in.flight.requests', 'max.buffered.records', 'max.retries', 'retry.backoff.ms'] as const
  assert.deepEqual(
    keys.map((key) => config[key]),
    [2000, 1, 5, 20_000, 5, 100],
  )
  assert.equal(config['behavior.on.null.values'], 'FAIL')
})

test('keys that make no sense alone are refused by name', () => {
  assert.deepEqual(faults({ 'connection.url': 'localhost:9200' }), ['connection.url'])
  assert.deepEqual(faults({ 'connection.url': 'http://u:p@localhost' }), ['connection.url'])
  assert.deepEqual(faults({ 'index.name.format': '${table}' }), ['index.name.format'])
  assert.deepEqual(faults({ 'index.name.format': '${timestamp:yyyy-WW}' }), ['index.name.format'])
  assert.deepEqual(faults({ 'topic.to.external.resource.mapping': 'orders' }), ['topic.to.external.resource.mapping'])
  assert.deepEqual(faults({ 'data.stream.dataset': 'a-b' }), ['data.stream.dataset'])
  assert.deepEqual(faults({ 'proxy.host': 'p' }), ['proxy.host'])
})

test('keys that exclude each other are refused before anything is connected to', async () => {
  assert.deepEqual(await together({ 'write.method': 'upsert', 'key.ignore': 'true' }), ['write.method'])
  assert.deepEqual(await together({ 'behavior.on.null.values': 'delete', 'key.ignore': 'true' }), ['behavior.on.null.values'])
  assert.deepEqual(await together({ 'write.method': 'upsert', 'external.version.header': 'v' }), ['external.version.header'])
  assert.deepEqual(await together({ 'data.stream.type': 'logs' }), ['data.stream.dataset'])
  assert.deepEqual(await together({ 'connection.username': 'u' }), ['connection.username'])
})

test('a server that is not there is said with its address', async () => {
  assert.deepEqual(await together({}), ['connection.url'])
})
