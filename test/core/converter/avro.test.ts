import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { avroFormat } from '../../../core/converter/avro/avro-format.ts'
import {
  DataError,
  logical,
  mapOf,
  optional,
  primitive,
  sameSchema,
  structOf,
  withExtras,
  type Schema,
  type SchemaAndValue,
} from '../../../core/index.ts'
import { converterOf } from './convert.ts'
import { registryValue } from './registry-values.ts'

const plain = { metadata: true, enhanced: false, scrub: false, extended: false, nullStays: false }
const head = Buffer.from([0, 0, 0, 0, 7])

function registered(text: string) {
  return { kind: 'AVRO', text, references: [], imports: [] } as const
}

function roundTrip(schema: Schema, value: unknown, mapping = plain) {
  const format = avroFormat(mapping)
  const writer = format.writer(schema)
  const bytes = Buffer.from(writer.write(head, value))
  return format.reader(registered(writer.text), null)(bytes, 5)
}

function read(schema: unknown, hex: string, mapping = plain) {
  return avroFormat(mapping).reader(registered(JSON.stringify(schema)), null)(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 0)
}

test('what is written in Avro reads back with the same schema and value', () => {
  const shape = { anyKeys: true, metadata: true, decimals: true, moments: true, nestedLists: true }
  fc.assert(
    fc.property(registryValue(shape), ({ schema, value }) => {
      const back = roundTrip(schema, value)
      assert.deepEqual(back.value, value)
      assert.ok(
        sameSchema(withoutFlags(back.schema!), schema),
        JSON.stringify([back.schema, schema], (_, one: unknown) => (typeof one === 'bigint' ? `${one}n` : one)),
      )
    }),
    { numRuns: 150 },
  )
})

test('the schema of a Debezium table is registered text for text as Confluent does', () => {
  const row = structOf(
    [
      ['id', primitive('int32')],
      ['name', optional(primitive('string'))],
      ['small', primitive('int16', { defaultValue: 5 })],
      [
        'price',
        primitive('bytes', {
          optional: true,
          name: logical.decimal,
          version: 1,
          parameters: { scale: '2', 'connect.decimal.precision': '10' },
        }),
      ],
      ['at', primitive('int64', { name: 'io.debezium.time.MicroTimestamp', version: 1, optional: true })],
      ['ts', primitive('int64', { name: logical.timestamp, version: 1 })],
    ],
    { name: 'shop.public.t.Value', optional: true },
  )
  const envelope = structOf(
    [
      ['before', row],
      ['after', row],
      ['op', primitive('string')],
    ],
    { name: 'shop.public.t.Envelope', version: 2 },
  )
  assert.equal(
    avroFormat(plain).writer(envelope).text,
    '{"type":"record","name":"Envelope","namespace":"shop.public.t","fields":[{"name":"before","type":["null",{"type":"record","name":"Value",' +
      '"fields":[{"name":"id","type":"int"},{"name":"name","type":["null","string"],"default":null},' +
      '{"name":"small","type":{"type":"int","connect.default":5,"connect.type":"int16"},"default":5},' +
      '{"name":"price","type":["null",{"type":"bytes","scale":2,"precision":10,"connect.version":1,"connect.parameters":{"scale":"2","connect.decimal.precision":"10"},' +
      '"connect.name":"org.apache.kafka.connect.data.Decimal","logicalType":"decimal"}],"default":null},' +
      '{"name":"at","type":["null",{"type":"long","connect.version":1,"connect.name":"io.debezium.time.MicroTimestamp"}],"default":null},' +
      '{"name":"ts","type":{"type":"long","connect.version":1,"connect.name":"org.apache.kafka.connect.data.Timestamp","logicalType":"timestamp-millis"}}],' +
      '"connect.name":"shop.public.t.Value"}],"default":null},{"name":"after","type":["null","Value"],"default":null},{"name":"op","type":"string"}],' +
      '"connect.version":2,"connect.name":"shop.public.t.Envelope"}',
  )
})

