import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { readFileSync } from 'node:fs'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandFor, runCommand } from './command.ts'

/** Something that listens on a free port until the end of the test. */
async function listening(server: Server): Promise<{ readonly url: string; readonly server: Server } & AsyncDisposable> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    server,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections?.()
      await new Promise((done) => server.close(done))
    },
  }
}

const answering = (listener: RequestListener) => listening(createServer(listener))

/** One line on standard error, nothing of a trace, nothing that steers the terminal. */
function assertOneLine(err: string): void {
  assert.match(err, /^millrace: [^\n]+\n$/)
  assert.doesNotMatch(err, /\s+at |node:internal/)
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  assert.doesNotMatch(err, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
}

const page = '<html><title>Welcome to nginx!</title></html>'
const javaTrace = 'java.lang.NullPointerException: null\n\tat org.apache.Foo.bar(Foo.java:1)\n\tat org.apache.Foo.baz(Foo.java:2)\n'

const answers: readonly { readonly what: string; readonly reply: RequestListener; readonly code: number; readonly says: RegExp }[] = [
  { what: 'a web page', reply: (_, to) => to.setHeader('content-type', 'text/html').end(page), code: 3, says: /does not answer as a worker does: GET \/connectors\S* answered 200 with text\/html in place of JSON/ }, // prettier-ignore
  { what: 'nothing at all', reply: (_, to) => to.end(), code: 3, says: /does not answer GET \/connectors\S* as a worker does/ },
  { what: 'null', reply: (_, to) => to.end('null'), code: 3, says: /does not answer GET \/connectors\S* as a worker does/ },
  { what: 'another shape', reply: (_, to) => to.end('["a"]'), code: 3, says: /does not answer GET \/connectors\S* as a worker does/ },
  { what: 'half an answer', reply: (_, to) => void to.writeHead(200, { 'content-length': 100 }).write('{"a', () => to.destroy()), code: 3, says: /cut the connection|aborted/ }, // prettier-ignore
  { what: 'a trace', reply: (_, to) => to.writeHead(500).end(JSON.stringify({ error_code: 500, message: javaTrace })), code: 1, says: /with 500 Internal Server Error: java\.lang\.NullPointerException: null\n$/ }, // prettier-ignore
  { what: 'a bare trace', reply: (_, to) => to.writeHead(500).end(javaTrace), code: 1, says: /with 500 Internal Server Error, without a worker's message/ }, // prettier-ignore
  { what: 'a gateway', reply: (_, to) => to.writeHead(502).end(page), code: 3, says: /with 502 Bad Gateway/ },
  { what: 'a redirect', reply: (_, to) => to.writeHead(302, { location: 'http://elsewhere/login' }).end(), code: 3, says: /with 302 Found, pointing to http:\/\/elsewhere\/login: name the worker itself/ }, // prettier-ignore
  { what: 'a login', reply: (_, to) => to.writeHead(401).end(), code: 1, says: /with 401 Unauthorized: give a user/ },
  { what: 'what steers a terminal', reply: (_, to) => to.writeHead(404).end(JSON.stringify({ message: 'x\u001b[2J\u009b\u202ey' })), code: 1, says: /x\\u001b\[2J\\u009b\\u202ey/ }, // prettier-ignore
]
for (const { what, reply, code, says } of answers) {
  test(`a server that answers ${what} costs one clear line`, async () => {
    await using place = await answering(reply)
    const outcome = await commandFor(place.url)('status')
    assert.deepEqual([outcome.code, outcome.out], [code, ''], outcome.err)
    assertOneLine(outcome.err)
    assert.match(outcome.err, says)
  })
}

test('names, states and traces of a hostile worker steer no terminal and crash nothing', async () => {
  const evil = 'a\u001b[2Jb\n\u202e'
  const entries = { [evil]: { status: { connector: { state: evil, trace: evil }, tasks: [{ id: {}, state: 7, trace: [evil] }, null] } }, none: null, odd: { info: [], status: 3 } } // prettier-ignore
  await using place = await answering((request, to) => to.end(request.url!.includes('/status') ? 'true' : JSON.stringify(entries)))
  const { code, out, err } = await commandFor(place.url)('status')
  assert.deepEqual([code, err], [0, ''])
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  assert.doesNotMatch(out, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  assert.equal((await commandFor(place.url)('status', 'x')).code, 3)
  for (const verb of [['top', '--once'], ['describe', 'x'], ['offsets', 'x'], ['plugins'], ['loggers'], ['get', 'topics', 'x']]) {
    const outcome = await commandFor(place.url)(...verb)
    assert.doesNotMatch(outcome.err, /TypeError|\s+at /, verb.join(' '))
  }
})

test('an answer without end, and one that never comes, end with a line in time', async () => {
  await using slow = await answering(() => {})
  const silent = await commandFor(slow.url)('status', '--timeout', '200ms')
  assert.deepEqual([silent.code, silent.err], [3, `millrace: ${slow.url} did not answer within 0.2 s: is it a worker, and is it well? --timeout allows more\n`]) // prettier-ignore
  await using endless = await answering((_, to) => {
    const chunk = Buffer.alloc(2 ** 20, 0x20)
    const more = () => {
      while (!to.destroyed && to.write(chunk));
    }
    to.on('drain', more)
    more()
  })
  const big = await commandFor(endless.url)('status')
  assert.equal(big.code, 3)
  assert.match(big.err, /is no worker: its answer has no end \(more than 64 MB\)\n$/)
})

test('where nothing listens, or something else does, the address is named without its password', async () => {
  const none = await commandFor('http://me:geheim@127.0.0.1:1')('status')
  assert.deepEqual(none, { code: 3, out: '', err: 'millrace: No worker answers at http://127.0.0.1:1: start one with "millrace worker", or name another with --url\n' }) // prettier-ignore
  await using socket = await listening(
    createSocketServer((one) =>
      one
        .on('error', () => {})
        .resume()
        .end('SSH-2.0-OpenSSH_9.2\r\n'),
    ) as unknown as Server,
  )
  const ssh = await commandFor(socket.url)('status')
  assert.deepEqual([ssh.code, ssh.err.includes('does not speak HTTP')], [3, true], ssh.err)
  for (const wrong of ['ftp://me:geheim@host', 'http://', 'http://a b']) {
    const outcome = await commandFor(wrong)('status')
    assert.equal(outcome.code, 2)
    assertOneLine(outcome.err)
    assert.doesNotMatch(outcome.err, /geheim/)
  }
  const named = await commandFor('')('status', '--url', 'http://nowhere.invalid:8083')
  assert.equal(named.code, 3)
  assertOneLine(named.err)
})

test('TLS is checked: an unknown certificate is refused with the way out, one of a named CA is taken', async () => {
  const certificate = join(import.meta.dirname, '../rest/localhost.pem')
  const pem = readFileSync(certificate)
  const tls = createTlsServer({ key: pem, cert: pem }, (_, to) => to.end('["one"]')) as unknown as Server
  await using place = await listening(tls)
  const url = place.url.replace('http://127.0.0.1', 'https://localhost')
  const refused = await runCommand(['list', '--url', url])
  assert.equal(refused.code, 3)
  assert.match(
    refused.err,
    /The certificate of https:\/\/localhost:\d+ is not trusted \(\w+\): name its CA's file in NODE_EXTRA_CA_CERTS\n$/,
  )
  const trusted = await runCommand(['list', '--url', url], { env: { NODE_EXTRA_CA_CERTS: certificate } })
  assert.deepEqual(trusted, { code: 0, out: 'one\n', err: '' })
  const plainText = await commandFor(place.url)('list')
  assert.equal(plainText.code, 3)
  assertOneLine(plainText.err)
  await using clear = await answering((_, to) => to.end('[]'))
  const noTls = await commandFor(clear.url.replace('http:', 'https:'))('list')
  assert.deepEqual([noTls.code, noTls.err.includes('does not speak TLS')], [3, true], noTls.err)
})

test('users, paths, several workers and rebalances: the request that arrives is the right one', async () => {
  const seen: IncomingMessage[] = []
  let refusals = 1
  await using place = await answering((request, to) => {
    seen.push(request)
    if (refusals-- > 0) to.writeHead(409).end('{"error_code":409,"message":"Request cannot be completed because a rebalance is expected"}')
    else to.end('["one"]')
  })
  const host = place.url.replace('http://', '')
  const outcome = await commandFor('')('list', '--url', 'http://127.0.0.1:1', '--url', `http://us%3Aer:p%40ss@${host}/kafka/connect/`)
  assert.deepEqual(outcome, { code: 0, out: 'one\n', err: '' })
  assert.deepEqual(
    seen.map(({ method, url, headers }) => [method, url, headers.authorization]),
    [1, 2].map(() => ['GET', '/kafka/connect/connectors', `Basic ${Buffer.from('us:er:p@ss').toString('base64')}`]),
  )
  await commandFor(`http://127.0.0.1:1, ${host}`, { MILLRACE_USER: 'ann', MILLRACE_PASSWORD: 'x' })('pause', 'a/b', '..', 'ü?#%')
  assert.deepEqual(
    seen.slice(2).map(({ method, url, headers }) => [method, url, headers.authorization]),
    ['a%2Fb', '%2E%2E', '%C3%BC%3F%23%25'].map((name) => [
      'PUT',
      `/connectors/${name}/pause`,
      `Basic ${Buffer.from('ann:x').toString('base64')}`,
    ]),
  )
})

test('a description hides what the plugins of both ends define as passwords, and what is called like one', async () => {
  const config = { 'connector.class': 'c', 'sink.class': 's', pin: '1234', code: '5678', 'sink.code': '4321', 'my.token': 'abcd' }
  const passwords = (name: string) => [
    { name, type: 'PASSWORD' },
    { name: 'other', type: 'STRING' },
  ]
  const pages: Readonly<Record<string, unknown>> = {
    '/connectors/x': { name: 'x', config },
    '/connectors/x/status': { connector: { state: 'RUNNING' }, tasks: [] },
    '/connector-plugins/c/config': passwords('pin'),
    '/connector-plugins/s/config': passwords('code'),
  }
  await using place = await answering(({ url = '' }, to) => to.writeHead(pages[url] ? 200 : 404).end(JSON.stringify(pages[url] ?? {})))
  const { out, err, code } = await commandFor(place.url)('describe', 'x', '--output', 'json')
  assert.deepEqual([code, err], [0, ''])
  const hidden = { pin: '[hidden]', 'sink.code': '[hidden]', 'my.token': '[hidden]' }
  assert.deepEqual((JSON.parse(out) as { config: object }).config, { ...config, ...hidden })
})

test('a reader that has seen enough ends the command quietly', async () => {
  const many = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, at) => [`connector-${at}`, { status: { connector: { state: 'RUNNING' } } }]),
  )
  await using place = await answering((_, to) => to.end(JSON.stringify(many)))
  const { spawn } = await import('node:child_process')
  const root = join(import.meta.dirname, '../..')
  const shell = spawn('bash', ['-c', `"${process.execPath}" cli/main.ts status | head -1; echo "\${PIPESTATUS[0]}"`], {
    cwd: root,
    env: { ...process.env, MILLRACE_URL: place.url, NODE_NO_WARNINGS: '1' },
  })
  let [out, err] = ['', '']
  shell.stdout.on('data', (text: Buffer) => (out += text.toString()))
  shell.stderr.on('data', (text: Buffer) => (err += text.toString()))
  await once(shell, 'close')
  assert.deepEqual([out.split('\n')[0]!.startsWith('NAME'), out.trimEnd().split('\n').at(-1), err], [true, '0', ''])
})
