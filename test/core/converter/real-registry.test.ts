import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { logical, mapOf, arrayOf, optional, primitive, structOf, type Converter, type SchemaAndValue } from '../../../core/index.ts'
import { registrySkip, startRegistry, type TestRegistry } from '../../registry.ts'
import { converterOf } from './convert.ts'

const skip = registrySkip()
let registry: TestRegistry
before(async () => {
  if (skip === false) registry = await startRegistry()
})
after(() => registry?.stop())

const item = structOf(
  [
    ['sku', primitive('string')],
    ['count', primitive('int32')],
  ],
  { name: 'shop.Item' },
)
const schema = structOf(
  [
    ['id', primitive('int64')],
    ['name', optional(primitive('string'))],
    ['price', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })],
    ['at', primitive('int64', { name: logical.timestamp, version: 1 })],
    ['items', arrayOf(item)],
    ['tags', mapOf(primitive('string'), primitive('string'))],
    ['body', primitive('bytes')],
    ['ratio', primitive('float64')],
    ['paid', primitive('boolean')],
  ],
  { name: 'shop.Order' },
)
const value = {
  id: 9007199254740993n,
  name: null,
  price: { unscaled: -123n, scale: 2 },
  at: 1_700_000_000_123n,
  items: [{ sku: 'a', count: 1 }],
  tags: new Map([['k', 'ü']]),
  body: Buffer.from([0, 255]),
  ratio: 0.1,
  paid: true,
}

async function write(converter: Converter, topic: string, content: SchemaAndValue): Promise<Uint8Array | null> {
  await converter.prepare!(topic, [content])
  return converter.serialize(topic, content)
}

async function read(converter: Converter, topic: string, bytes: Uint8Array | null): Promise<SchemaAndValue> {
  await converter.prepare!(topic, [bytes])
  return converter.deserialize(topic, bytes)
}

// An open JSON Schema may not gain a property (older data could have one of that name with another type); a closed one may.
const own: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  JsonSchema: { 'object.additional.properties': 'false' },
  Protobuf: { 'optional.for.nullables': 'true' },
}

for (const format of ['Avro', 'JsonSchema', 'Protobuf']) {
  test(`${format}: a record is registered, written and read, with a later version beside it`, { skip }, async () => {
    const topic = `orders-${format}`
    const make = () => converterOf(format, { 'schema.registry.url': registry.url, ...own[format] })
    const first = await write(make(), topic, { schema, value })
    const wider = structOf(
      [...schema.fields.map((field) => [field.name, field.schema] as const), ['added', optional(primitive('string'))]],
      { name: 'shop.Order' },
    )
    const second = await write(make(), topic, { schema: wider, value: { ...value, added: 'x' } })
    assert.notDeepEqual(first!.slice(1, 5), second!.slice(1, 5))
    const reader = make()
    await reader.prepare!(topic, [first, second])
    assert.deepEqual(reader.deserialize(topic, first).value, value)
    assert.deepEqual(reader.deserialize(topic, second).value, { ...value, added: 'x' })
    assert.equal(reader.deserialize(topic, second).schema!.version, 2)
    assert.deepEqual((await write(make(), topic, { schema, value }))!.slice(1, 5), first!.slice(1, 5))
  })

  test(`${format}: an unknown id is told as such`, { skip }, async () => {
    const converter = converterOf(format, { 'schema.registry.url': registry.url })
    await assert.rejects(read(converter, 't', Buffer.from([0, 0, 0, 0xff, 0xff, 2])), {
      name: 'DataError',
      message: /no schema with id 65535/,
    })
  })
}

test('an incompatible schema is refused by the registry, with its reason', { skip }, async () => {
  const make = () => converterOf('Avro', { 'schema.registry.url': registry.url })
  await write(make(), 'narrow', { schema: structOf([['a', primitive('int32')]], { name: 'N' }), value: { a: 1 } })
  const narrower = {
    schema: structOf(
      [
        ['a', primitive('int32')],
        ['b', primitive('string')],
      ],
      { name: 'N' },
    ),
    value: { a: 1, b: 'x' },
  }
  await assert.rejects(write(make(), 'narrow', narrower), {
    name: 'DataError',
    message: /subject narrow-value, because it is incompatible/,
  })
  const silent = converterOf('Avro', { 'schema.registry.url': registry.url, 'auto.register.schemas': 'false' })
  await assert.rejects(write(silent, 'narrow', narrower), { name: 'DataError', message: /does not have the record's schema/ })
  const latest = converterOf('Avro', {
    'schema.registry.url': registry.url,
    'auto.register.schemas': 'false',
    'use.latest.version': 'true',
    'latest.compatibility.strict': 'false',
  })
  assert.deepEqual((await read(make(), 'narrow', await write(latest, 'narrow', narrower))).value, { a: 1 })
})

test('references are followed', { skip }, async () => {
  await registry.call('POST', '/subjects/ref-item/versions', {
    schema: '{"type":"record","name":"Item","namespace":"r","fields":[{"name":"x","type":"int"}]}',
  })
  const { id } = (await registry.call('POST', '/subjects/ref-value/versions', {
    schema: '{"type":"record","name":"Outer","namespace":"r","fields":[{"name":"i","type":"r.Item"}]}',
    references: [{ name: 'r.Item', subject: 'ref-item', version: 1 }],
  })) as { id: number }
  const bytes = Buffer.from([0, 0, 0, 0, 0, 84])
  bytes.writeUInt32BE(id, 1)
  assert.deepEqual((await read(converterOf('Avro', { 'schema.registry.url': registry.url }), 'ref', bytes)).value, { i: { x: 42 } })
})

test('a registry behind TLS with client certificates and a password lets us in, and tells who it does not', { skip }, async () => {
  await using front = await registry.front({ user: 'u', password: 'p', tls: 'mutual' })
  const { caFile, clientKeyFile, clientCertificateFile } = front.certificates
  const raw = {
    'schema.registry.url': front.url,
    'schema.registry.ssl.truststore.location': caFile,
    'schema.registry.ssl.keystore.key': readFileSync(clientKeyFile, 'utf8'),
    'schema.registry.ssl.keystore.certificate.chain': readFileSync(clientCertificateFile, 'utf8'),
    'basic.auth.credentials.source': 'USER_INFO',
    'max.retries': '0',
  }
  const content = { schema: primitive('string'), value: 'a' }
  assert.ok(await write(converterOf('Avro', { ...raw, 'basic.auth.user.info': 'u:p' }), 'tls', content))
  await assert.rejects(write(converterOf('Avro', { ...raw, 'basic.auth.user.info': 'u:wrong' }), 'tls', content), {
    name: 'ConfigError',
    message: /401/,
  })
  const { 'schema.registry.ssl.truststore.location': _ca, ...untrusting } = raw
  await assert.rejects(write(converterOf('Avro', { ...untrusting, 'basic.auth.user.info': 'u:p' }), 'tls', content), {
    name: 'ConfigError',
    message: /is not trusted/,
  })
})