test('messages written by another library read the same', () => {
  const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/avro/fastavro.json'), 'utf8')) as readonly {
    readonly name: string
    readonly schema: unknown
    readonly hex: string
    readonly shown: string
  }[]
  assert.ok(vectors.length >= 10)
  for (const { name, schema, hex, shown } of vectors) assert.equal(show(read(schema, hex).value), shown, name)
})

test("schemas and bytes are those of Confluent's AvroData in Java", () => {
  const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/avro/avro-data.json'), 'utf8')) as {
    readonly written: readonly { readonly envelope: string; readonly schema: string; readonly hex: string }[]
    readonly read: readonly { readonly envelope: string; readonly schema: string; readonly hex: string }[]
  }
  assert.ok(golden.written.length > 40 && golden.read.length > 4)
  const json = converterOf('json')
  const envelope = (content: SchemaAndValue) => JSON.parse(Buffer.from(json.serialize('t', content)!).toString('utf8')) as unknown
  for (const { envelope: text, schema, hex } of golden.written) {
    const content = json.deserialize('t', Buffer.from(text))
    const writer = avroFormat(plain).writer(content.schema!)
    assert.equal(writer.text, schema)
    assert.equal(Buffer.from(writer.write(new Uint8Array(0), content.value)).toString('hex'), hex)
  }
  for (const { envelope: text, schema, hex } of golden.read)
    assert.deepEqual(envelope(read(JSON.parse(schema), hex)), JSON.parse(text), schema)
})

test('unions of several branches become a struct with one field set, and go back', () => {
  const union = ['null', 'int', 'string', { type: 'record', name: 'A', namespace: 'n', fields: [{ name: 'x', type: 'long' }] }]
  const schema = { type: 'record', name: 'R', fields: [{ name: 'u', type: union }] }
  const { schema: connect, value } = read(schema, '06 02')
  const field = connect!.fields[0]!.schema
  assert.equal(field.name, 'io.confluent.connect.avro.Union')
  assert.deepEqual(
    field.fields.map((one) => one.name),
    ['int', 'string', 'A'],
  )
  assert.deepEqual(value, { u: { int: null, string: null, A: { x: 1n } } })
  const back = roundTrip(connect!, value)
  assert.deepEqual(back.value, value)
  assert.deepEqual(roundTrip(connect!, { u: null }).value, { u: null })
  assert.throws(() => roundTrip(connect!, { u: { int: 1, string: 'a', A: null } }), /2 of its fields set/)
})

test('an enum is text with its symbols as parameters, and an enum again with enhanced support', () => {
  const schema = { type: 'enum', name: 'Color', namespace: 'n', symbols: ['RED', 'BLUE'] }
  const { schema: connect, value } = read(schema, '02')
  assert.equal(value, 'BLUE')
  assert.equal(connect!.name, 'n.Color')
  assert.deepEqual(connect!.parameters, {
    'io.confluent.connect.avro.Enum': 'n.Color',
    'io.confluent.connect.avro.Enum.RED': 'RED',
    'io.confluent.connect.avro.Enum.BLUE': 'BLUE',
  })
  assert.match(
    avroFormat({ ...plain, enhanced: true }).writer(connect!).text,
    /^\{"type":"enum","name":"Color","namespace":"n","symbols":\["RED","BLUE"\]/,
  )
  assert.equal(roundTrip(connect!, 'RED', { ...plain, enhanced: true }).value, 'RED')
  assert.throws(() => roundTrip(connect!, 'GREEN', { ...plain, enhanced: true }), /none of the symbols/)
})

test('records without a name, and several maps with keys that are no strings, stand beside each other', () => {
  const schema = structOf([
    ['a', structOf([['x', primitive('int32')]])],
    ['b', structOf([['y', primitive('int32')]])],
    ['m', mapOf(primitive('int32'), primitive('string'))],
    ['n', mapOf(primitive('int64'), optional(primitive('string')))],
  ])
  const value = { a: { x: 1 }, b: { y: 2 }, m: new Map([[1, 'one']]), n: new Map([[2n, null]]) }
  const back = roundTrip(schema, value)
  assert.deepEqual(back.value, value)
  assert.ok(sameSchema(back.schema, schema))
})

test('decimals in bytes and in fixed keep every digit, negative ones too', () => {
  const fixed = { type: 'fixed', name: 'F', size: 4, logicalType: 'decimal', precision: 9, scale: 2 }
  assert.deepEqual(read(fixed, 'ffffff85').value, { unscaled: -123n, scale: 2 })
  const bytes = {
    type: 'record',
    name: 'R',
    fields: [{ name: 'd', type: { type: 'bytes', logicalType: 'decimal', precision: 40, scale: 2 } }],
  }
  assert.deepEqual(read(bytes, '02 85').value, { d: { unscaled: -123n, scale: 2 } })
  const format = avroFormat(plain)
  const decimal = primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })
  const latest = { type: 'record', name: 'R', fields: [{ name: 'd', type: fixed }] }
  const writer = format.writerAs(structOf([['d', decimal]]), registered(JSON.stringify(latest)), true)
  assert.equal(Buffer.from(writer.write(head, { d: { unscaled: -123n, scale: 2 } })).toString('hex'), '0000000007ffffff85')
})

