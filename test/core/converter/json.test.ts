import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DataError, logical, mapOf, optional, primitive, sameSchema, structOf, withExtras, type Schema } from '../../../core/index.ts'
import { schemaAndValue } from './arbitrary-values.ts'
import { converterOf, textOf } from './convert.ts'

const plainConfig = { 'schemas.enable': 'false' }
const decimal2 = primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })

function read(text: string, raw: Readonly<Record<string, string>> = {}) {
  return converterOf('json', raw).deserialize('t', Buffer.from(text))
}

function readAs(schema: string, payload: string) {
  return read(`{"schema":${schema},"payload":${payload}}`).value
}

test('schema and value come back as they were, whatever they are', () => {
  const asBytes = converterOf('json', { 'replace.null.with.default': 'false' })
  const asNumbers = converterOf('json', { 'replace.null.with.default': 'false', 'decimal.format': 'NUMERIC' })
  fc.assert(
    fc.property(schemaAndValue(), fc.constantFrom(asBytes, asNumbers), ({ schema, value }, converter) => {
      const bytes = converter.serialize('t', { schema, value })
      JSON.parse(textOf(bytes)!)
      const back = converter.deserialize('t', bytes)
      assert.ok(sameSchema(back.schema, schema), `${JSON.stringify(back.schema)} is not ${JSON.stringify(schema)}`)
      assert.deepEqual(back.value, value)
    }),
    { numRuns: 400 },
  )
})

test('any JSON without a schema comes back, digits and member names included', () => {
  const converter = converterOf('json', plainConfig)
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false }), (text) => {
      const parsed = converter.deserialize('t', Buffer.from(text))
      assert.deepEqual(JSON.parse(textOf(converter.serialize('t', parsed)) ?? 'null'), JSON.parse(text))
    }),
    { numRuns: 300 },
  )
})

test('the envelope is written as Kafka Connect writes it', () => {
  const schema = structOf(
    [
      ['id', primitive('int64')],
      ['price', withExtras(decimal2, { optional: true, doc: 'd' })],
      ['ratio', primitive('float64', { defaultValue: 1 })],
      ['tags', mapOf(primitive('string'), primitive('float32'))],
    ],
    { name: 'shop.Item', version: 1 },
  )
  const value = { id: 9007199254740993n, price: { unscaled: 12345n, scale: 2 }, ratio: 2, tags: new Map([['a', 0.1]]) }
  assert.equal(
    textOf(converterOf('json').serialize('t', { schema, value })),
    '{"schema":{"type":"struct","fields":[{"type":"int64","optional":false,"field":"id"},' +
      '{"type":"bytes","optional":true,"name":"org.apache.kafka.connect.data.Decimal","version":1,"doc":"d","parameters":{"scale":"2"},"field":"price"},' +
      '{"type":"double","optional":false,"default":1.0,"field":"ratio"},' +
      '{"type":"map","keys":{"type":"string","optional":false},"values":{"type":"float","optional":false},"optional":false,"field":"tags"}],' +
      '"optional":false,"name":"shop.Item","version":1},"payload":{"id":9007199254740993,"price":"MDk=","ratio":2.0,"tags":{"a":0.1}}}',
  )
  const numeric = converterOf('json', { ...plainConfig, 'decimal.format': 'NUMERIC' })
  assert.equal(textOf(numeric.serialize('t', { schema, value })), '{"id":9007199254740993,"price":123.45,"ratio":2.0,"tags":{"a":0.1}}')
})

test('nulls: a tombstone is null, a null with a schema is an envelope, a default stands in', () => {
  const text = primitive('string', { optional: true })
  assert.equal(converterOf('json').serialize('t', { schema: null, value: null }), null)
  assert.deepEqual(converterOf('json').deserialize('t', null), { schema: null, value: null })
  assert.equal(
    textOf(converterOf('json').serialize('t', { schema: text, value: null })),
    '{"schema":{"type":"string","optional":true},"payload":null}',
  )
  assert.equal(textOf(converterOf('json', plainConfig).serialize('t', { schema: text, value: null })), 'null')
  const withDefault = withExtras(text, { defaultValue: 'd' })
  assert.equal(textOf(converterOf('json', plainConfig).serialize('t', { schema: withDefault, value: null })), '"d"')
  assert.equal(
    textOf(
      converterOf('json', { ...plainConfig, 'replace.null.with.default': 'false' }).serialize('t', { schema: withDefault, value: null }),
    ),
    'null',
  )
  assert.throws(() => converterOf('json').serialize('t', { schema: primitive('string'), value: null }), /is null, but it is required/)
})

test('numbers keep all their digits', () => {
  assert.deepEqual(read('{"a":9007199254740993,"b":-9223372036854775808,"c":0.1,"d":123456789012345678901234567890}', plainConfig).value, {
    a: 9007199254740993n,
    b: -9223372036854775808n,
    c: 0.1,
    d: 123456789012345678901234567890n,
  })
  assert.equal(read('12345678901234567890', plainConfig).value, 12345678901234567890n)
  assert.equal(read('0.30000000000000004', plainConfig).value, 0.30000000000000004)
  assert.throws(() => read('1234567890.12345678901', plainConfig), /digits that a double loses/)
  assert.throws(() => read('1e400', plainConfig), /beyond what a double holds/)
  assert.throws(() => read('1e-400', plainConfig), /nearer to zero/)
  assert.deepEqual(
    readAs('{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"4"}}', '12345678901234567890.1'),
    {
      unscaled: 123456789012345678901000n,
      scale: 4,
    },
  )
})

