import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { after, before, test } from 'node:test'
import { registrySkip, startRegistry, type TestRegistry } from './registry.ts'

const skip = registrySkip()
let registry: TestRegistry
before(async () => {
  if (skip === false) registry = await startRegistry()
})
after(() => registry?.stop())

test('a registry keeps Avro, JSON and Protobuf schemas and refuses an incompatible one', { skip }, async () => {
  const avro = (fields: object[]) => ({ schema: JSON.stringify({ type: 'record', name: 'A', fields }) })
  const first = (await registry.call('POST', '/subjects/a-value/versions', avro([{ name: 'x', type: 'int' }]))) as { id: number }
  const again = (await registry.call('POST', '/subjects/a-value/versions', avro([{ name: 'x', type: 'int' }]))) as { id: number }
  assert.equal(again.id, first.id)
  const narrower = avro([{ name: 'x', type: 'int' }, { name: 'y', type: 'string' }]) // prettier-ignore
  await assert.rejects(registry.call('POST', '/subjects/a-value/versions', narrower), /with 409/)
  await registry.call('POST', '/subjects/p-value/versions', {
    schemaType: 'PROTOBUF',
    schema: 'syntax = "proto3"; message M { int32 x = 1; }',
  })
  await registry.call('POST', '/subjects/j-value/versions', {
    schemaType: 'JSON',
    schema: '{"type":"object","properties":{"x":{"type":"integer"}}}',
  })
  await assert.rejects(registry.call('GET', '/schemas/ids/99999'), /40403/)
})

test('a front asks for a password, speaks TLS, makes faults and counts', { skip }, async () => {
  await using guarded = await registry.front({ user: 'u', password: 'p', instead: ({ count }) => (count === 2 ? 503 : undefined) })
  const ask = (password: string) =>
    fetch(`${guarded.url}/subjects`, { headers: { authorization: `Basic ${Buffer.from(`u:${password}`).toString('base64')}` } })
  assert.deepEqual([(await ask('wrong')).status, (await ask('p')).status, (await ask('p')).status], [401, 503, 200])
  assert.deepEqual(guarded.requests, ['GET /subjects', 'GET /subjects', 'GET /subjects'])

  await using mutual = await registry.front({ tls: 'mutual' })
  const { caFile, clientKeyFile, clientCertificateFile } = mutual.certificates
  const ca = readFileSync(caFile)
  const secured = request(`${mutual.url}/subjects`, {
    ca,
    key: readFileSync(clientKeyFile),
    cert: readFileSync(clientCertificateFile),
  }).end()
  const [answer] = (await once(secured, 'response')) as [IncomingMessage]
  answer.resume()
  assert.equal(answer.statusCode, 200)
  await assert.rejects(once(request(`${mutual.url}/subjects`, { ca }).end(), 'response'))
})