test('64-bit integers stay exact at both ends', () => {
  for (const value of [
    -(2n ** 63n),
    2n ** 63n - 1n,
    9007199254740993n,
    -1n,
    0n,
    63n,
    64n,
    -64n,
    -65n,
    2n ** 31n,
    -(2n ** 31n),
    2n ** 35n,
    2n ** 28n,
  ]) {
    assert.equal(roundTrip(primitive('int64'), value).value, value)
  }
})

test('micro- and nanosecond types are plain int64 by default, and Debezium types when asked', () => {
  const type = { type: 'long', logicalType: 'timestamp-micros' }
  assert.equal(read(type, '02').schema!.name, null)
  assert.equal(read(type, '02', { ...plain, extended: true }).schema!.name, logical.microTimestamp)
  assert.equal(read({ type: 'string', logicalType: 'uuid' }, '02 61', { ...plain, extended: true }).schema!.name, logical.uuid)
})

test('a record is written under a later schema by the names of its fields', () => {
  const format = avroFormat(plain)
  const schema = structOf(
    [
      ['id', primitive('int32')],
      ['gone', primitive('string')],
    ],
    { name: 'R' },
  )
  const latest = {
    type: 'record',
    name: 'R',
    fields: [
      { name: 'added', type: 'string', default: 'x' },
      { name: 'id', type: ['null', 'long'] },
    ],
  }
  assert.throws(() => format.writerAs(schema, registered(JSON.stringify(latest)), true), /"gone" is not in the registered schema/)
  const writer = format.writerAs(schema, registered(JSON.stringify(latest)), false)
  const { value } = format.reader(registered(writer.text), null)(Buffer.from(writer.write(head, { id: 1, gone: 'y' })), 5)
  assert.deepEqual(value, { added: 'x', id: 1n })
})

test('what Avro or Connect cannot say is refused with the way out', () => {
  const recursive = { type: 'record', name: 'Node', fields: [{ name: 'next', type: ['null', 'Node'] }] }
  assert.throws(() => read(recursive, '00'), /Node contains itself; recursive types .* ByteArrayConverter/)
  assert.throws(() => read('null', ''), /Standalone null/)
  assert.throws(
    () => avroFormat(plain).writer(structOf([['a-b', primitive('int32')]])),
    /"a-b", which Avro does not allow .* scrub\.invalid\.names/,
  )
  assert.match(avroFormat({ ...plain, scrub: true }).writer(structOf([['a-b', primitive('int32')]])).text, /"name":"a_b"/)
  const two = structOf([
    ['x', structOf([['a', primitive('int32')]], { name: 'S' })],
    ['y', structOf([['b', primitive('int32')]], { name: 'S' })],
  ])
  assert.throws(() => avroFormat(plain).writer(two), /Avro names have one meaning/)
  assert.throws(() => roundTrip(structOf([['t', primitive('string')]]), { t: '\ud800' }), /half of a surrogate pair/)
  assert.throws(() => roundTrip(structOf([['t', primitive('int32')]]), { t: null }), /Field "t" is null, but it is required/)
  assert.throws(() => roundTrip(structOf([['t', primitive('int32')]]), { t: 1, u: 2 }), /member "u" that is not in its schema/)
})