test('what Kafka Connect makes up is an error that names the field', () => {
  const field = (type: string) => `{"type":"struct","fields":[{"type":"${type}","field":"f"}]}`
  const wrong: [string, string][] = [
    [field('int32'), '{"f":"12"}'],
    [field('int32'), '{"f":[]}'],
    [field('int32'), '{"f":1.5}'],
    [field('int8'), '{"f":300}'],
    [field('int64'), '{"f":1e40}'],
    [field('int64'), '{"f":9223372036854775808}'],
    [field('boolean'), '{"f":"true"}'],
    [field('boolean'), '{"f":1}'],
    [field('double'), '{"f":"abc"}'],
    [field('float'), '{"f":1e39}'],
    [field('string'), '{"f":1}'],
    [field('bytes'), '{"f":"not base64!"}'],
    [field('string'), '{"f":null}'],
    [field('string'), '{}'],
    [field('string'), '{"f":"a","g":1}'],
  ]
  for (const [schema, payload] of wrong) {
    assert.throws(
      () => readAs(schema, payload),
      (error: Error) => error instanceof DataError && /"[fg]"/.test(error.message),
      payload,
    )
  }
  assert.ok(Number.isNaN((readAs(field('double'), '{"f":"NaN"}') as { f: number }).f))
  assert.deepEqual(readAs(field('int32'), '{"f":12.0}'), { f: 12 })
})

test("a schema that is none is refused in Connect's words", () => {
  assert.throws(() => readAs('{"type":"intt"}', '1'), /Unknown schema type: intt/)
  assert.throws(() => readAs('{}', '1'), /Schema must contain 'type' field/)
  assert.throws(() => readAs('{"type":"array"}', '[]'), /did not specify the element type/)
  assert.throws(() => readAs('{"type":"struct"}', '{}'), /"fields" argument is not an array/)
  assert.throws(() => readAs('{"type":"int32","optional":"true"}', '1'), /"optional" must be true or false/)
  assert.throws(() => read('{"a":1}'), /requires "schema" and "payload" fields/)
  assert.throws(() => read('{"schema":null,"payload":1,"x":2}'), /requires "schema" and "payload" fields/)
})

test('members of the envelope may come in any order, with spaces, and without a schema', () => {
  assert.deepEqual(read(' { "payload" : 5 , "schema" : {"type":"int8"} } ').value, 5)
  assert.deepEqual(read('{"schema":null,"payload":{"a":5}}'), { schema: null, value: { a: 5n } })
  assert.deepEqual(read('{"schema":{"type":"struct","fields":[{"type":"int32","field":"a"}],"default":{"a":3}},"payload":null}').value, {
    a: 3,
  })
})

test('the same text of a schema gives the same schema object, and topics may take turns', () => {
  const converter = converterOf('json')
  const of = (topic: string, text: string) => converter.deserialize(topic, Buffer.from(text))
  const one = of('a', '{"schema":{"type":"int8","optional":false},"payload":1}')
  const other = of('b', '{"schema":{"type":"int16","optional":false},"payload":1}')
  assert.equal(of('a', '{"schema":{"type":"int8","optional":false},"payload":2}').schema, one.schema)
  assert.equal(of('b', '{"schema":{"type":"int16","optional":false},"payload":300}').schema, other.schema)
  assert.equal(of('b', '{"payload":2,"schema":{"type":"int8","optional":false}}').schema, one.schema)
  assert.throws(() => of('a', '{"schema":{"type":"int8","optional":false},"payload":1,"x":2}'), DataError)
})

test('schema.content is the schema of bare values', () => {
  const content = '{"type":"struct","fields":[{"type":"int64","field":"id"}]}'
  assert.deepEqual(read('{"id":5}', { 'schema.content': content }).value, { id: 5n })
  assert.throws(() => converterOf('json', { 'schema.content': '{"type":1}' }), /schema\.content is not a schema/)
  assert.throws(() => converterOf('json', { 'schema.content': content, ...plainConfig }), /needs schemas\.enable=true/)
})

