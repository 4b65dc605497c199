import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { primitive, record, structOf } from '../../../core/index.ts'
import { isRefusedAddress } from '../../../transforms/enrich/addresses.ts'
import { enrichedValues, enriching } from './enriching.ts'

interface Endpoint extends AsyncDisposable {
  readonly url: string
  readonly asked: string[]
}

/** A server on loopback; `answer` gets the body, too. */
async function endpoint(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<Endpoint> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      asked.push(`${request.method} ${request.url} ${body}`.trim())
      answer(request, response, body)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const json = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status).end(typeof value === 'string' ? value : JSON.stringify(value))
const of = (id: unknown) => record('t', { id })
const keys = (url: string, more: Record<string, string> = {}): Record<string, string> => ({
  lookup: 'http',
  'http.url': url,
  key: 'id',
  fields: 'name',
  ...more,
})

test('each distinct key is asked for once, and 404 is a missing key', async () => {
  await using server = await endpoint(({ url }, response) =>
    url!.endsWith('/3') ? json(response, 'no', 404) : json(response, `{"data":{"name":"n${url}","big":9007199254740993}}`),
  )
  await using enrich = enriching(keys(`${server.url}/users/\${key}`, { 'http.result': 'data', fields: 'name,big' }))
  assert.deepEqual(await enrichedValues(enrich, [of(1), of('a/b?c'), of(3), of(1)]), [
    { id: 1, name: 'n/users/1', big: 9_007_199_254_740_993n },
    { id: 'a/b?c', name: 'n/users/a%2Fb%3Fc', big: 9_007_199_254_740_993n },
    { id: 3, name: null, big: null },
    { id: 1, name: 'n/users/1', big: 9_007_199_254_740_993n },
  ])
  assert.deepEqual(server.asked.toSorted(), ['GET /users/1', 'GET /users/3', 'GET /users/a%2Fb%3Fc'])
  await enrichedValues(enrich, [of(1), of(3)])
  assert.equal(server.asked.length, 3)
  assert.match(String((await enrichedValues(enrich, [of('..')]))[0]), /cannot stand in an address/)
})

test('a list of keys is asked for at once, in the query or the body', async () => {
  await using server = await endpoint((_, response) =>
    json(response, '[{"id":1,"name":"one"},{"id":9007199254740993,"name":"big"},{"id":"x","name":"ex"},{"id":77,"name":"not asked"}]'),
  )
  const ids = [1, 9_007_199_254_740_993n, 'x', 2]
  const names = ['one', 'big', 'ex', null]
  await using body = enriching(keys(`${server.url}/find`, { 'http.batch': 'body' }))
  assert.deepEqual(
    await enrichedValues(body, ids.map(of)),
    ids.map((id, index) => ({ id, name: names[index] })),
  )
  await using query = enriching(keys(`${server.url}/find?ids=\${keys}`, { 'http.batch': 'query' }))
  assert.deepEqual(
    await enrichedValues(query, ids.map(of)),
    ids.map((id, index) => ({ id, name: names[index] })),
  )
  assert.deepEqual(server.asked, ['POST /find {"keys":[1,9007199254740993,"x",2]}', 'GET /find?ids=1,9007199254740993,x,2'])
  await enrichedValues(
    query,
    Array.from({ length: 3_000 }, (_, index) => of(1_000_000 + index)),
  )
  assert.equal(server.asked.length, 2 + 4)
  assert.match(String((await enrichedValues(query, [of('a,b')]))[0]), /has a comma/)
})

test('an object by key answers, too, and types give it a schema', async () => {
  await using server = await endpoint((_, response) => json(response, '{"5":{"name":"five","price":1.10}}'))
  await using enrich = enriching(
    keys(`${server.url}/`, { 'http.batch': 'body', fields: 'price', types: 'price:decimal(2)', into: 'found' }),
  )
  const schema = structOf([['id', primitive('int32')]])
  assert.deepEqual(await enrichedValues(enrich, [record('t', { id: 5 }, { valueSchema: schema })]), [
    { id: 5, found: { price: { unscaled: 110n, scale: 2 } } },
  ])
})

