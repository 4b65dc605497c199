import assert from 'node:assert/strict'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { type ConnectRecord, RetriableError, type SinkTask, parseConfig, record } from '../../../core/index.ts'
import { addressFault, hostFault } from '../../../connectors/http/addresses.ts'
import { retryAfter } from '../../../connectors/http/answers.ts'
import { httpConfig, httpIssues } from '../../../connectors/http/config.ts'
import http from '../../../connectors/http/index.ts'
import { sinkOf, taskContext } from '../../../testing/index.ts'

const kill = new AbortController().signal

interface Seen {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A server that remembers what it gets, and answers as it is told. */
class Target implements AsyncDisposable {
  readonly seen: Seen[] = []
  answer: (seen: Seen, response: ServerResponse) => void = (_, response) => void response.writeHead(200).end()
  open = 0
  openMost = 0
  readonly #server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      const one = { method: request.method!, url: request.url!, headers: request.headers, body }
      this.seen.push(one)
      this.openMost = Math.max(this.openMost, ++this.open)
      response.on('close', () => this.open--)
      this.answer(one, response)
    })
  })

  static async start(): Promise<Target> {
    const target = new Target()
    await new Promise<void>((resolve) => target.#server.listen(0, '127.0.0.1', resolve))
    return target
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

async function open(url: string, more: Readonly<Record<string, string>> = {}, rejected?: [ConnectRecord, string][]): Promise<SinkTask> {
  const context = rejected
    ? taskContext({ reject: (one, error) => Promise.resolve(void rejected.push([one, error.message])) })
    : taskContext()
  return await sinkOf(http, 'http', { 'http.api.url': url, ...more }, context)
}

function row(id: number, extras: object = {}): ConnectRecord {
  return record('t', { id, name: `n"${id}` }, extras)
}

test('each record is a request with its value as JSON', async () => {
  await using target = await Target.start()
  await using sink = await open(`${target.url}/in`)
  await sink.put([row(1), row(2)], kill)
  assert.deepEqual(
    target.seen.map(({ method, url, body }) => [method, url, body]),
    [
      ['POST', '/in', '{"id":1,"name":"n\\"1"}'],
      ['POST', '/in', '{"id":2,"name":"n\\"2"}'],
    ],
  )
  assert.equal(target.seen[0]!.headers['content-type'], 'application/json')
})

test('URL, headers and body come from templates, and nothing in a record can leave its place', async () => {
  await using target = await Target.start()
  await using sink = await open(`${target.url}/\${topic}/\${key.id}?n=\${value.name}`, {
    'request.method': 'PUT',
    headers: 'X-Topic: to ${topic}|X-Trace: ${header.trace}',
    'request.body': '{"id": ${value.id}, "name": ${value.name}, "all": ${value}, "none": ${value.missing}}',
  })
  const value = {
    id: 12345678901234567890n,
    name: 'a/../b?c&d=1"\n',
    price: { unscaled: 1250n, scale: 2 },
    at: new Map([['k', Buffer.from('hi')]]),
  }
  await sink.put([record('t', value, { key: { id: 'x/y' }, headers: [{ key: 'trace', value: 'abc', schema: null }] })], kill)
  const [seen] = target.seen
  assert.equal(seen!.url, '/t/x%2Fy?n=a%2F..%2Fb%3Fc%26d%3D1%22%0A')
  assert.equal(seen!.headers['x-topic'], 'to t')
  assert.equal(seen!.headers['x-trace'], 'abc')
  assert.equal(
    seen!.body,
    '{"id": 12345678901234567890, "name": "a/../b?c&d=1\\"\\n", "all": {"id":12345678901234567890,"name":"a/../b?c&d=1\\"\\n","price":12.50,"at":{"k":"aGk="}}, "none": null}',
  )
})

test('a record that would break a header or step up in the URL is rejected, the others go', async () => {
  await using target = await Target.start()
  const rejected: [ConnectRecord, string][] = []
  await using sink = await open(`${target.url}/a/.\${value.dot}/\${value.id}`, { headers: 'X-Name: ${value.name}' }, rejected)
  const values = [
    { id: 1, name: 'ok', dot: 'x' },
    { id: 2, name: 'x\r\nX-Evil: 1', dot: 'x' },
    { id: '..', name: 'ok', dot: 'x' },
    { id: 3, name: 'ok', dot: '' },
    { name: 'no id', dot: 'x' },
  ]
  await sink.put(
    values.map((value) => record('t', value)),
    kill,
  )
  assert.deepEqual(
    target.seen.map(({ url }) => url),
    ['/a/.x/1'],
  )
  assert.equal(rejected.length, 4)
})

test('batches are framed, bounded, and shared only by records of one address', async () => {
  await using target = await Target.start()
  await using sink = await open(`${target.url}/\${topic}`, {
    'batch.max.size': '3',
    'batch.json.as.array': 'true',
    'request.body': '${value.id}',
  })
  await sink.put([1, 2, 3, 4].map((id) => row(id)).concat(record('u', { id: 5 })), kill)
  assert.deepEqual(
    target.seen.map(({ url, body }) => [url, body]),
    [
      ['/t', '[1,2,3]'],
      ['/t', '[4]'],
      ['/u', '[5]'],
    ],
  )
  await using lines = await open(`${target.url}/l`, {
    'batch.max.size': '10',
    'batch.separator': '\\n',
    'request.body': '${value.id}',
  })
  await lines.put([row(1), row(2)], kill)
  assert.equal(target.seen.at(-1)!.body, '1\n2')
})

test('of a batch that the server refuses, only the wrong records are rejected, with its reason', async () => {
  await using target = await Target.start()
  const rejected: [ConnectRecord, string][] = []
  await using sink = await open(
    `${target.url}/in`,
    { 'batch.max.size': '100', 'batch.json.as.array': 'true', 'request.body': '${value.id}' },
    rejected,
  )
  const taken: number[] = []
  target.answer = ({ body }, response) => {
    const ids = JSON.parse(body) as number[]
    if (ids.some((id) => id % 7 === 3)) return void response.writeHead(422).end('no sevens plus three')
    taken.push(...ids)
    response.writeHead(204).end()
  }
  await sink.put(
    Array.from({ length: 20 }, (_, id) => row(id)),
    kill,
  )
  assert.deepEqual(
    taken,
    Array.from({ length: 20 }, (_, id) => id).filter((id) => id % 7 !== 3),
  )
  assert.deepEqual(
    rejected.map(([one]) => (one.value as { id: number }).id),
    [3, 10, 17],
  )
  assert.match(rejected[0]![1], /422: no sevens plus three/)
})

test('429 and 503 ask for another attempt, after the time that the server names, without what it had accepted', async () => {
  await using target = await Target.start()
  await using sink = await open(`${target.url}/in`, { 'request.body': '${value.id}' })
  target.answer = ({ body }, response) => void response.writeHead(body === '2' ? 429 : 200, { 'retry-after': '7' }).end()
  const records = [row(1), row(2), row(3)]
  await assert.rejects(sink.put(records, kill), (error: Error) => error instanceof RetriableError && error.retryAfterMs === 7000)
  target.answer = (_, response) => void response.writeHead(200).end()
  await sink.put(records, kill)
  assert.deepEqual(
    target.seen.map(({ body }) => body),
    ['1', '2', '2', '3'],
  )
})

test('a server that is away, silent or cuts its answer asks for another attempt', async () => {
  const gone = await Target.start()
  const { url } = gone
  await gone[Symbol.asyncDispose]()
  await using away = await open(`${url}/in`)
  await assert.rejects(away.put([row(1)], kill), (error: Error) => error instanceof RetriableError && /ECONNREFUSED/.test(error.message))
  await using target = await Target.start()
  await using sink = await open(`${target.url}/in?token=secret`, { 'http.request.timeout.ms': '100' })
  target.answer = () => {}
  await assert.rejects(sink.put([row(1)], kill), (error: Error) => {
    return error instanceof RetriableError && /http\.request\.timeout\.ms=100/.test(error.message) && !error.message.includes('secret')
  })
  target.answer = (_, response) => response.writeHead(200, { 'content-length': '10' }).write('x', () => response.destroy())
  await assert.rejects(sink.put([row(1)], kill), RetriableError)
})

test('wrong credentials, redirects and wrong addresses stop the task instead of rejecting records', async () => {
  await using target = await Target.start()
  const rejected: [ConnectRecord, string][] = []
  await using sink = await open(`${target.url}/in`, {}, rejected)
  for (const [status, reason] of [
    [401, /check auth\.type/],
    [302, /redirects are not followed.*elsewhere/],
    [404, /check http\.api\.url/],
  ] as const) {
    target.answer = (_, response) => void response.writeHead(status, { location: 'http://elsewhere/' }).end()
    await assert.rejects(sink.put([row(1)], kill), reason)
  }
  assert.deepEqual(rejected, [])
  assert.equal(target.seen.length, 3)
})

test('requests show who sends them', async () => {
  await using target = await Target.start()
  const ways: readonly (readonly [Record<string, string>, string, string])[] = [
    [
      { 'auth.type': 'basic', 'connection.user': 'u', 'connection.password': 'pä' },
      'authorization',
      `Basic ${Buffer.from('u:pä').toString('base64')}`,
    ],
    [{ 'auth.type': 'bearer', 'auth.token': 'abc' }, 'authorization', 'Bearer abc'],
    [{ 'auth.type': 'header', 'auth.token': 'abc', 'auth.header.name': 'X-Key' }, 'x-key', 'abc'],
  ]
  for (const [settings, name, text] of ways) {
    await using sink = await open(`${target.url}/in`, settings)
    await sink.put([row(1)], kill)
    assert.equal(target.seen.at(-1)!.headers[name], text)
  }
})

test('records without a value are ignored, rejected or deleted', async () => {
  await using target = await Target.start()
  const gone = record('t', null, { key: 7 })
  await using ignoring = await open(`${target.url}/\${key}`)
  await ignoring.put([gone], kill)
  assert.equal(target.seen.length, 0)
  const rejected: [ConnectRecord, string][] = []
  await using failing = await open(`${target.url}/\${key}`, { 'behavior.on.null.values': 'fail' }, rejected)
  await failing.put([gone], kill)
  assert.equal(rejected.length, 1)
  await using deleting = await open(`${target.url}/\${key}`, { 'behavior.on.null.values': 'delete', 'batch.max.size': '9' })
  await deleting.put([gone], kill)
  assert.deepEqual([target.seen[0]!.method, target.seen[0]!.url, target.seen[0]!.body], ['DELETE', '/7', ''])
})

test('several requests are in flight, and records of one key keep their order', async () => {
  await using target = await Target.start()
  target.answer = (_, response) => void setTimeout(() => response.writeHead(200).end(), Math.random() * 4)
  await using sink = await open(`${target.url}/in`, { 'requests.in.flight': '8', 'request.body': '[${key},${value.id}]' })
  await sink.put(
    Array.from({ length: 300 }, (_, id) => row(id, { key: id % 17 })),
    kill,
  )
  const last = new Map<number, number>()
  for (const { body } of target.seen) {
    const [key, id] = JSON.parse(body) as [number, number]
    assert.ok(id > (last.get(key) ?? -1))
    last.set(key, id)
  }
  assert.equal(target.seen.length, 300)
  assert.ok(target.openMost > 1)
})

test('link-local addresses are refused however they are spelled, private ones where the config says so', async () => {
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    '64:ff9b::a9fe:a9fe',
    'fe80::1',
    'fd00:ec2::254',
  ]) {
    assert.match(addressFault(address, true) ?? '', /link-local/, address)
  }
  for (const address of ['127.0.0.1', '10.1.2.3', '::1', '::ffff:10.0.0.1', 'fc00::1', '0.0.0.0']) {
    assert.equal(addressFault(address, true), undefined, address)
    assert.match(addressFault(address, false) ?? '', /private/, address)
  }
  assert.equal(addressFault('93.184.216.34', false), undefined)
  for (const url of ['http://2852039166/x', 'http://0xa9.0xfe.0xa9.0xfe/x', 'http://[::ffff:a9fe:a9fe]/x']) {
    assert.match(hostFault(new URL(url).hostname, true) ?? '', /link-local/, url)
    const { config } = parseConfig(httpConfig, { 'http.api.url': url })
    assert.equal(httpIssues(config)[0]?.key, 'http.api.url')
  }
  await using target = await Target.start()
  await using sink = await open(`${target.url.replace('127.0.0.1', 'localhost')}/in`, { 'http.allow.private': 'false' })
  await assert.rejects(sink.put([row(1)], kill), /localhost leads to .*private/)
})

