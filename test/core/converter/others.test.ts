import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arrayOf, DataError, logical, mapOf, primitive, structOf, type Schema } from '../../../core/index.ts'
import { converterOf, textOf } from './convert.ts'

test('StringConverter writes text as it is and all else as Java shows it', () => {
  const text = (schema: Schema | null, value: unknown) => textOf(converterOf('string').serialize('t', { schema, value }))
  assert.equal(text(primitive('string'), 'grüße'), 'grüße')
  assert.equal(text(primitive('int64'), 5n), '5')
  const doubles: [number, string][] = [
    [1, '1.0'],
    [1e10, '1.0E10'],
    [0.0001, '1.0E-4'],
    [1234567.5, '1234567.5'],
    [12345678, '1.2345678E7'],
    [NaN, 'NaN'],
    [-0, '-0.0'],
    [5e-324, '5.0E-324'],
  ]
  for (const [value, shown] of doubles) assert.equal(text(primitive('float64'), value), shown)
  assert.equal(text(primitive('float32'), Math.fround(0.1)), '0.1')
  const struct = structOf([
    ['id', primitive('int32')],
    ['name', primitive('string', { optional: true })],
    ['tags', arrayOf(primitive('string'))],
    ['map', mapOf(primitive('string'), primitive('int8'))],
  ])
  assert.equal(text(struct, { id: 1, name: null, tags: ['a', 'b'], map: new Map([['k', 1]]) }), 'Struct{id=1,tags=[a, b],map={k=1}}')
  const decimal = (scale: number) => primitive('bytes', { name: logical.decimal, parameters: { scale: String(scale) } })
  assert.equal(text(decimal(2), { unscaled: 12345n, scale: 2 }), '123.45')
  assert.equal(text(decimal(10), { unscaled: 1n, scale: 10 }), '1E-10')
  assert.equal(text(decimal(-3), { unscaled: 12n, scale: -3 }), '1.2E+4')
  assert.equal(text(primitive('int32', { name: logical.date }), 1), '1970-01-02')
  assert.equal(text(null, null), null)
  assert.throws(() => text(primitive('bytes'), Buffer.from('x')), DataError)
})

test('StringConverter reads what is text in its encoding, and nothing else', () => {
  const latin = converterOf('string', { 'converter.encoding': 'ISO-8859-1' })
  assert.equal(latin.deserialize('t', Buffer.from([0xe9])).value, 'é')
  assert.deepEqual(Buffer.from(latin.serialize('t', { schema: null, value: 'é' })!), Buffer.from([0xe9]))
  assert.throws(() => latin.serialize('t', { schema: null, value: '€' }), /ISO-8859-1 does not have/)
  assert.throws(() => converterOf('string').deserialize('t', Buffer.from([0xe9])), /not UTF-8/)
  assert.throws(() => converterOf('string').serialize('t', { schema: null, value: '\ud800' }), /surrogate/)
  assert.equal(converterOf('string').deserialize('t', null).value, null)
  assert.equal(converterOf('string').deserialize('t', Buffer.alloc(0)).value, '')
})

test('ByteArrayConverter passes bytes and refuses all else', () => {
  const bytes = Buffer.from([0, 255])
  const converter = converterOf('bytes')
  assert.equal(converter.serialize('t', { schema: primitive('bytes'), value: bytes }), bytes)
  assert.deepEqual(converter.deserialize('t', bytes).value, bytes)
  assert.throws(() => converter.serialize('t', { schema: null, value: 'text' }), DataError)
  assert.throws(() => converter.serialize('t', { schema: primitive('string'), value: 'text' }), /Invalid schema type/)
})

test("the primitive converters are Kafka's big-endian serdes", () => {
  const hex = (name: string, value: unknown) => Buffer.from(converterOf(name).serialize('t', { schema: null, value })!).toString('hex')
  assert.equal(hex('Short', -2), 'fffe')
  assert.equal(hex('Integer', 258), '00000102')
  assert.equal(hex('Long', -1n), 'ffffffffffffffff')
  assert.equal(hex('Float', 1.5), '3fc00000')
  assert.equal(hex('Double', 1.5), '3ff8000000000000')
  assert.equal(hex('Boolean', true), '01')
  for (const [name, arbitrary] of [
    ['Short', fc.integer({ min: -32768, max: 32767 })],
    ['Integer', fc.integer()],
    ['Long', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
    ['Float', fc.float()],
    ['Double', fc.double()],
    ['Boolean', fc.boolean()],
  ] as const) {
    const converter = converterOf(name)
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<unknown>, (value) =>
        Object.is(converter.deserialize('t', converter.serialize('t', { schema: null, value })).value, value),
      ),
    )
  }
  assert.throws(() => hex('Short', 40_000), DataError)
  assert.throws(() => hex('Integer', 1.5), DataError)
  assert.throws(() => hex('Boolean', 'true'), DataError)
  assert.throws(() => hex('Float', 1e39), DataError)
  assert.throws(() => converterOf('Boolean').deserialize('t', Buffer.from([2])), DataError)
  assert.throws(() => converterOf('Long').deserialize('t', Buffer.from([2])), /reads 8 bytes, not 1/)
})

test('SimpleHeaderConverter infers the type of a header', () => {
  const infer = (text: string) => {
    const { schema, value } = converterOf('simple').deserialize('t', Buffer.from(text))
    return [schema!.name?.split('.').at(-1) ?? schema!.type, value]
  }
  const decimal = (unscaled: bigint, scale: number) => ['Decimal', { unscaled, scale }]
  const cases: [string, unknown][] = [
    ['12', ['int8', 12]],
    ['300', ['int16', 300]],
    ['-70000', ['int32', -70000]],
    ['9007199254740993', ['int64', 9007199254740993n]],
    ['9223372036854775808', decimal(9223372036854775808n, 0)],
    ['1.5', ['float32', 1.5]],
    ['3.141592653589793', ['float64', 3.141592653589793]],
    ['123456789012345678901234567890.5', decimal(1234567890123456789012345678905n, 1)],
    ['true', ['boolean', true]],
    ['2026-01-31', ['Date', 20484]],
    ['22:13:20.000Z', ['Time', 80000000]],
    ['2026-01-31T00:00:00.001Z', ['Timestamp', 1769817600001n]],
    ['[1,300]', ['array', [1, 300]]],
    ['{"a":"b"}', ['map', new Map([['a', 'b']])]],
  ]
  for (const [text, expected] of cases) assert.deepEqual(infer(text), expected, text)
  const kept = [
    '',
    '007',
    '1e3',
    '+1',
    '-0',
    'TRUE',
    'null',
    '2023-02-30',
    '22:13:20Z',
    '25:00:00.000Z',
    '[a,b]',
    '{a:b}',
    '{}',
    '[]',
    '1e400',
    '[1,"a"]',
    ' 1',
    '1_000',
    '١٢',
  ]
  for (const text of kept) assert.deepEqual(infer(text), ['string', text], text)
})

test("a header's text survives reading and writing, whatever it is; bytes that are no text stay bytes", () => {
  const converter = converterOf('simple')
  const texts = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.json(),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
  )
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(textOf(converter.serialize('t', converter.deserialize('t', Buffer.from(text)))), text)
    }),
    { numRuns: 500 },
  )
  const bytes = Buffer.from([0xff, 0xfe])
  assert.deepEqual(converter.deserialize('t', bytes).value, bytes)
  assert.equal(converter.serialize('t', { schema: null, value: null }), null)
})