test('what passes is waited for, what does not is an error of the config, what concerns one key refuses that one', async () => {
  const answers = new Map<string, (response: ServerResponse) => unknown>([
    ['/busy', (response) => response.writeHead(503, { 'retry-after': '2' }).end()],
    ['/moved', (response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end()],
    ['/secret', (response) => response.writeHead(401).end()],
    ['/html', (response) => json(response, '<html>')],
    ['/large', (response) => json(response, `"${'x'.repeat(5_000)}"`)],
    ['/slow', () => undefined],
    ['/bad', (response) => response.writeHead(422).end()],
    ['/list', (response) => json(response, [1])],
  ])
  await using server = await endpoint(({ url }, response) => answers.get(url!)!(response))
  await using enrich = enriching(keys(`${server.url}/\${key}`, { 'http.timeout.ms': '300', 'http.answer.max.bytes': '2000' }))
  const rejects = (path: string, name: string, message: RegExp) => assert.rejects(enrich.prepare!([of(path)]), { name, message })
  await assert.rejects(enrich.prepare!([of('busy')]), { name: 'RetriableError', retryAfterMs: 2_000 })
  await rejects('moved', 'ConfigError', /status 302; redirects are not followed/)
  await rejects('secret', 'ConfigError', /status 401/)
  await rejects('html', 'RetriableError', /cannot be read: Not JSON/)
  await rejects('large', 'ConfigError', /http\.answer\.max\.bytes=2000/)
  await rejects('slow', 'RetriableError', /no answer within 300 ms/)
  assert.match(String((await enrichedValues(enrich, [of('bad')]))[0]), /is refused by .* \(status 422\)/)
  assert.match(String((await enrichedValues(enrich, [of('list')]))[0]), /is not a JSON object/)
})

test('headers are sent, the endpoint gone is waited for', async () => {
  const server = await endpoint(({ headers }, response) => json(response, { name: headers.authorization }))
  await using enrich = enriching(
    keys(`${server.url}/\${key}`, { 'http.headers': 'Authorization: Bearer x\n\nX-Y: z', 'cache.ttl.ms': '0' }),
  )
  assert.deepEqual(await enrichedValues(enrich, [of(1)]), [{ id: 1, name: 'Bearer x' }])
  await server[Symbol.asyncDispose]()
  await assert.rejects(enrich.prepare!([of(1)]), { name: 'RetriableError', message: /could not be asked/ })
})

test('link-local and metadata addresses are never asked, however they are spelled', async () => {
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'fe80::1',
    'fd00:ec2::254',
    '64:ff9b::a9fe:a9fe',
    '100.100.100.200',
  ]) {
    assert.equal(isRefusedAddress(address), true, address)
  }
  for (const address of ['127.0.0.1', '10.0.0.1', '::1', '8.8.8.8', '64:ff9b::808:808'])
    assert.equal(isRefusedAddress(address), false, address)
  for (const host of ['169.254.169.254', '0xa9fea9fe', '2852039166', '[::ffff:169.254.169.254]', '[fe80::1]']) {
    await using enrich = enriching(keys(`http://${host}/\${key}`))
    await assert.rejects(enrich.prepare!([of(1)]), { name: 'ConfigError', message: /link-local or a metadata service/ }, host)
  }
})

test('addresses that cannot be are refused when the config is checked', () => {
  const says = (url: string, message: RegExp, more: Record<string, string> = {}) => assert.throws(() => enriching(keys(url, more)), message)
  says('http://${key}.example.org/', /not in the name of the host/)
  says('http://x/', /must hold \$\{key\}/)
  says('ftp://x/${key}', /begins with http/)
  says('http://u:p@x/${key}', /http\.headers/)
  says('http://x/${id}', /\$\{id\} stands for nothing/)
  says('http://x/${key}', /not in http\.hosts\.allowed/, { 'http.hosts.allowed': 'y,z' })
  says('http://x/${key1}', /all of \$\{key1\} to \$\{key2\}/, { key: 'a,b' })
  says('http://x/${key}', /not of the form Name: value/, { 'http.headers': 'nonsense' })
})
