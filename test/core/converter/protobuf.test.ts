import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ProtobufMapping } from '../../../core/converter/protobuf/connect-words.ts'
import { protobufFormat } from '../../../core/converter/protobuf/protobuf-format.ts'
import { arrayOf, DataError, logical, mapOf, optional, primitive, structOf, type Schema } from '../../../core/index.ts'
import { registryValue } from './registry-values.ts'

const plain: ProtobufMapping = {
  enhanced: false,
  scrub: false,
  wrappers: false,
  optionals: false,
  nullsAsDefaults: false,
  dropDigits: false,
}
const exact = { ...plain, optionals: true }
const head = Buffer.from([0, 0, 0, 0, 7])

function registered(text: string, imports: readonly { name: string; text: string }[] = []) {
  return { kind: 'PROTOBUF', text, references: [], imports } as const
}

function roundTrip(schema: Schema, value: unknown, mapping: ProtobufMapping = exact) {
  const format = protobufFormat(mapping)
  const writer = format.writer(schema)
  const bytes = Buffer.from(writer.write(head, value))
  return format.reader(registered(writer.text), null)(bytes, 5)
}

function read(text: string, hex: string, mapping = plain) {
  return protobufFormat(mapping).reader(registered(text), null)(Buffer.from(hex.replaceAll(' ', ''), 'hex'), 0)
}

const shape = { anyKeys: true, metadata: false, decimals: true, moments: false, nestedLists: false }

test('what is written in Protobuf reads back with the same value, with optional fields', () => {
  fc.assert(
    fc.property(registryValue(shape), ({ schema, value }) => assert.deepEqual(roundTrip(schema, value).value, value)),
    { numRuns: 150 },
  )
})

test('what is written in Protobuf reads back with the same value, with wrappers', () => {
  fc.assert(
    fc.property(registryValue(shape), ({ schema, value }) =>
      assert.deepEqual(roundTrip(schema, value, { ...plain, wrappers: true }).value, value),
    ),
    { numRuns: 100 },
  )
})

