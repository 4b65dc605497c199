import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { ConfigError, RetriableError, parseConfig } from '../../../../core/index.ts'
import { s3Address, s3AddressFault } from '../../../../connectors/delta/s3/address.ts'
import { s3Config, s3Issues } from '../../../../connectors/delta/s3/config.ts'
import { unreachable } from '../../../../connectors/delta/s3/reachable.ts'
import { S3Storage } from '../../../../connectors/delta/s3/storage.ts'
import { LocalStorage } from '../../../../connectors/delta/storage.ts'
import { FaultyProxy } from '../../../faulty-proxy.ts'
import { S3Server, s3Skip } from '../../../s3.ts'

const skip = s3Skip()
let server: S3Server
before(async () => {
  if (skip === false) server = await S3Server.start()
})
after(() => server?.[Symbol.asyncDispose]())

async function openAt(endpoint: string, path: string, more: Readonly<Record<string, string>> = {}): Promise<S3Storage> {
  const { config, issues } = parseConfig(s3Config, { ...server.settings(endpoint), ...more })
  assert.deepEqual(issues, [])
  return await S3Storage.open(path, config)
}

async function newPath(): Promise<string> {
  return `s3://${await server.newBucket()}/some/lake`
}

test('paths name buckets and prefixes, or say what is wrong with them', () => {
  assert.deepEqual(s3Address('s3://bucket/a/b/'), { bucket: 'bucket', prefix: 'a/b/' })
  assert.deepEqual(s3Address('s3a://bucket'), { bucket: 'bucket', prefix: '' })
  assert.equal(s3Address('./lake'), undefined)
  assert.equal(s3AddressFault('/lake'), undefined)
  assert.equal(s3AddressFault('s3://bucket/a'), undefined)
  assert.match(s3AddressFault('gs://bucket/a') ?? '', /not supported/)
  assert.match(s3AddressFault('s3:///a') ?? '', /cannot exist/)
  assert.match(s3AddressFault('s3://bucket/a/../b') ?? '', /leave it out/)
})

test('a key without its secret is a fault of the config', () => {
  const { config } = parseConfig(s3Config, { 'aws.access.key.id': 'a' })
  assert.equal(s3Issues(config)[0]?.key, 'aws.secret.access.key')
})

test('files are listed, read, replaced and deleted', { skip }, async () => {
  await using storage = await openAt(server.endpoint, await newPath())
  assert.deepEqual(await storage.list('t'), [])
  assert.equal(await storage.read('t/a'), undefined)
  await storage.put('t/a', 'one')
  await storage.put('t/a', 'two')
  await storage.put('t/b=1 %2F+é/c', 'deep')
  assert.equal((await storage.read('t/a'))?.toString(), 'two')
  assert.equal((await storage.read('t/b=1 %2F+é/c'))?.toString(), 'deep')
  assert.deepEqual([...(await storage.list('t'))].sort(), ['a', 'b=1 %2F+é'])
  await storage.delete('t/a')
  await storage.delete('t/a')
  assert.equal(await storage.read('t/a'), undefined)
})

test('of many writers of one name exactly one wins', { skip }, async () => {
  const path = await newPath()
  await using storage = await openAt(server.endpoint, path)
  await using other = await openAt(server.endpoint, path)
  for (let round = 0; round < 5; round++) {
    const attempts = Array.from({ length: 10 }, (_, index) =>
      (index % 2 === 0 ? storage : other).putIfAbsent(`t/_delta_log/${round}`, `by ${index}`),
    )
    const won = (await Promise.all(attempts)).flatMap((one, index) => (one ? [index] : []))
    assert.equal(won.length, 1)
    assert.equal((await storage.read(`t/_delta_log/${round}`))?.toString(), `by ${won[0]}`)
  }
})

test('a listing goes over pages', { skip }, async () => {
  await using storage = await openAt(server.endpoint, await newPath())
  const names = Array.from({ length: 1010 }, (_, index) => String(index).padStart(5, '0'))
  for (let at = 0; at < names.length; at += 100) await Promise.all(names.slice(at, at + 100).map((name) => storage.put(`t/${name}`, '')))
  assert.deepEqual([...(await storage.list('t'))].sort(), names)
})

test('a file larger than a part goes up in several, and comes back the same', { skip }, async () => {
  const path = await newPath()
  const content = randomBytes(11_000_001)
  await using storage = await openAt(server.endpoint, path, { 's3.part.size': '5242880' })
  assert.equal(await storage.create('t/large', (local) => writeFile(local, content)), content.length)
  assert.ok((await readFile(storage.readable('t/large'))).equals(content))
  await using reader = await openAt(server.endpoint, path)
  await reader.fetch(['t/large', 't/large'])
  assert.ok((await readFile(reader.readable('t/large'))).equals(content))
})

