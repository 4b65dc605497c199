import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { setTimeout as sleep } from 'node:timers/promises'
import { fixture, type Fixture } from './fixture-server.ts'

const config = { 'connector.class': 'FileStreamSource', topic: 't' }

/** Sends bytes as they are, and collects what comes back until the other side ends or `ms` are over. */
async function raw(url: string, chunks: readonly (string | Buffer)[], ms = 2_000): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  const ended = new Promise<void>((resolve) => {
    socket.on('data', (bytes) => (answer += bytes.toString('latin1')))
    socket.on('error', () => resolve()) // The server may cut a connection that abuses it.
    socket.on('close', () => resolve())
  })
  for (const chunk of chunks) socket.write(chunk)
  await Promise.race([ended, sleep(ms, undefined, { ref: false })])
  socket.destroy()
  return answer
}

function request(line: string, headers: readonly string[] = [], body = ''): string {
  return [line, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n')
}

/** Status and body of the first answer; the body must have Connect's shape. */
function refusedWith(answer: string): number {
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
  const body = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as { readonly error_code: number }
  assert.equal(body.error_code, status)
  return status
}

async function alive(worker: Fixture, url: string): Promise<void> {
  assert.equal((await fetch(`${url}/health`)).status, 200)
  assert.deepEqual(
    worker.logged.filter((line) => line.startsWith('error')),
    [],
  )
}

test('bytes that are no HTTP are refused and the worker lives on', async () => {
  await using worker = await fixture()
  const url = (await worker.server.listen())[0]!
  const bodyOf = (length: number) => [`Content-Type: application/json`, `Content-Length: ${length}`]
  const cases: readonly [string, number][] = [
    [request('GET /connectors/%E0%A4%A HTTP/1.1'), 400],
    [request('GET /connectors/%zz/status HTTP/1.1'), 400],
    [request('GET /connectors HTTP/1.1', [`X-Long: ${'x'.repeat(64 * 1024)}`]), 431],
    [request(`GET /connectors/${'x'.repeat(64 * 1024)} HTTP/1.1`), 431],
    [request('POST /connectors HTTP/1.1', ['Content-Length: 4', 'Transfer-Encoding: chunked'], '0\r\n\r\n'), 400],
    [request('POST /connectors HTTP/1.1', ['Content-Length: 4', 'Content-Length: 5'], 'abcd'), 400],
    [request('POST /connectors HTTP/1.1', ['Content-Length: -1'], 'abcd'), 400],
    [request('POST /connectors HTTP/1.1', ['Transfer-Encoding: chunked', 'Content-Type: application/json'], 'zz\r\n'), 400],
    [request('POST /connectors HTTP/1.1', ['Expect: magic', ...bodyOf(2)], '{}'), 417],
    [request('GET /connectors HTTP/1.1', ['Bad Header: x']), 400],
    ['\u0000\u0001\u0002garbage\r\n\r\n', 400],
    ['GET /connectors HTTP/9.9\r\nHost: localhost\r\n\r\n', 400],
    ['GET /connectors HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    [request('GET /connectors HTTP/1.1').replace('Host: localhost', 'Host: evil.com'), 403],
    [request('POST /connectors HTTP/1.1', ['Content-Type: application/json', 'Content-Length: 1048577'], 'x'.repeat(1_048_577)), 413],
    [request('PROPFIND /connectors HTTP/1.1'), 405],
    [request('GET http://evil.com/connectors HTTP/1.1'), 403],
    [request('GET /connectors/.. HTTP/1.1'), 404],
    [request('GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1'), 404],
    [request('GET //connectors HTTP/1.1'), 404],
    [request('GET /connectors/c%00/nope HTTP/1.1'), 404],
    [request('GET /connector-plugins/..%2f..%2fetc%2fpasswd/config HTTP/1.1'), 404],
  ]
  for (const [bytes, status] of cases) {
    const answer = await raw(url, [bytes])
    assert.match(answer, /\}$/, bytes.slice(0, 100))
    assert.equal(refusedWith(answer), status, bytes.slice(0, 100))
  }
  await alive(worker, url)
})

test('a body beyond the limit is refused without a length, too, and an endless one is cut', async () => {
  await using worker = await fixture()
  const url = (await worker.server.listen())[0]!
  const head = request('POST /connectors HTTP/1.1', ['Content-Type: application/json', 'Transfer-Encoding: chunked'])
  const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
  const answer = await raw(url, [head, ...Array.from({ length: 20 }, () => chunk)])
  assert.equal(refusedWith(answer), 413)
  await alive(worker, url)
})

test('a body that comes too slowly is cut after the request time-out', async () => {
  await using worker = await fixture({ settings: { requestTimeoutMs: 400 } })
  const url = (await worker.server.listen())[0]!
  const answer = await raw(
    url,
    [request('POST /connectors HTTP/1.1', ['Content-Type: application/json', 'Content-Length: 100'], '{')],
    5_000,
  )
  assert.equal(refusedWith(answer), 408)
  const headers = await raw(url, ['GET /connectors HTTP/1.1\r\nHost: local'], 5_000)
  assert.equal(refusedWith(headers), 408)
  await alive(worker, url)
})

test('connections beyond the limit are closed, those within it are served', async () => {
  await using worker = await fixture({ settings: { connectionsMax: 20 } })
  const url = (await worker.server.listen())[0]!
  const { hostname, port } = new URL(url)
  const sockets = Array.from({ length: 100 }, () => connect(Number(port), hostname).on('error', () => {}))
  const open = () => sockets.filter((socket) => !socket.destroyed && socket.readyState === 'open').length
  // Each is known to be either served or closed once it was told apart; a slow machine takes its time.
  for (let waited = 0; waited < 10_000 && (open() > 20 || sockets.some((socket) => socket.connecting)); waited += 50) await sleep(50)
  assert.ok(open() <= 20, `${open()} connections stayed open`)
  for (const socket of sockets) socket.destroy()
  await sleep(100)
  await alive(worker, url)
})

test('deep, wide and prototype-reaching bodies are refused', async () => {
  await using worker = await fixture()
  const before = Reflect.ownKeys(Object.prototype)
  const send = async (payload: string | Buffer) => {
    const answer = await worker.server.app.inject({
      method: 'POST',
      url: '/connectors',
      headers: { 'content-type': 'application/json' },
      payload,
    })
    return answer.statusCode
  }
  const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, key) => [`k${key}`, ''])))
  const bodies: readonly (string | Buffer)[] = [
    '['.repeat(20_000),
    `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
    `{"name":"c","config":${wide}}`,
    `[${'0,'.repeat(400_000)}0]`,
    '{"name":"c","config":{"__proto__":"x","connector.class":"FileStreamSource"}}',
    '{"name":"c","config":{"\\u005f_proto__":{"polluted":true}}}',
    '{"name":"c","config":{"constructor":{"prototype":{"polluted":true}}}}',
    '{"__proto__":{"polluted":true}}',
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d]),
    '{"name":"c","config":{"a":NaN}}',
    "{'name':'c'}",
    '{"name":"c",}',
    '\u0000',
    ' ',
  ]
  for (const body of bodies) assert.equal(await send(body), 400, String(body).slice(0, 80))
  assert.deepEqual(Reflect.ownKeys(Object.prototype), before)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  assert.equal(await send(JSON.stringify({ name: 'c', config: { ...config, constructor: 'x', toString: 'y' } })), 201)
})

test('a listener refuses what it cannot be, and says when it is reachable from elsewhere', async () => {
  for (const listener of ['8083', 'ftp://x:1', 'http://x', 'http://x:99999', 'http://x:1/path', '']) {
    await assert.rejects(fixture({ settings: { listeners: [listener] } }), /configuration listeners/, listener)
  }
  await using worker = await fixture({ settings: { listeners: ['http://127.0.0.1:0', 'http://0.0.0.0:0'] } })
  const urls = await worker.server.listen()
  assert.equal(urls.length, 2)
  for (const url of urls) assert.equal((await fetch(`${url}/health`)).status, 200)
  assert.deepEqual(worker.logged, ['warn The REST API has no authentication and listens on an address that other machines can reach'])
  await using other = await fixture({ settings: { listeners: [urls[0]!] } })
  await assert.rejects(other.server.listen(), /the port is in use by another program/)
})

test('no admin endpoints where admin.listeners is empty, no topics where tracking is off', async () => {
  await using worker = await fixture({ settings: { admin: false, topicTracking: false } })
  const status = async (method: 'GET' | 'PUT', url: string) => (await worker.server.app.inject({ method, url })).statusCode
  assert.equal(await status('GET', '/admin/loggers'), 404)
  assert.equal(await status('GET', '/connectors/c/topics'), 403)
  assert.equal(await status('PUT', '/connectors/c/topics/reset'), 403)
  await using strict = await fixture({ settings: { topicReset: false } })
  assert.equal((await strict.server.app.inject({ method: 'PUT', url: '/connectors/c/topics/reset' })).statusCode, 403)
  assert.equal((await strict.server.app.inject({ method: 'GET', url: '/connectors/c/topics' })).statusCode, 200)
})

test('two creations of one name at once: one is made, the other conflicts', async () => {
  await using worker = await fixture()
  const create = () => worker.server.app.inject({ method: 'POST', url: '/connectors', payload: { name: 'c', config } })
  const statuses = (await Promise.all([create(), create(), create()])).map((answer) => answer.statusCode)
  assert.deepEqual(statuses.toSorted(), [201, 409, 409])
})

test('a bug behind an endpoint is a 500 that keeps its text in the log', async () => {
  await using worker = await fixture()
  worker.control.connectors = () => {
    throw new Error('password=hunter2')
  }
  const answer = await worker.server.app.inject({ method: 'GET', url: '/connectors' })
  assert.equal(answer.statusCode, 500)
  assert.doesNotMatch(answer.body, /hunter2/)
  assert.match(worker.logged.join('\n'), /A request failed.*hunter2/)
})

test('a call that gets no answer in time is told so, and the worker goes on', async () => {
  await using worker = await fixture({ settings: { answerTimeoutMs: 30 } })
  await worker.server.app.inject({ method: 'POST', url: '/connectors', payload: { name: 'c', config } })
  worker.control.stop = () => new Promise(() => {})
  const answer = await worker.server.app.inject({ method: 'PUT', url: '/connectors/c/stop' })
  assert.equal(answer.statusCode, 503)
  assert.match(answer.body, /Request timed out/)
  assert.equal((await worker.server.app.inject('/health')).statusCode, 200)
})

test('a compressed body is refused: there is no bomb to unpack', async () => {
  await using worker = await fixture()
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const answer = await worker.server.app.inject({ method: 'POST', url: '/connectors', headers, payload: gzipSync(Buffer.alloc(100_000)) })
  assert.equal(answer.statusCode, 415)
})
