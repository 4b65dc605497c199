import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { builtinPlugins } from '../../config/plugins.ts'
import { openApi } from '../../core/rest/openapi.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { validateConnector } from '../../core/runtime/validation.ts'
import { fixture } from './fixture-server.ts'
import { faultsOf } from './json-schema.ts'

const registry = new Registry(builtinPlugins)
const { components } = openApi('0') as { readonly components: { readonly schemas: Readonly<Record<string, object>> } }
const ask = async () => []

test('the settings of every built-in plugin can be listed and validated, each key with its documentation', async () => {
  await using worker = await fixture({ registry, parts: { ask } })
  const { app } = worker.server
  for (const { class: name, type } of registry.entries()) {
    const listed = await app.inject(`/connector-plugins/${encodeURIComponent(name)}/config`)
    assert.equal(listed.statusCode, 200, name)
    const keys = listed.json<{ name: string; documentation: string }[]>()
    assert.deepEqual(faultsOf(keys, { $ref: '#/components/schemas/ConfigKeys' }, components.schemas), [], name)
    assert.equal(new Set(keys.map((key) => key.name)).size, keys.length, name)
    for (const key of keys) assert.notEqual(key.documentation, '', `${name}: ${key.name}`)
    if (type !== 'source' && type !== 'sink') continue
    const url = `/connector-plugins/${encodeURIComponent(name)}/config/validate`
    const validated = await app.inject({ method: 'PUT', url, payload: { 'connector.class': name, topics: 'topic1' } })
    assert.equal(validated.statusCode, 200, `${name}: ${validated.body}`)
    assert.deepEqual(faultsOf(validated.json(), { $ref: '#/components/schemas/ConfigInfos' }, components.schemas), [], name)
  }
})

test('the example configs pass, and every key in them is read by something', async () => {
  const folder = join(import.meta.dirname, '../../config/examples')
  const examples = readdirSync(folder).filter((file) => file.endsWith('.json') && !file.startsWith('worker'))
  assert.ok(examples.length >= 2)
  const clients = { 'bootstrap.servers': '127.0.0.1:9092' }
  for (const file of examples) {
    const { name, config } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { name: string; config: Record<string, string> }
    const { issues, warnings } = await validateConnector({ ...config, name }, { registry, ask, clients })
    assert.deepEqual({ file, issues, warnings }, { file, issues: [], warnings: [] })
  }
})