test('local copies beyond the bound are dropped, and fetched again when needed', { skip }, async () => {
  await using storage = await openAt(server.endpoint, await newPath(), { 's3.cache.bytes': '10' })
  for (const name of ['t/a', 't/b']) await storage.create(name, (local) => writeFile(local, '12345678'))
  await storage.tidy()
  await assert.rejects(readFile(storage.readable('t/a')))
  assert.equal((await readFile(storage.readable('t/b'))).toString(), '12345678')
  await storage.fetch(['t/a'])
  assert.equal((await readFile(storage.readable('t/a'))).toString(), '12345678')
})

test('a write whose answers are lost is found to have been carried out', { skip }, async () => {
  await using proxy = await FaultyProxy.open(server.endpoint)
  await using storage = await openAt(proxy.url, await newPath(), { 's3.request.timeout.ms': '200' })
  for (const fault of ['lost', 'late'] as const) {
    let left = 1
    proxy.choose = (request) => (request.method === 'PUT' && left-- > 0 ? fault : 'none')
    assert.equal(await storage.putIfAbsent(`t/_delta_log/${fault}`, 'ours'), true)
    assert.equal(await storage.putIfAbsent(`t/_delta_log/${fault}`, 'theirs'), false)
    assert.equal((await storage.read(`t/_delta_log/${fault}`))?.toString(), 'ours')
  }
  assert.equal(proxy.made.lost + proxy.made.late, 2)
})

test('a write that lost the race is not taken for ours though its first answer was lost', { skip }, async () => {
  const path = await newPath()
  await using proxy = await FaultyProxy.open(server.endpoint)
  await using storage = await openAt(proxy.url, path)
  await using other = await openAt(server.endpoint, path)
  await other.putIfAbsent('t/_delta_log/0', 'theirs')
  let left = 1
  proxy.choose = (request) => (request.method === 'PUT' && left-- > 0 ? 'lost' : 'none')
  assert.equal(await storage.putIfAbsent('t/_delta_log/0', 'ours'), false)
})

test('while nobody knows whether a commit was written, no file of its table is deleted', { skip }, async () => {
  const path = await newPath()
  await using proxy = await FaultyProxy.open(server.endpoint)
  await using storage = await openAt(proxy.url, path, { 's3.retry.timeout.ms': '300' })
  await storage.put('t/file', 'rows')
  await storage.put('u/file', 'rows')
  let sent = false
  proxy.choose = (request) => {
    if (request.method !== 'PUT' || sent) return '503'
    sent = true
    return 'lost'
  }
  await assert.rejects(storage.putIfAbsent('t/_delta_log/0', 'ours'), RetriableError)
  proxy.choose = () => 'none'
  await storage.delete('t/file')
  await storage.delete('u/file')
  assert.equal((await storage.read('t/_delta_log/0'))?.toString(), 'ours')
  assert.equal((await storage.read('t/file'))?.toString(), 'rows')
  assert.equal(await storage.read('u/file'), undefined)
})

test('a large file goes up through a store that fails at random, and leaves no unfinished upload', { skip }, async () => {
  const bucket = await server.newBucket()
  await using proxy = await FaultyProxy.open(server.endpoint)
  const more = { 's3.part.size': '5242880', 's3.request.timeout.ms': '1000' }
  await using storage = await openAt(proxy.url, `s3://${bucket}`, more)
  let count = 0
  proxy.choose = () => (['503', 'lost', 'none'] as const)[count++ % 3]!
  const content = randomBytes(12_000_000)
  await storage.create('t/large', (local) => writeFile(local, content))
  proxy.choose = () => 'none'
  assert.ok((await storage.read('t/large'))!.equals(content))
  const client = server.client()
  await client.send(new ListMultipartUploadsCommand({ Bucket: bucket })).then(({ Uploads }) => {
    // A start whose answer was lost leaves an empty one, which only the bucket's rule can clear.
    assert.ok((Uploads ?? []).length <= 1)
  })
  client.destroy()
})

