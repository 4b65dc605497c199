import assert from 'node:assert/strict'
import { test } from 'node:test'
import { optional, primitive, structOf, type Converter, type SchemaAndValue } from '../../../core/index.ts'
import { converterOf } from './convert.ts'
import { TinyRegistry } from './tiny-registry.ts'

const quick = { 'max.retries': '1', 'retries.wait.ms': '1' }
const schema = structOf(
  [
    ['id', primitive('int64')],
    ['name', optional(primitive('string'))],
  ],
  { name: 'shop.Order' },
)
const order = { schema, value: { id: 1n, name: 'a' } }

function avroAt(registry: TinyRegistry, more: Readonly<Record<string, string>> = {}): Converter {
  return converterOf('Avro', { 'schema.registry.url': registry.url, ...quick, ...more })
}

async function write(converter: Converter, content: SchemaAndValue, topic = 't'): Promise<Uint8Array | null> {
  await converter.prepare!(topic, [content])
  return converter.serialize(topic, content)
}

async function read(converter: Converter, bytes: Uint8Array | null, topic = 't'): Promise<SchemaAndValue> {
  await converter.prepare!(topic, [bytes])
  return converter.deserialize(topic, bytes)
}

test('a value is written with the id of its registered schema, and read by it', async () => {
  await using registry = await TinyRegistry.start()
  const bytes = await write(avroAt(registry), order)
  assert.equal(Buffer.from(bytes!).toString('hex'), '00000000010202' + '0261')
  assert.deepEqual((await read(avroAt(registry), bytes)).value, order.value)
  assert.equal(registry.texts('t-value').length, 1)
})

test('the registry is asked once per schema and id, not once per batch or record', async () => {
  await using registry = await TinyRegistry.start()
  const converter = avroAt(registry)
  const copies = Array.from({ length: 20 }, () => ({ schema: structOf([['id', primitive('int64')]]), value: { id: 1n } }))
  for (let batch = 0; batch < 3; batch++) await converter.prepare!('t', copies)
  const bytes = converter.serialize('t', copies[0]!)
  for (let batch = 0; batch < 3; batch++) await converter.prepare!('t', [bytes, bytes])
  assert.ok(registry.asked.filter((one) => one.startsWith('POST')).length <= 8)
  assert.deepEqual(
    registry.asked.filter((one) => one.startsWith('GET')),
    ['GET /schemas/ids/1', 'GET /schemas/ids/1/versions'],
  )
})

test('the Connect schema has the version that its subject has in the registry', async () => {
  await using registry = await TinyRegistry.start()
  registry.add('t-value', '"string"')
  const id = registry.add('t-value', '"long"')
  const bytes = Buffer.from([0, 0, 0, 0, id, 2])
  assert.deepEqual((await read(avroAt(registry), bytes)).schema!.version, 2)
  assert.deepEqual((await read(avroAt(registry), bytes, 'other')).schema!.version, null)
})

test('null is a tombstone both ways', async () => {
  await using registry = await TinyRegistry.start()
  assert.equal(await write(avroAt(registry), { schema: null, value: null }), null)
  assert.equal(await write(avroAt(registry), { schema: optional(schema), value: null }), null)
  assert.deepEqual(await read(avroAt(registry), null), { schema: null, value: null })
  assert.deepEqual(registry.asked, [])
})

test('an id that the registry does not have fails its own records alone, and is asked for again only later', async () => {
  await using registry = await TinyRegistry.start()
  const converter = avroAt(registry)
  const good = await write(converter, order)
  const bad = Buffer.from([0, 0, 0, 0, 99, 2])
  await converter.prepare!('t', [bad, good])
  assert.throws(() => converter.deserialize('t', bad), { name: 'DataError', message: /no schema with id 99/ })
  assert.deepEqual(converter.deserialize('t', good).value, order.value)
  const before = registry.asked.length
  await converter.prepare!('t', [bad])
  assert.equal(registry.asked.length, before)
})

test('bytes without the magic byte are told as such', async () => {
  await using registry = await TinyRegistry.start()
  await assert.rejects(read(avroAt(registry), Buffer.from('{"a":1}')), { name: 'DataError', message: /123 as first byte.*JsonConverter/ })
  await assert.rejects(read(avroAt(registry), Buffer.alloc(3)), { name: 'DataError', message: /only 3 bytes/ })
})