test('hostile and broken text is refused without harm', () => {
  const broken = [
    '',
    ' ',
    '{',
    '[1,]',
    '{"a":1,}',
    "{'a':1}",
    '01',
    '1.',
    '.5',
    '+1',
    'NaN',
    'tru',
    '"\\x"',
    '"\u0001"',
    '"\\u12"',
    '1 2',
    '{"a" 1}',
    '[1',
    '"abc',
    '-',
    '1e',
    '\ufeff1',
    'undefined',
  ]
  for (const text of broken) assert.throws(() => read(text, plainConfig), DataError, text)
  assert.throws(() => converterOf('json', plainConfig).deserialize('t', Buffer.from([0x22, 0xff, 0x22])), /not UTF-8/)
  assert.throws(() => read('['.repeat(100_000), plainConfig), /nested deeper/)
  assert.throws(() => read('{"a":1,"a":2}', plainConfig), /"a" twice/)
  assert.throws(() => read('{"__proto__":1,"__proto__":2}', plainConfig), /"__proto__" twice/)
  assert.throws(() => read(`1${'0'.repeat(5000)}`, plainConfig), /more than 1000 digits/)
  const polluting = read('{"__proto__":{"polluted":true}}', plainConfig).value as object
  assert.deepEqual(Object.keys(polluting), ['__proto__'])
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  const cycle: unknown[] = []
  cycle.push(cycle)
  assert.throws(() => converterOf('json').serialize('t', { schema: null, value: cycle }), /nested deeper/)
})

test('a value that does not fit its schema is not written', () => {
  const write = (schema: Schema, value: unknown) => () => converterOf('json').serialize('t', { schema, value })
  const struct = structOf([['a', structOf([['b', primitive('int32')]])]])
  assert.throws(write(struct, { a: { b: 'x' } }), /Field "a\.b" is text "x", which is not a value of int32/)
  assert.throws(write(struct, { a: { b: 1, c: 2 } }), /Field "a" has a member "c" that is not in its schema/)
  assert.throws(write(struct, { a: null }), /Field "a" is null, but it is required/)
  assert.throws(write(primitive('int8'), 128), DataError)
  assert.throws(write(primitive('int64'), 2n ** 63n), DataError)
  assert.throws(write(primitive('float32'), 1e39), DataError)
  assert.throws(write(primitive('float32'), 16_777_217), DataError)
  assert.throws(write(decimal2, { unscaled: 1234n, scale: 3 }), /1\.234, which does not fit its schema's 2 decimal places/)
  assert.throws(write(optional(structOf([['a', primitive('int8')]])), new Date()), DataError)
})

test('a struct may be an object of a class whose fields are getters', () => {
  class Variable {
    get scale() {
      return 2
    }
    get value() {
      return Buffer.from([5])
    }
  }
  const schema = structOf([
    ['scale', primitive('int32')],
    ['value', primitive('bytes')],
  ])
  assert.equal(textOf(converterOf('json', plainConfig).serialize('t', { schema, value: new Variable() })), '{"scale":2,"value":"BQ=="}')
})

test('values that come again are written again, and nothing stands for a value that has changed', () => {
  const inner = structOf([
    ['table', primitive('string')],
    ['at', primitive('int64', { optional: true })],
  ])
  const schema = structOf([
    ['source', inner],
    ['op', primitive('string', { optional: true })],
    ['count', primitive('int64')],
  ])
  const converter = converterOf('json', plainConfig)
  const written = (value: unknown) => textOf(converter.serialize('t', { schema, value }))
  const frozen = Object.freeze({ table: 'é"1', at: 5n })
  const loose = { table: 't2', at: null as bigint | null }
  const text = '{"source":{"table":"é\\"1","at":5},"op":"c","count":7}'
  for (let round = 0; round < 3; round++) {
    assert.equal(written({ source: frozen, op: 'c', count: 7n }), text)
    assert.equal(written({ source: { ...frozen }, op: 'c', count: 7n }), text)
    loose.at = null
    assert.equal(written({ source: loose, op: null, count: 7n }), '{"source":{"table":"t2","at":null},"op":null,"count":7}')
    loose.at = 6n
    assert.equal(
      written({ source: loose, op: 'x'.repeat(100), count: -1n }),
      `{"source":{"table":"t2","at":6},"op":"${'x'.repeat(100)}","count":-1}`,
    )
    assert.throws(() => written({ source: frozen, op: undefined, count: undefined }), DataError)
    assert.throws(() => written({ source: frozen, op: 'c', count: 1n << 63n }), DataError)
    assert.throws(() => written({ source: { table: undefined, at: 5n }, op: 'c', count: 7n }), DataError)
  }
})

test('decimals of every length are written as Java writes them', () => {
  const converter = converterOf('json', plainConfig)
  for (let bits = 0; bits < 80; bits++) {
    for (const unscaled of [
      1n << BigInt(bits),
      (1n << BigInt(bits)) - 1n,
      -(1n << BigInt(bits)),
      -(1n << BigInt(bits)) - 1n,
      (1n << BigInt(bits)) / 3n,
    ]) {
      const hex = BigInt.asUintN(96, unscaled).toString(16).padStart(24, '0')
      const long = Buffer.from(hex, 'hex')
      // The fewest bytes whose first bit is the sign.
      let from = 0
      while (from < 11 && long[from] === (unscaled < 0n ? 0xff : 0) && long[from + 1]! >> 7 === (unscaled < 0n ? 1 : 0)) from++
      const text = textOf(converter.serialize('t', { schema: decimal2, value: { unscaled, scale: 2 } }))
      assert.equal(text, `"${long.subarray(from).toString('base64')}"`)
    }
  }
})