test('a Connect schema becomes the text that Confluent writes in substance', () => {
  const item = structOf([['sku', primitive('string')]], { name: 'shop.Item' })
  const schema = structOf(
    [
      ['id', primitive('int64')],
      ['note', optional(primitive('string'))],
      ['price', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2', 'connect.decimal.precision': '10' } })],
      ['at', primitive('int64', { name: logical.timestamp, version: 1 })],
      ['items', arrayOf(item)],
      ['first', optional(item)],
      ['counts', mapOf(primitive('string'), primitive('int32'))],
      ['small', primitive('int8')],
    ],
    { name: 'shop.Order' },
  )
  assert.equal(
    protobufFormat(exact).writer(schema).text,
    `syntax = "proto3";
package shop;

import "confluent/meta.proto";
import "confluent/type/decimal.proto";
import "google/protobuf/timestamp.proto";

message Order {
  int64 id = 1;
  optional string note = 2;
  confluent.type.Decimal price = 3 [(confluent.field_meta) = { params: [{ key: "precision", value: "10" }, { key: "scale", value: "2" }] }];
  google.protobuf.Timestamp at = 4;
  repeated Item items = 5;
  Item first = 6;
  map<string, int32> counts = 7;
  int32 small = 8 [(confluent.field_meta) = { params: [{ key: "connect.type", value: "int8" }] }];
  message Item {
    string sku = 1;
  }
}
`,
  )
  const value = {
    id: -5n,
    note: null,
    price: { unscaled: -123n, scale: 2 },
    at: -1n,
    items: [{ sku: 'a' }, { sku: '' }],
    first: null,
    counts: new Map([['x', 0]]),
    small: -8,
  }
  assert.deepEqual(roundTrip(schema, value).value, value)
})

test('messages written by another library read the same', () => {
  const vectors = JSON.parse(readFileSync(join(import.meta.dirname, '../../fixtures/protobuf/python.json'), 'utf8')) as readonly {
    readonly name: string
    readonly proto: string
    readonly hex: string
    readonly shown: string
  }[]
  assert.ok(vectors.length >= 8)
  for (const { name, proto, hex, shown } of vectors) assert.equal(show(read(proto, `00${hex}`).value), shown, name)
})

test('64-bit integers stay exact, and unsigned ones beyond int64 are refused', () => {
  for (const value of [-(2n ** 63n), 2n ** 63n - 1n, 9007199254740993n, -1n, 0n, 127n, 128n]) {
    assert.deepEqual(roundTrip(structOf([['a', primitive('int64')]]), { a: value }).value, { a: value })
  }
  assert.throws(() => read('syntax = "proto3"; message M { uint64 a = 1; }', '00 08 ffffffffffffffffff01'), {
    name: 'DataError',
    message: /18446744073709551615 is unsigned/,
  })
})

test('a null is never written where it would read as zero, unless asked', () => {
  const schema = structOf([
    ['a', optional(primitive('int32'))],
    ['l', arrayOf(primitive('string'), { optional: true })],
  ])
  assert.throws(() => roundTrip(schema, { a: null, l: [] }, plain), {
    name: 'DataError',
    message: /cannot tell from zero.*optional\.for\.nullables=true/,
  })
  assert.throws(() => roundTrip(schema, { a: 1, l: null }), {
    name: 'DataError',
    message: /cannot tell from an empty one.*nulls\.as\.defaults=true/,
  })
  assert.deepEqual(roundTrip(schema, { a: null, l: null }, { ...plain, nullsAsDefaults: true }).value, { a: 0, l: [] })
})

test('oneofs become structs with one field set, and go back with their numbers', () => {
  const text = 'syntax = "proto3"; message M { int32 z = 9; oneof pay { string card = 3; int64 cash = 5; } }'
  const { schema, value } = read(text, '00 28 00')
  assert.deepEqual(value, { pay_0: { card: null, cash: 0n }, z: 0 })
  assert.deepEqual(
    schema!.fields.map((field) => field.name),
    ['pay_0', 'z'],
  )
  const writer = protobufFormat(plain).writer(schema!)
  assert.match(writer.text, /oneof pay \{\s+string card = 3;\s+int64 cash = 5;\s+\}\s+int32 z = 9;/)
  assert.equal(Buffer.from(writer.write(head, value)).toString('hex'), '000000000700' + '2800')
  assert.throws(() => writer.write(head, { pay_0: { card: 'a', cash: 1n }, z: 0 }), /2 alternatives set/)
})

test('schemas of proto2, options, comments, nested types, enums and services are understood', () => {
  const text = `
    // comment
    syntax = "proto2"; /* another
    */ package a.b;
    import public "google/protobuf/timestamp.proto";
    option java_package = "x.y";
    message Outer {
      option deprecated = true;
      reserved 2, 15, 9 to 11; reserved "foo";
      extensions 100 to 199;
      enum Kind { option allow_alias = true; A = 1; B = 2 [deprecated = true]; C = 2; reserved 5; }
      message Inner { required Kind kind = 1; optional a.b.Outer.Kind other = 2 [default = B]; }
      required Inner inner = 1;
      optional string name = 3 [default = "x\\"y", (my.option) = { a: 1 b { c: [1, 2] } }];
      repeated int32 plain = 4;
      repeated int32 packed = 5 [packed = true];
      optional .google.protobuf.Timestamp at = 6;
      optional double ratio = 7;
      map<int32, Inner> inners = 8;
      extend Outer { optional int32 ext = 100; }
    }
    extend Outer { optional int32 more = 101; }
    service S { rpc Do (Outer) returns (Outer) { option x = { a: 1 }; } }
  `
  const hex = '00 0a 02 08 01 20 01 20 02 2a 02 03 04 32 04 08 01 10 00 42 06 08 07 12 02 08 02 a0 06 05'
  assert.deepEqual(read(text, hex).value, {
    inner: { kind: 'A', other: 'B' },
    name: 'x"y',
    plain: [1, 2],
    packed: [3, 4],
    at: 1000n,
    ratio: null,
    inners: new Map([[7, { kind: 'B', other: 'B' }]]),
  })
  assert.throws(() => read(text, '00'), { name: 'DataError', message: /"inner" is required/ })
})

test('the indexes of a message find it, in the file and within others', () => {
  const text =
    'syntax = "proto3"; enum E { X = 0; } message A { message B { int32 b = 1; } message C { int32 c = 1; } } message D { int32 d = 1; }'
  assert.deepEqual(read(text, '02 02 08 05').value, { d: 5 })
  assert.deepEqual(read(text, '04 00 02 08 05').value, { c: 5 })
  assert.throws(() => read(text, '02 08 08 05'), { name: 'DataError', message: /no message of index 4/ })
  assert.throws(() => read(text, '01'), { name: 'DataError', message: /message indexes/ })
})

test('names that objects inherit are names like any other', () => {
  const text = 'syntax = "proto3"; message __proto__ { int32 constructor = 1; string __proto__ = 2; map<string, int32> toString = 3; }'
  const { value } = read(text, '00 08 05 12 01 61 1a 0d 0a 09 5f5f70726f746f5f5f 10 01')
  assert.deepEqual(Object.entries(value as object), [
    ['constructor', 5],
    ['__proto__', 'a'],
    ['toString', new Map([['__proto__', 1]])],
  ])
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
})

test('plain values are wrapped, as keys are', () => {
  for (const [type, value] of [
    ['string', 'a'],
    ['string', ''],
    ['int64', 5n],
    ['int32', -1],
    ['boolean', true],
    ['float64', 0],
    ['bytes', Buffer.from('x')],
  ] as const) {
    const back = roundTrip(primitive(type), value)
    assert.deepEqual(back.value, value)
    assert.equal(back.schema!.type, type)
  }
  assert.equal(
    Buffer.from(protobufFormat(plain).writer(primitive('string')).write(head, 'a')).toString('hex'),
    '0000000007' + '020e' + '0a0161',
  )
})

test('dates, times and timestamps keep their values, and finer digits are not cut off in silence', () => {
  const schema = structOf([
    ['d', primitive('int32', { name: logical.date, version: 1 })],
    ['t', primitive('int32', { name: logical.time, version: 1 })],
    ['ts', primitive('int64', { name: logical.timestamp, version: 1 })],
  ])
  for (const value of [
    { d: 0, t: 0, ts: 0n },
    { d: -719_162, t: 86_399_999, ts: -62_135_596_800_000n },
    { d: 20_000, t: 3_723_004, ts: 1_700_000_000_123n },
    { d: 2_932_896, t: 1, ts: 253_402_300_799_999n },
  ]) {
    assert.deepEqual(roundTrip(schema, value).value, value)
  }
  assert.throws(() => roundTrip(schema, { d: 2_932_897, t: 0, ts: 0n }), /outside of the years/)
  assert.throws(() => roundTrip(schema, { d: 0, t: 0, ts: 2n ** 62n }), /outside of the years/)
  const text = 'syntax = "proto3"; import "google/protobuf/timestamp.proto"; message M { google.protobuf.Timestamp at = 1; }'
  assert.throws(() => read(text, '00 0a 04 08 01 10 01'), { name: 'DataError', message: /timestamp\.digits\.dropped=true/ })
  assert.deepEqual(read(text, '00 0a 04 08 01 10 01', { ...plain, dropDigits: true }).value, { at: 1000n })
})

test('what Protobuf or Connect cannot say is refused with the reason', () => {
  assert.throws(() => read('syntax = "proto3"; message N { N next = 1; }', '00'), /N contains itself; recursive .* ByteArrayConverter/)
  assert.throws(
    () => read('syntax = "proto3"; import "google/protobuf/struct.proto"; message M { google.protobuf.Struct s = 1; }', '00'),
    /contains itself/,
  )
  assert.throws(() => read('edition = "2023"; message M {}', '00'), /edition/)
  assert.throws(
    () => read('syntax = "proto3"; import "other.proto"; message M {}', '00'),
    /imports other\.proto, which is not among its references/,
  )
  assert.throws(() => read('syntax = "proto3"; message M { Other o = 1; }', '00'), /type Other, which is not defined/)
  assert.throws(() => read('syntax = "proto2"; message M { optional group G = 1 { optional int32 a = 1; } }', '00'), /groups are not read/)
  assert.throws(() => read('syntax = "proto3"; message M { int32 a = 1; int32 b = 1; }', '00'), /two fields of number 1/)
  const write = (schema: Schema) => protobufFormat(plain).writer(schema)
  assert.throws(() => write(structOf([['l', arrayOf(arrayOf(primitive('string')))]])), /list of lists/)
  assert.throws(() => write(structOf([['a-b', primitive('string')]])), /scrub\.invalid\.names/)
  assert.match(protobufFormat({ ...plain, scrub: true }).writer(structOf([['a-b', primitive('string')]])).text, /string a_b = 1;/)
  assert.throws(() => write(arrayOf(primitive('string'))), /structs and plain scalars only/)
})

test('hostile messages and schemas are refused within 50 ms', () => {
  const text = 'syntax = "proto3"; message M { int32 a = 1; string s = 2; M2 m = 3; repeated int32 l = 4; } message M2 { int32 x = 1; }'
  const groups = `00${'2b'.repeat(100_000)}`
  const cases: readonly (readonly [string, string, RegExp])[] = [
    [text, groups, /nested deeper than 100/],
    [text, '00 08 ffffffffffffffffffff01', /longer than 64 bits/],
    [text, '00 12 ffffffff0f', /length of/],
    [text, '00 12 02 61', /length of/],
    [text, '00 12 01 ff', /not UTF-8/],
    [text, '00 0a 00', /wire type 2/],
    [text, '00 00', /field number 0/],
    [text, '00 0f', /wire type/],
    [text, '00 2c', /wire type 4/],
    [text, '00 1a 00 1a 00', /comes twice/],
    [text, '00 08', /message ends/],
    [text, `00 22 05 ffffffffff`, /message ends/],
    ['message A { '.repeat(50_000), '00', /nested deeper than 100/],
    [`message A { option (x) = ${'{a:'.repeat(50_000)}`, '00', /nested deeper than 100/],
    [`message A { option (x) = ${'['.repeat(50_000)}`, '00', /nested deeper than 100/],
    ['message A { /* ', '00', /cannot be read/],
    ['message A { int32 a = ', '00', /cannot be read|ends within/],
    ['message A { reserved ', '00', /ends within/],
    ['service S {', '00', /ends within/],
    ['message A { int32 a = 0; }', '00', /which is none/],
  ]
  for (const [schema, hex, message] of cases) {
    assert.throws(
      () => read(schema, hex),
      (error: unknown) => error instanceof DataError && message.test(error.message),
      `${schema.slice(0, 60)} ${hex.slice(0, 40)}`,
    )
  }
})

test('a record is written under another registered message by the names of its fields', () => {
  const format = protobufFormat(exact)
  const schema = structOf(
    [
      ['id', primitive('int32')],
      ['gone', primitive('string')],
    ],
    { name: 'shop.Order' },
  )
  const latest = registered('syntax = "proto3"; message Other {} message Order { string more = 1; int64 id = 7; }')
  assert.throws(() => format.writerAs(schema, latest, true), /"gone" is not in the registered message Order/)
  const bytes = format.writerAs(schema, latest, false).write(head, { id: 3, gone: 'x' })
  assert.equal(Buffer.from(bytes).toString('hex'), '0000000007' + '0202' + '3803')
})

function show(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (typeof one === 'bigint') return `${one}`
    if (one instanceof Map) return Object.fromEntries([...one].sort())
    if (typeof one === 'object' && one !== null && (one as { type?: unknown }).type === 'Buffer')
      return Buffer.from((one as unknown as { data: number[] }).data).toString('hex')
    return one
  })
}