test('a schema of another kind, a broken one and one with rules that change values are refused', async () => {
  await using registry = await TinyRegistry.start()
  const proto = registry.add('t-value', 'syntax = "proto3";', 'PROTOBUF')
  await assert.rejects(read(avroAt(registry), Buffer.from([0, 0, 0, 0, proto, 0])), { name: 'DataError', message: /is of type PROTOBUF/ })
  const broken = registry.add('t-value', '{"type":')
  await assert.rejects(read(avroAt(registry), Buffer.from([0, 0, 0, 0, broken, 0])), { name: 'DataError' })
  registry.override = () => ({
    status: 200,
    body: { schema: '"string"', ruleSet: { domainRules: [{ name: 'secret', kind: 'TRANSFORM', type: 'ENCRYPT' }] } },
  })
  await assert.rejects(read(avroAt(registry), Buffer.from([0, 0, 0, 0, 50, 0])), { name: 'DataError', message: /rule secret \(ENCRYPT\)/ })
})

test('an incompatible and an invalid schema are told with the reason of the registry', async () => {
  await using registry = await TinyRegistry.start()
  registry.override = () => ({ status: 409, body: { error_code: 409, message: 'READER_FIELD_MISSING_DEFAULT_VALUE' } })
  await assert.rejects(write(avroAt(registry), order), {
    name: 'DataError',
    message: /subject t-value, because it is incompatible .*READER_FIELD_MISSING/,
  })
  registry.override = () => ({ status: 422, body: { error_code: 42201, message: 'bad default' } })
  await assert.rejects(write(avroAt(registry), order), { name: 'DataError', message: /as invalid: bad default \(42201\)/ })
})

test('a registry that is down or failing is worth another try, after its own', async () => {
  await using registry = await TinyRegistry.start()
  registry.override = () => ({ status: 503, body: 'starting' })
  await assert.rejects(write(avroAt(registry), order), { name: 'RetriableError', message: /answers 503/ })
  assert.equal(registry.asked.length, 2)
  let first = true
  registry.override = () => (first ? ((first = false), { status: 500, body: '' }) : undefined)
  assert.ok(await write(avroAt(registry), order))
  const nobody = converterOf('Avro', { 'schema.registry.url': 'http://127.0.0.1:1', ...quick })
  await assert.rejects(write(nobody, order), { name: 'RetriableError', message: /ECONNREFUSED/ })
})

test('the next address is asked when one does not answer', async () => {
  await using registry = await TinyRegistry.start()
  const converter = converterOf('Avro', { 'schema.registry.url': `http://127.0.0.1:1,${registry.url}`, ...quick })
  assert.ok(await write(converter, order))
})

test('credentials are sent, from the address or by themselves, and never shown', async () => {
  await using registry = await TinyRegistry.start()
  const expected = `Basic ${Buffer.from('me:s3cret').toString('base64')}`
  await write(avroAt(registry, { 'basic.auth.credentials.source': 'USER_INFO', 'basic.auth.user.info': 'me:s3cret' }), order)
  const inUrl = converterOf('Avro', { 'schema.registry.url': registry.url.replace('//', '//me:s3cret@'), ...quick })
  await write(inUrl, order)
  await write(avroAt(registry, { 'bearer.auth.credentials.source': 'STATIC_TOKEN', 'bearer.auth.token': 'abc' }), order)
  assert.deepEqual(registry.authorizations, [expected, expected, 'Bearer abc'])
  registry.override = () => ({ status: 401, body: { message: 'Unauthorized' } })
  const other = converterOf('Avro', { 'schema.registry.url': registry.url.replace('//', '//me:s3cret@'), ...quick })
  await assert.rejects(
    write(other, order),
    (error: Error) =>
      error.name === 'ConfigError' && /does not know who asks \(401\)/.test(error.message) && !error.message.includes('s3cret'),
  )
})

