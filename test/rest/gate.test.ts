import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '../../core/index.ts'
import { createGate } from '../../core/rest/gate.ts'
import { responseHeaders } from '../../core/rest/response-headers.ts'
import { defaultRestSettings, type RestSettings } from '../../core/rest/settings.ts'
import { versionInRange } from '../../core/runtime/version-range.ts'
import { fixture } from './fixture-server.ts'

function passes(settings: Partial<RestSettings>, headers: Record<string, string>): boolean {
  try {
    createGate({ ...defaultRestSettings, ...settings }).check(headers)
    return true
  } catch {
    return false
  }
}

test('a request may name this machine, and no foreign host', () => {
  for (const host of ['localhost:8083', 'LOCALHOST', '127.0.0.1:8083', '[::1]:8083', 'localhost.:8083']) {
    assert.ok(passes({}, { host }), host)
  }
  for (const host of [
    'evil.com',
    'evil.com:8083',
    '127.0.0.1.evil.com',
    'localhost.evil.com',
    '',
    '169.254.169.254',
    '[::ffff:a9fe:a9fe]',
  ]) {
    assert.ok(!passes({}, { host }), host)
  }
  assert.ok(passes({}, {}), 'no Host header: no browser')
})

test('a listener on every interface takes all addresses and its own name, and further names are settings', () => {
  const everywhere = { listeners: ['http://:8083'] }
  assert.ok(passes(everywhere, { host: '10.1.2.3:8083' }))
  assert.ok(passes(everywhere, { host: '[fe80::1]:8083' }))
  assert.ok(!passes(everywhere, { host: 'evil.com:8083' }))
  assert.ok(passes({ listeners: ['http://connect.example:8083'] }, { host: 'connect.example:8083' }))
  assert.ok(passes({ allowedHosts: ['Connect'] }, { host: 'connect:8083' }))
  assert.ok(passes({ allowedHosts: ['*'] }, { host: 'anything' }))
  assert.ok(passes({ advertisedHost: 'worker-1' }, { host: 'worker-1:8083' }))
})

test("another site's page cannot call, whatever it sends", () => {
  const host = 'localhost:8083'
  assert.ok(passes({}, { host, origin: 'http://localhost:8083' }))
  assert.ok(passes({}, { host, 'sec-fetch-site': 'same-origin' }))
  assert.ok(passes({}, { host, 'sec-fetch-site': 'none' }))
  assert.ok(!passes({}, { host, origin: 'http://evil.com' }))
  assert.ok(!passes({}, { host, origin: 'null' }))
  assert.ok(!passes({}, { host, origin: 'http://localhost:9999' }), 'another port is another site')
  assert.ok(!passes({}, { host, 'sec-fetch-site': 'cross-site' }))
  assert.ok(!passes({}, { host, 'sec-fetch-site': 'same-site' }))
})

test('CORS opens the API to the origins that it names', () => {
  const ui = { allowedOrigins: 'https://ui.example, https://*.ops.example' }
  const headers = { host: 'localhost', origin: 'https://ui.example', 'sec-fetch-site': 'cross-site' }
  assert.ok(passes(ui, headers))
  assert.ok(passes(ui, { ...headers, origin: 'https://a.ops.example' }))
  assert.ok(!passes(ui, { ...headers, origin: 'https://ops.example' }))
  assert.ok(!passes(ui, { ...headers, origin: 'https://ui.example.evil.com' }))
  assert.ok(passes({ allowedOrigins: '*' }, { ...headers, origin: 'https://any' }))
  assert.ok(!passes({ allowedOrigins: '*' }, { host: 'evil.com' }), 'CORS opens no door to foreign host names')
  const preflight = createGate({ ...defaultRestSettings, ...ui, allowedMethods: 'GET,PUT' }).corsHeaders(headers, true)
  assert.equal(preflight['access-control-allow-origin'], 'https://ui.example')
  assert.equal(preflight['access-control-allow-methods'], 'GET,PUT')
  assert.deepEqual(createGate(defaultRestSettings).corsHeaders(headers, true), {})
})

test('a preflight from an unknown origin is refused, from a known one answered', async () => {
  await using worker = await fixture({ settings: { allowedOrigins: 'https://ui.example' } })
  const preflight = (origin: string) =>
    worker.server.app.inject({ method: 'OPTIONS', url: '/connectors', headers: { origin, 'access-control-request-method': 'POST' } })
  const known = await preflight('https://ui.example')
  assert.equal(known.statusCode, 200)
  assert.equal(known.headers['access-control-allow-origin'], 'https://ui.example')
  const unknown = await preflight('https://evil.example')
  assert.equal(unknown.statusCode, 403)
  assert.equal(unknown.headers['access-control-allow-origin'], undefined)
})

test('response.http.headers.config puts headers on every answer', async () => {
  const config = 'add Cache-Control: no-cache, set X-Frame-Options:DENY,"set X-List: a, b", setDate Expires: 60000'
  await using worker = await fixture({ settings: { responseHeaders: config } })
  for (const url of ['/connectors', '/nope']) {
    const { headers } = await worker.server.app.inject({ method: 'GET', url })
    assert.equal(headers['cache-control'], 'no-cache')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['x-list'], 'a, b')
    assert.ok(Date.parse(String(headers['expires'])) > Date.now() + 50_000)
  }
  for (const wrong of ['set', 'put X-A: b', 'set X A B', 'setDate Expires: soon', 'set X-A: a\u0000b', 'set Ä: b']) {
    assert.throws(() => responseHeaders(wrong), ConfigError, wrong)
  }
})

test('Maven version ranges', () => {
  const cases: readonly [string, boolean | undefined][] = [
    ['[1.0,2.0)', true],
    ['[1.5.0]', true],
    ['1.5.0', true],
    ['1.5.1', false],
    ['(1.5.0,)', false],
    ['[1.5.0,)', true],
    ['(,1.5)', false],
    ['(,1.5]', true],
    ['[1,1.2],[1.4,1.6]', true],
    ['[2,1]', undefined],
    ['[1.0', undefined],
    ['(1.5)', undefined],
    ['', undefined],
  ]
  for (const [range, inside] of cases) assert.equal(versionInRange('1.5.0', range), inside, range)
})