test('faults of the config are told with their way out', () => {
  const faulty = (raw: Record<string, string>): string => {
    const { config, issues } = parseConfig(httpConfig, { 'http.api.url': 'http://h/x', ...raw })
    return (issues.length > 0 ? issues : httpIssues(config)).map(({ message }) => message).join('\n')
  }
  assert.equal(faulty({}), '')
  assert.match(faulty({ 'http.api.url': 'http://${topic}/x' }), /before any placeholder/)
  assert.match(faulty({ 'http.api.url': 'http://h${topic}/x' }), /before any placeholder/)
  assert.match(faulty({ 'http.api.url': 'http://u:p@h/x' }), /auth\.type=basic/)
  assert.match(faulty({ 'http.api.url': 'ftp://h/x' }), /http:\/\/ or https/)
  assert.match(faulty({ 'http.api.url': 'http://h/${nothing}' }), /known are/)
  assert.match(faulty({ headers: 'Host: x' }), /set by other keys/)
  assert.match(faulty({ headers: 'X Y: x' }), /not "Name: text"/)
  assert.match(faulty({ 'auth.type': 'basic' }), /connection\.user is missing/)
})

test('Retry-After counts seconds or names a date, within bounds', () => {
  assert.equal(retryAfter('2', 0), 2000)
  assert.equal(retryAfter('999999', 0), 300_000)
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000)
  assert.equal(retryAfter('soon', 0), undefined)
  assert.equal(retryAfter(undefined, 0), undefined)
})