test('settings that cannot work are refused when the converter is made', () => {
  const make = (raw: Readonly<Record<string, string>>) => () => converterOf('Avro', { 'schema.registry.url': 'http://localhost:1', ...raw })
  assert.throws(() => converterOf('Avro'), /schema\.registry\.url/)
  assert.throws(make({ 'schema.registry.url': 'localhost:8081' }), /start with http:\/\/ or https:\/\//)
  assert.throws(make({ 'basic.auth.credentials.source': 'USER_INFO' }), /needs basic\.auth\.user\.info/)
  assert.throws(make({ 'basic.auth.user.info': 'a:b' }), /so it would not be used/)
  assert.throws(make({ 'bearer.auth.credentials.source': 'STATIC_TOKEN' }), /Missing bearer\.auth\.token/)
  assert.throws(make({ 'schema.registry.ssl.truststore.location': '/x/store.jks' }), /keytool -importkeystore/)
  assert.throws(make({ 'schema.registry.ssl.truststore.location': '/does/not/exist.pem' }), /cannot be read: ENOENT/)
  assert.throws(make({ 'value.subject.name.strategy': 'com.acme.Mine' }), /classes of your own cannot be loaded/)
})

test('redirects are not followed, and what is no registry is told', async () => {
  await using registry = await TinyRegistry.start()
  registry.override = () => ({ status: 302, body: '', headers: { location: 'http://169.254.169.254/' } })
  await assert.rejects(write(avroAt(registry), order), { name: 'ConfigError', message: /redirects are not followed/ })
  registry.override = () => ({ status: 200, body: '<html>' })
  await assert.rejects(write(avroAt(registry), order), { name: 'ConfigError', message: /there is no schema registry at this address/ })
})

test('an answer that is too long or too late is cut off', async () => {
  await using registry = await TinyRegistry.start()
  registry.override = () => ({ status: 200, body: { schema: 'x'.repeat(9 * 1024 * 1024) } })
  await assert.rejects(write(avroAt(registry), order), { name: 'RetriableError', message: /longer than 8388608 bytes/ })
  registry.override = () => ({ status: 200, body: { schema: 'x'.repeat(3 * 1024 * 1024) } })
  await assert.rejects(read(avroAt(registry), Buffer.from([0, 0, 0, 0, 1])), { name: 'DataError', message: /at most 2097152/ })
})

test('subjects are named by topic, by record, or by both', async () => {
  await using registry = await TinyRegistry.start()
  const strategy = (name: string) => ({ 'value.subject.name.strategy': `io.confluent.kafka.serializers.subject.${name}` })
  await write(avroAt(registry, strategy('RecordNameStrategy')), order)
  await write(avroAt(registry, strategy('TopicRecordNameStrategy')), order)
  assert.equal(registry.texts('shop.Order').length, 1)
  assert.equal(registry.texts('t-shop.Order').length, 1)
  await assert.rejects(
    write(avroAt(registry, strategy('RecordNameStrategy')), { schema: primitive('string'), value: 'a' }),
    /use TopicNameStrategy/,
  )
})

test('without registering, a schema has to stand there; the latest can be written under', async () => {
  await using registry = await TinyRegistry.start()
  const silent = { 'auto.register.schemas': 'false' }
  await assert.rejects(write(avroAt(registry, silent), order), { name: 'DataError', message: /auto\.register\.schemas=true/ })
  registry.add(
    't-value',
    '{"type":"record","name":"Other","fields":[{"name":"name","type":["null","string"]},{"name":"id","type":"long"},{"name":"more","type":"int","default":3}]}',
  )
  const bytes = await write(avroAt(registry, { ...silent, 'use.latest.version': 'true' }), order)
  assert.equal(Buffer.from(bytes!).toString('hex'), '0000000001' + '020261' + '02' + '06')
})

test('types that other subjects hold are fetched by reference, each once', async () => {
  await using registry = await TinyRegistry.start()
  registry.add('inner', '{"type":"record","name":"Inner","namespace":"n","fields":[{"name":"x","type":"int"}]}')
  registry.add('middle', '{"type":"record","name":"Middle","namespace":"n","fields":[{"name":"i","type":"n.Inner"}]}', 'AVRO', [
    { name: 'n.Inner', subject: 'inner', version: 1 },
  ])
  const id = registry.add(
    't-value',
    '{"type":"record","name":"Outer","fields":[{"name":"m","type":"n.Middle"},{"name":"i","type":"n.Inner"}]}',
    'AVRO',
    [
      { name: 'n.Middle', subject: 'middle', version: 1 },
      { name: 'n.Inner', subject: 'inner', version: 1 },
    ],
  )
  const { value } = await read(avroAt(registry), Buffer.from([0, 0, 0, 0, id, 2, 4]))
  assert.deepEqual(value, { m: { i: { x: 1 } }, i: { x: 2 } })
  registry.add('loop', '"Loop"', 'AVRO', [{ name: 'other', subject: 'loop', version: 1 }])
  const loop = registry.add('t-value', '"Loop"', 'AVRO', [{ name: 'loop', subject: 'loop', version: 1 }])
  await assert.rejects(read(avroAt(registry), Buffer.from([0, 0, 0, 0, loop, 2])), { name: 'DataError' })
})

test('a value without a schema is refused with the way out', async () => {
  await using registry = await TinyRegistry.start()
  await assert.rejects(write(avroAt(registry), { schema: null, value: 'text' }), {
    name: 'DataError',
    message: /has no schema.*StringConverter/,
  })
})
