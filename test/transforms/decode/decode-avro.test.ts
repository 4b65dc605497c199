import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import avsc from 'avsc'
import { logical, primitive, record, structOf, type Transform } from '../../../core/index.ts'
import { transformOf } from '../apply.ts'

const type = {
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'name', type: ['null', 'string'] },
    { name: 'at', type: { type: 'long', logicalType: 'timestamp-micros' } },
    { name: 'tags', type: { type: 'array', items: 'string' } },
  ],
} as const
const schema = JSON.stringify(type)
const written = avsc.Type.forSchema(type as never).toBuffer({ id: 5, name: 'Ada', at: 7, tags: ['a'] }) as Buffer
const order = { id: 5n, name: 'Ada', at: 7n, tags: ['a'] }
const decode = (raw: Record<string, string>): Transform => transformOf('DecodeAvro$Value', raw)

test('Avro is read by a given schema, whole or in a field, from bytes or encoded text', () => {
  const whole = decode({ schema }).apply(record('t', written))!
  assert.deepEqual(whole.value, order)
  assert.equal(whole.valueSchema!.fields[2]!.schema.name, logical.microTimestamp)
  const struct = structOf([['body', primitive('bytes', { optional: true })]])
  const inField = decode({ schema, field: 'body', into: 'order' })
  const [full, empty] = [written, null].map((body) => inField.apply(record('t', { body }, { valueSchema: struct }))!)
  assert.deepEqual(full!.value, { body: written, order })
  assert.deepEqual(empty!.value, { body: null, order: null })
  assert.equal(full!.valueSchema, empty!.valueSchema)
  for (const encoding of ['base64', 'hex'] as const) {
    assert.deepEqual(decode({ schema, 'text.encoding': encoding }).apply(record('t', written.toString(encoding)))!.value, order)
  }
})

test('hostile and foreign bytes are refused, for their record alone', () => {
  const transform = decode({ schema, 'message.max.bytes': '100' })
  const says = (content: unknown, message: RegExp) =>
    assert.throws(() => transform.apply(record('t', content)), { name: 'DataError', message })
  says(written.subarray(0, 4), /DecodeAvro: the value of a record of topic "t" cannot be decoded/)
  says(Buffer.concat([written, Buffer.from([1])]), /bytes are left after the value/)
  says(Buffer.from([0x0a, 0x02, 0xfe, 0xff, 0xff, 0xff, 0x0f]), /cannot be decoded/)
  says(Buffer.alloc(101), /more than message\.max\.bytes=100/)
  says('text', /text\.encoding/)
  assert.throws(() => decode({ schema, 'text.encoding': 'base64' }).apply(record('t', '!!')), /not base64/)
})

test('the config is checked: one of schema and registry, a schema that is one', () => {
  assert.throws(() => decode({}), { name: 'ConfigError', message: /set a schema .* or schema\.registry\.url/ })
  assert.throws(() => decode({ schema, 'schema.registry.url': 'http://x' }), { name: 'ConfigError', message: /a schema is given, too/ })
  assert.throws(() => decode({ schema: '{"type":"recard"}' }), { name: 'ConfigError', message: /the schema cannot be used/ })
})

test('with a registry the schema is asked for once, before the batch', async () => {
  const asked: string[] = []
  const server = createServer(({ url }, response) => {
    asked.push(url!)
    response.setHeader('content-type', 'application/vnd.schemaregistry.v1+json')
    if (url!.startsWith('/schemas/ids/7/versions')) return response.end('[]')
    if (url!.startsWith('/schemas/ids/7')) return response.end(JSON.stringify({ schema }))
    return response.writeHead(404).end('{"error_code":40403,"message":"Schema not found"}')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const transform = decode({ 'schema.registry.url': url, field: 'body' })
    const framed = (id: number) => Buffer.concat([Buffer.from([0, 0, 0, 0, id]), written])
    const records = [framed(7), framed(7), framed(8), written, null, 'text'].map((body) => record('t', { body }))
    await transform.prepare!(records)
    assert.deepEqual(transform.apply(records[0]!)!.value, { body: order })
    assert.deepEqual(transform.apply(records[1]!)!.value, { body: order })
    assert.throws(() => transform.apply(records[2]!), { name: 'DataError', message: /cannot be decoded/ })
    assert.throws(() => transform.apply(records[3]!), { name: 'DataError', message: /not written with a schema registry/ })
    assert.deepEqual(transform.apply(records[4]!)!.value, { body: null })
    assert.throws(() => transform.apply(records[5]!), { name: 'DataError', message: /text\.encoding/ })
    assert.equal(asked.filter((one) => /ids\/7(?:\?|$)/.test(one)).length, 1)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
