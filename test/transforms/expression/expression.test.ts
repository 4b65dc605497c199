import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arrayOf, decimalText, logical, mapOf, primitive, record, structOf, type ConnectRecord } from '../../../core/index.ts'
import { computation, condition, expressionFault } from '../../../transforms/expression/expression.ts'

const decimalOf = (scale: number) => primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: String(scale) } })

/** The value of an expression for a record; with its schema where it has one. */
function valueOf(text: string, one: ConnectRecord): unknown {
  return computation(text, 'test')
    .forSchemas(one.keySchema, one.valueSchema, one.valueSchema === null)
    .value(one)
}

const plain = (value: unknown) => record('t', value)

test('64-bit integers are exact, and what does not fit is an error', () => {
  const schema = structOf([
    ['a', primitive('int64')],
    ['b', primitive('int64')],
  ])
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const operations = { '+': (a: bigint, b: bigint) => a + b, '-': (a: bigint, b: bigint) => a - b, '*': (a: bigint, b: bigint) => a * b }
  for (const [op, exact] of Object.entries(operations)) {
    const typed = computation(`value.a ${op} value.b`, 'test').forSchemas(null, schema, false)
    fc.assert(
      fc.property(fc.oneof(int64, fc.bigInt(-1000n, 1000n)), fc.oneof(int64, fc.bigInt(-1000n, 1000n)), (a, b) => {
        const right = exact(a, b)
        for (const run of [
          () => typed.value(record('t', { a, b }, { valueSchema: schema })),
          () => valueOf(`value.a ${op} value.b`, plain({ a, b })),
        ]) {
          if (BigInt.asIntN(64, right) === right) assert.equal(run(), right)
          else assert.throws(run, /does not fit 64 bits/)
        }
      }),
      { numRuns: 200 },
    )
  }
})

test('an expression cannot negate, divide or round its way past 64 bits', () => {
  const least = plain({ a: -(2n ** 63n) })
  for (const text of [
    '-value.a',
    'value.a / -1',
    'abs(value.a)',
    'sum([value.a, value.a])',
    'int(double(value.a) * 2.0)',
    'int(-decimal(value.a))',
  ]) {
    assert.throws(() => valueOf(text, least), /64 bits/, text)
  }
})

test('decimals are exact and their scale follows from the types', () => {
  const schema = structOf([
    ['a', decimalOf(2)],
    ['b', decimalOf(5)],
  ])
  const add = computation('value.a + value.b', 'test').forSchemas(null, schema, false)
  const multiply = computation('value.a * value.b', 'test').forSchemas(null, schema, false)
  assert.equal(add.schema!.parameters!['scale'], '5')
  assert.equal(multiply.schema!.parameters!['scale'], '7')
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 40n), 10n ** 40n), fc.bigInt(-(10n ** 40n), 10n ** 40n), (a, b) => {
      const one = record('t', { a: { unscaled: a, scale: 2 }, b: { unscaled: b, scale: 5 } }, { valueSchema: schema })
      assert.deepEqual(add.value(one), { unscaled: a * 1000n + b, scale: 5 })
      assert.deepEqual(multiply.value(one), { unscaled: a * b, scale: 7 })
    }),
  )
})

test('an int beside a double is an error where the double would change it', () => {
  assert.equal(valueOf('value.a + 0.5', plain({ a: 3n })), 3.5)
  assert.throws(() => valueOf('value.a * value.b', plain({ a: 2n ** 53n + 1n, b: 1.5 })), /no exact double/)
})

test('numbers of all kinds compare by what they count', () => {
  const one = plain({ i: 2n ** 53n + 1n, d: 2 ** 53, c: { unscaled: 90071992547409930n, scale: 1 }, n: NaN })
  for (const [text, expected] of [
    ['value.i > value.d', true],
    ['value.i == value.c', true],
    ['value.c > value.d', true],
    ['value.d == value.i', false],
    ['value.n == value.n', false],
    ['value.n < 1', false],
    ['value.n >= 1', false],
    ['value.c == 9007199254740993.0', true],
    ['1 == 1.0', true],
    ['value.i in [9007199254740993]', true],
  ] as const) {
    assert.equal(valueOf(text, one), expected, text)
  }
})

test('values without a schema are judged when they are there', () => {
  const one = plain({ a: { b: [1n, 'x', null] }, m: new Map([['k', 1n]]), s: 'abc', d: 1.5 })
  assert.equal(valueOf('value.a.b[1] + "!"', one), 'x!')
  assert.equal(valueOf('value.m.k + 1', one), 2n)
  assert.equal(valueOf('size(value.a.b)', one), 3n)
  assert.equal(valueOf('value.s.upper()', one), 'ABC')
  assert.equal(valueOf('has(value.a.x.y)', one), false)
  assert.throws(() => valueOf('value.s + 1', one), /there is no string \+ int.*character 1/)
  assert.throws(() => valueOf('value.a.b[2] + 1', one), /null has no \+/)
  assert.throws(() => valueOf('value.a.b[7]', one), /has 3 items, none at 7/)
  assert.throws(() => valueOf('value.a.x', one), /value\.a has no "x".*character 9/)
  assert.throws(() => valueOf('upper(value.d)', one), /upper\(double\) does not exist/)
})