test(
  'a file that must not be replaced is written once, whatever becomes of the answers, and another content is told',
  { skip },
  async () => {
    await using proxy = await FaultyProxy.open(server.endpoint)
    const marks = { claim: '_millrace/1.claim' }
    const more = { 's3.part.size': '5242880', 's3.request.timeout.ms': '1000' }
    await using storage = await openAt(proxy.url, await newPath(), more)
    for (const [name, size] of [
      ['t/small', 1000],
      ['t/large', 6_000_000],
    ] as const) {
      const content = randomBytes(size)
      const other = Buffer.from(content)
      other[size - 1]! ^= 1
      for (const fault of ['lost', '503', 'none'] as const) {
        let isFirst = true
        // The one that makes the object: a put, or the end of an upload in parts.
        proxy.choose = ({ method, url }) => {
          const makes = size > 5_242_880 ? method === 'POST' && url!.includes('uploadId=') : method === 'PUT'
          if (!makes || !isFirst) return 'none'
          isFirst = false
          return fault
        }
        assert.equal(await storage.createOnce(name + fault, (local) => writeFile(local, content), marks), true)
        assert.equal(await storage.createOnce(name + fault, (local) => writeFile(local, content), marks), true)
        assert.equal(await storage.createOnce(name + fault, (local) => writeFile(local, other), marks), false)
        assert.equal(await storage.createOnce(name + fault, (local) => writeFile(local, content.subarray(1)), marks), false)
        assert.ok((await storage.read(name + fault))!.equals(content))
      }
    }
    // Two at once: the condition decides, where neither saw the other before.
    const contents = [randomBytes(6_000_000), randomBytes(6_000_000)]
    const won = await Promise.all(contents.map((content) => storage.createOnce('t/race', (local) => writeFile(local, content), marks)))
    if (server.checksSignatures) assert.deepEqual([...won].sort(), [false, true])
    assert.ok((await storage.read('t/race'))!.equals(contents[won.indexOf(true)]!))
  },
)

test('what is undone is what its claim made: a file of somebody else, or of two, stays', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'claims-'))
  await using onDisk = await LocalStorage.open(folder)
  await using inStore = await openAt(server.endpoint, await newPath())
  const write = (text: string) => (local: string) => writeFile(local, text)
  for (const storage of [onDisk, inStore]) {
    const [one, two] = [{ claim: '_millrace/1.claim' }, { claim: '_millrace/2.claim' }]
    assert.equal(await storage.createOnce('t/own', write('rows'), one), true)
    assert.equal(await storage.createOnce('t/own', write('rows'), one), true)
    await storage.deleteClaimed('t/own', two.claim)
    assert.equal((await storage.read('t/own'))?.toString(), 'rows')
    await storage.deleteClaimed('t/own', one.claim)
    await storage.deleteClaimed('t/own', one.claim)
    assert.equal(await storage.read('t/own'), undefined)
    assert.equal(await storage.createOnce('t/other', write('theirs'), one), true)
    assert.equal(await storage.createOnce('t/other', write('ours'), two), false)
    await storage.deleteClaimed('t/other', two.claim)
    assert.equal((await storage.read('t/other'))?.toString(), 'theirs')
    assert.equal(await storage.createOnce('t/both', write('same'), { claim: '_millrace/3.claim' }), true)
    assert.equal(await storage.createOnce('t/both', write('same'), { claim: '_millrace/4.claim' }), true)
    for (const claim of ['_millrace/3.claim', '_millrace/4.claim']) await storage.deleteClaimed('t/both', claim)
    assert.equal((await storage.read('t/both'))?.toString(), 'same')
  }
  await rm(folder, { recursive: true, force: true })
})

test('a missing bucket and a wrong key are told as such, at once', { skip }, async (t) => {
  await using missing = await openAt(server.endpoint, 's3://no-such-bucket-here/lake')
  await assert.rejects(missing.put('t/a', 'x'), (error: Error) => error instanceof ConfigError && /make it, or correct/.test(error.message))
  if (!server.checksSignatures) return t.diagnostic('moto takes any key, so a wrong one is not told here')
  await using denied = await openAt(server.endpoint, await newPath(), { 'aws.secret.access.key': 'wrong' })
  await assert.rejects(denied.put('t/a', 'x'), /SignatureDoesNotMatch.*check aws\.access\.key\.id/)
})

test('the check of a config says why a store cannot be used', { skip }, async () => {
  const { config } = parseConfig(s3Config, server.settings())
  assert.equal(await unreachable(await newPath(), config), undefined)
  assert.match((await unreachable('s3://no-such-bucket-here/lake', config)) ?? '', /no such bucket/)
  const { config: away } = parseConfig(s3Config, server.settings('http://127.0.0.1:1'))
  assert.match((await unreachable('s3://bucket/lake', away)) ?? '', /ECONNREFUSED/)
})