test('hostile messages are refused within 50 ms', () => {
  const nulls = { type: 'array', items: 'null' }
  const array = (items: unknown) => ({ type: 'array', items })
  const cases: readonly (readonly [unknown, string, RegExp])[] = [
    [nulls, '80c2d72f', /Standalone null/],
    [array({ type: 'fixed', name: 'E', size: 0 }), '80c2d72f', /items/],
    [array({ type: 'record', name: 'E', fields: [] }), '80c2d72f', /items/],
    [array('long'), 'ffffffffffffffffff01', /length|items/],
    [array('long'), '01ffffffffffffffffff01', /block|length/],
    ['string', 'feffffff0f', /length of/],
    ['string', '0300', /length of/],
    ['string', '04ff', /length of/],
    ['string', '02ff', /not UTF-8/],
    ['long', 'ffffffffffffffffffff', /longer than a long/],
    ['int', 'ffffffff7f', /longer than an int/],
    ['boolean', '02', /boolean/],
    ['int', '0202', /1 bytes are left/],
    ['int', '', /message ends/],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, '02', /index 1/],
    [['null', 'int'], '04', /index 2/],
  ]
  for (const [schema, hex, message] of cases) {
    assert.throws(
      () => read(schema, hex),
      (error: unknown) => error instanceof DataError && message.test(error.message),
      `${JSON.stringify(schema)} ${hex}`,
    )
  }
})

test('hostile schemas are refused, not run', () => {
  const deep = `${'{"type":"array","items":'.repeat(20_000)}"int"${'}'.repeat(20_000)}`
  assert.throws(() => avroFormat(plain).reader(registered(deep), null), DataError)
  const nested = `${'{"type":"array","items":'.repeat(200)}"int"${'}'.repeat(200)}`
  assert.throws(() => avroFormat(plain).reader(registered(nested), null), /nested deeper than 100/)
  const doubling = Array.from({ length: 30 }, (_, level) => ({
    type: 'record',
    name: `R${level}`,
    fields: level === 0 ? [{ name: 'a', type: 'int' }] : ['a', 'b'].map((name) => ({ name, type: `R${level - 1}` })),
  }))
  assert.throws(() => avroFormat(plain).reader(registered(JSON.stringify(doubling)), null), /more than 20000/)
  assert.throws(() => read({ type: 'record', name: 'R', fields: [{ name: 'a"]; throw 1; //', type: 'int' }] }, '02'), /not an Avro name/)
})

// The mark that AvroData leaves on a field whose default stands in Avro alone.
function withoutFlags(schema: Schema): Schema {
  const { 'io.confluent.connect.avro.field.default': _flag, ...parameters } = schema.parameters ?? {}
  return {
    ...withExtras(schema, { parameters: Object.keys(parameters).length === 0 ? null : parameters }),
    fields: schema.fields.map((field) => ({ ...field, schema: withoutFlags(field.schema) })),
    keySchema: schema.keySchema && withoutFlags(schema.keySchema),
    valueSchema: schema.valueSchema && withoutFlags(schema.valueSchema),
  }
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return `${one}`
    if (one instanceof Map) return Object.fromEntries(one)
    if (typeof one === 'object' && one !== null && (one as { type?: unknown }).type === 'Buffer')
      return Buffer.from((one as unknown as { data: number[] }).data).toString('hex')
    return one
  })
}