test('results without a schema are plain values', () => {
  const one = record('t', { s: 'x' }, { timestamp: 5 })
  assert.equal(valueOf('timestamp', one), 5n)
  assert.deepEqual(
    valueOf('{"a": 1, "__proto__": [timestamp]}', one),
    JSON.parse('{"a":1,"__proto__":[5]}', (_, v: unknown) => (typeof v === 'number' ? BigInt(v) : v)),
  )
  assert.throws(() => valueOf('timestamp + duration("1ns")', one), /finer than milliseconds/)
})

test('what is wrong whatever the record is told at once, with its place', () => {
  for (const [text, message] of [
    ['', /Unexpected token: EOF/],
    ['value.a +', /Unexpected token: EOF, at character 10/],
    ['1 +\n  nope', /unknown variable "nope".*at line 2, character 3/],
    ['nope(1)', /there is no function "nope", at character 1/],
    ['"a" - "b"', /there is no string - string/],
    ['lower(1)', /lower\(int\) does not exist; there is lower\(string\)/],
    ['lower("a", "b")', /does not exist/],
    ['"x".matches("(")', /pattern "\(" is wrong/],
    ['"x".matches("(?=a)b")', /pattern .* is wrong/],
    ['format(timestamp, "QQ")', /Q/],
    ['format(timestamp, "yyyy", "Mars/Base")', /no time zone/],
    ['truncate(timestamp, "decade")', /is no unit/],
    ['duration("1x")', /is no duration/],
    ['timestamp("2024-02-30T00:00:00Z")', /is no timestamp/],
    ['int("9223372036854775808")', /64 bits/],
    ['1 ? 2 : 3', /must be a bool/],
    ['true ? 1 : "a"', /must have one type/],
    ['!1', /must be a bool/],
    ['1u', /unsigned/],
    ['rand()', /same result/],
    ['has(value)', /has\(\) takes one member/],
    ['value.map(1, 2)', /iteration variable, at character 11/],
    ['topic.x', /topic is string/],
    ['{"a": 1, "a": 2}.a', undefined],
  ] as const) {
    const fault = expressionFault(text)
    if (message === undefined) assert.equal(fault, undefined, text)
    else assert.match(fault ?? 'nothing', message, text)
  }
})

test('a condition must be true or false', () => {
  assert.match(expressionFault('1 + 1', 'bool')!, /must be a bool, but is int/)
  assert.equal(expressionFault('value.a', 'bool'), undefined)
  assert.throws(() => condition('value.a', 'F')(plain({ a: 1n })), /result must be a bool/)
  assert.equal(condition('value.a', 'F')(plain({ a: null })), null)
})

test('types are checked against each schema once, with field and place', () => {
  const test = condition('value.name > 5', 'Filter')
  const schema = structOf([['name', primitive('string')]], { name: 'shop.Value' })
  assert.throws(
    () => test(record('t', { name: 'x' }, { valueSchema: schema })),
    /string and int cannot be compared by >, at character 1 .*shop\.Value/,
  )
  const other = structOf([['name', primitive('int32')]])
  assert.equal(test(record('t', { name: 6 }, { valueSchema: other })), true)
})

test('a branch that does not fit a schema fails only where a record takes it', () => {
  const test = condition('topic != "a" || value.only > 1', 'Filter')
  const schema = structOf([['other', primitive('string')]])
  assert.equal(test(record('b', { other: '' }, { valueSchema: schema })), true)
  assert.throws(() => test(record('a', { other: '' }, { valueSchema: schema })), /value has no field "only"/)
  const either = computation('topic == "a" ? value.only : 0', 'test').forSchemas(null, schema, false)
  assert.equal(either.value(record('b', { other: '' }, { valueSchema: schema })), 0n)
})

test('an error on one side of && and || gives way to a decision on the other', () => {
  const one = plain({ a: 0n })
  assert.equal(valueOf('1 / value.a > 0 || true', one), true)
  assert.equal(valueOf('1 / value.a > 0 && false', one), false)
  assert.throws(() => valueOf('1 / value.a > 0 || false', one), /division by zero/)
  assert.equal(valueOf('[0, 1].exists(x, 1 / x == 1)', one), true)
  assert.throws(() => valueOf('[0, 1].all(x, 1 / x == 1)', one), /division by zero/)
})

