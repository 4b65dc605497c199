import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openApi } from '../../core/rest/openapi.ts'
import { fixture, type Fixture } from './fixture-server.ts'
import { golden } from './golden.ts'
import { faultsOf } from './json-schema.ts'

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OperationObject>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}
interface OperationObject {
  readonly operationId: string
  readonly requestBody?: { readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
type Content = Readonly<Record<'application/json', { readonly schema: object }>>

const document = openApi('0.1.0') as Document

test('every route is in the OpenAPI document, and every operation has a route', async () => {
  await using worker = await fixture()
  const routes = worker.server.routes.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`)
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual(operations.toSorted(), routes.toSorted())
})

test('operation ids are unique and every reference in the document leads somewhere', () => {
  const ids = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((operation) => operation.operationId))
  assert.equal(new Set(ids).size, ids.length)
  const targets = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, target]) => target!.split('/'))
  for (const target of targets) {
    assert.ok(
      target.reduce((place: unknown, step) => (place as Record<string, unknown>)?.[step], document),
      target.join('/'),
    )
  }
})

test('the document is served', async () => {
  await using worker = await fixture()
  const answer = await worker.server.app.inject({ method: 'GET', url: '/openapi.json' })
  assert.equal(answer.statusCode, 200)
  assert.deepEqual(answer.json(), document)
})

test('all answers of the golden table, and our own, are as the document says', async () => {
  const seen = new Set<string>()
  const letters = '/api/v1/connectors/c/dead-letters'
  for (const { exchanges } of golden) {
    await using worker = await fixture()
    for (const { at, send, headers } of exchanges) {
      const [method, url] = at.split(' ') as [string, string]
      const payload = send === undefined || typeof send === 'string' ? send : JSON.stringify(send)
      await check(worker, seen, method, url, payload, { ...(send !== undefined && { 'content-type': 'application/json' }), ...headers })
    }
    for (const url of [
      '/livez',
      '/readyz',
      '/api/v1/connectors',
      '/api/v1/connectors/c/progress',
      '/api/v1/worker',
      '/api/v1/plugins',
      '/openapi.json',
      `${letters}?limit=5&stage=task_put&after=2025-01-31`,
      letters,
    ]) {
      await check(worker, seen, 'GET', url)
    }
    const order = JSON.stringify({ filter: { topic: 't', after: 0 }, max: 5 })
    await check(worker, seen, 'POST', `${letters}/redrive`, order, { 'content-type': 'application/json' })
    await check(worker, seen, 'GET', `${letters}/redrive`)
    const sample = JSON.stringify({ config: { transforms: '' }, records: [{ topic: 't', value: { id: 1 } }] })
    await check(worker, seen, 'POST', '/api/v1/transforms/preview', sample, { 'content-type': 'application/json' })
    await check(worker, seen, 'PUT', '/api/v1/validate', '{"connector.class":"file","topci":"t"}', { 'content-type': 'application/json' })
    await check(worker, seen, 'POST', '/api/v1/plugins/refresh')
    await check(worker, seen, 'DELETE', '/api/v1/plugins/%40acme%2Fpoll/2.0.0')
    await check(worker, seen, 'DELETE', '/api/v1/plugins/%40acme%2Fpoll/2.0.0?force=true')
    worker.control.ready = false
    for (const url of ['/health', '/readyz']) await check(worker, seen, 'GET', url)
  }
  const all = Object.values(document.paths).flatMap((methods) => Object.values(methods).map((operation) => operation.operationId))
  assert.deepEqual([...seen].toSorted(), all.toSorted(), 'every operation was asked at least once with success')
})

async function check(
  worker: Fixture,
  seen: Set<string>,
  method: string,
  url: string,
  payload?: string,
  headers: object = {},
): Promise<void> {
  const answer = await worker.server.app.inject({ method: method as 'GET', url, payload, headers: { ...headers } })
  const operation = find(method === 'HEAD' ? 'GET' : method, url)
  if (!operation) {
    assert.ok(answer.statusCode === 404 || answer.statusCode === 405 || answer.statusCode === 400, `${method} ${url}`)
    return
  }
  const response = operation.responses[answer.statusCode] ?? (answer.statusCode >= 400 ? operation.responses['default'] : undefined)
  assert.ok(response, `${method} ${url} answered ${answer.statusCode}, which the document does not have`)
  if (answer.statusCode < 400) seen.add(operation.operationId)
  if (method === 'HEAD') return
  if (!response.content) {
    assert.equal(answer.body, '', `${method} ${url}`)
    return
  }
  const faults = faultsOf(answer.json(), response.content['application/json'].schema, document.components.schemas)
  assert.deepEqual(faults, [], `${method} ${url} ${answer.body.slice(0, 300)}`)
}

function find(method: string, url: string): OperationObject | undefined {
  const path = url.split('?', 1)[0]!.replace(/(?<=.)\/$/, '')
  const fitting = Object.entries(document.paths).find(([pattern]) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  return fitting?.[1][method.toLowerCase()]
}