test('Debezium and Connect times become timestamps and durations', () => {
  const at = (name: string, type: 'int32' | 'int64' | 'string') => primitive(type, { name })
  const schema = structOf([
    ['d', at(logical.debeziumDate, 'int32')],
    ['ms', at(logical.debeziumTimestamp, 'int64')],
    ['us', at(logical.microTimestamp, 'int64')],
    ['ns', at(logical.nanoTimestamp, 'int64')],
    ['z', at(logical.zonedTimestamp, 'string')],
    ['t', at(logical.microTime, 'int64')],
  ])
  const value = { d: 0, ms: 1n, us: 1_001n, ns: -1n, z: '1970-01-01T01:00:00.000001+01:00', t: 3_600_000_000n }
  const one = record('t', value, { valueSchema: schema })
  for (const [text, expected] of [
    ['string(value.d)', '1970-01-01T00:00:00Z'],
    ['string(value.ms)', '1970-01-01T00:00:00.001Z'],
    ['string(value.us)', '1970-01-01T00:00:00.001001Z'],
    ['string(value.ns)', '1969-12-31T23:59:59.999999999Z'],
    ['string(value.z)', '1970-01-01T00:00:00.000001Z'],
    ['string(value.t)', '3600s'],
    ['value.ms < value.us', true],
    ['value.d + value.t == timestamp("1970-01-01T01:00:00Z")', true],
    ['value.us', 1_001n],
    ['value.z', '1970-01-01T01:00:00.000001+01:00'],
  ] as const) {
    assert.equal(valueOf(text, one), expected, text)
  }
  const moved = computation('value.ns + duration("1s")', 'test').forSchemas(null, schema, false)
  assert.equal(moved.schema!.name, logical.nanoTimestamp)
  assert.equal(moved.value(one), 999_999_999n)
  assert.throws(() => valueOf('truncate(value.us, "day") + duration("1us")', one), /finer/)
})

test('lists, maps and structs of a schema keep their types', () => {
  const schema = structOf([
    ['list', arrayOf(primitive('int16', { optional: true }))],
    ['map', mapOf(primitive('int32'), decimalOf(1))],
    [
      'struct',
      structOf([
        ['odd.name', primitive('int8')],
        ['__proto__', primitive('int8')],
      ]),
    ],
  ])
  const struct: Record<string, unknown> = { 'odd.name': 4 }
  Object.defineProperty(struct, '__proto__', { value: 5, enumerable: true })
  const value = { list: [1, null, 3], map: new Map([[7, { unscaled: 15n, scale: 1 }]]), struct }
  const one = record('t', value, { valueSchema: schema })
  const of = (text: string) => computation(text, 'test').forSchemas(null, schema, false)
  assert.equal(of('value.list[2] + 1').value(one), 4n)
  assert.throws(() => of('value.list[1] + 1').value(one), /value\.list\[1\] is null/)
  assert.equal(decimalText(of('value.map[7] * 2').value(one) as never), '3.0')
  assert.equal(of('value.struct["odd.name"]').schema!.type, 'int8')
  assert.equal(of('value.struct["odd.name"] + 0').value(one), 4n)
  assert.equal(of('value.struct["__proto__"]').value(one), 5)
  assert.deepEqual(of('value.list.filter(x, x != null)').value(one), [1n, 3n])
  assert.equal(of('value.struct').value(one), struct)
  assert.equal(of('value.struct == {"odd.name": 4, "__proto__": 5}').value(one), true)
})

test('a schema can be asked for its name', () => {
  const test = condition('valueSchema != null && valueSchema.name.endsWith(".Envelope") && keySchema == null', 'Filter')
  const schema = structOf([['a', primitive('int8')]], { name: 'x.Envelope', version: 2 })
  assert.equal(test(record('t', { a: 1 }, { valueSchema: schema })), true)
  assert.equal(test(record('t', { a: 1 }, { valueSchema: structOf([], { name: 'x' }) })), false)
  assert.equal(test(record('t', { a: 1 })), false)
  assert.equal(test(record('t', { a: 1 }, { valueSchema: schema, keySchema: schema })), false)
  assert.equal(valueOf('int(valueSchema.version)', record('t', { a: 1 }, { valueSchema: schema })), 2n)
})

test('where a record comes from can be asked', () => {
  const origin = { partition: 'p', position: 12, seq: 3 }
  const one = record(
    't',
    { a: 1n },
    {
      origin,
      partition: 4,
      headers: [
        { key: 'h', value: 1n, schema: null },
        { key: 'h', value: 2n, schema: null },
      ],
    },
  )
  assert.equal(valueOf('offset + origin.seq + partition', one), 19n)
  assert.equal(valueOf('headers.h', one), 2n)
  assert.equal(valueOf('"h" in headers && !has(headers.x)', one), true)
  assert.throws(() => valueOf('offset + 1', plain({})), /offset is null/)
})
