import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ConfigError, DataError, primitive, record, structOf } from '../../../core/index.ts'
import { computation, expressionFault } from '../../../transforms/expression/expression.ts'
import { transformOf } from '../apply.ts'

const deep = Array.from({ length: 60 }).reduce<unknown>((inner) => ({ a: inner, list: [inner] }), 1n)
const list = Array.from({ length: 300 }, (_, n) => BigInt(n))
const one = record('t', {
  deep,
  list,
  text: 'a'.repeat(200_000),
  aaa: `${'a'.repeat(50_000)}!`,
  words: Array.from({ length: 2_000 }, () => 'word'.repeat(300)),
})

/** Runs an expression; gives its value, or the error. */
function evaluated(text: string): { readonly error?: Error; readonly value?: unknown } {
  try {
    return { value: computation(text, 'test').forSchemas(null, null, true).value(one) }
  } catch (error) {
    return { error: error as Error }
  }
}

test('an expression beyond its bounds is refused by name', () => {
  const nested = (open: string, close: string, times: number) => open.repeat(times) + '1' + close.repeat(times)
  for (const [text, message] of [
    ['1 + '.repeat(3_000) + '1', /has 12001 characters; 10000 are the most/],
    ['1+'.repeat(1_500) + '1', /too large: more than 2000 \(maxAstNodes\)/],
    [nested('(', ')', 200), /too large: more than 100 \(maxDepth\)/],
    [nested('[', ']', 200), /maxDepth/],
    ['!'.repeat(9_000) + 'true', /too many signs/],
    ['- '.repeat(4_000) + '1', /too many signs/],
    [`value${'.a'.repeat(300)}`, /maxDepth/],
    [`[${'1,'.repeat(600)}1]`, /maxListElements/],
    [`max(${'1,'.repeat(30)}1)`, /maxCallArguments/],
    ['true ? 1 : '.repeat(200) + '1', /maxDepth/],
  ] as const) {
    assert.match(expressionFault(text) ?? 'nothing', message, text.slice(0, 30))
  }
})

test('work without an end is stopped', () => {
  const doubled = (kind: string, times: number) =>
    `${Array.from({ length: times }, (_, n) => `cel.bind(v${n + 1}, ${kind.replaceAll('x', `v${n}`)}, `).join('')}v${times}${')'.repeat(times)}`
  for (const text of [
    'value.list.all(a, value.list.all(b, value.list.all(c, a + b + c >= 0)))',
    'value.list.map(a, value.list.map(b, value.list.map(c, 1)))',
    'cel.bind(l, value.list, l.map(a, l.map(b, l)))',
    `cel.bind(v0, value.text, size(${doubled('x + x', 40)}))`,
    `cel.bind(v0, [1], ${doubled('[x, x]', 40)})`,
    `cel.bind(v0, [1], ${doubled('[x, x]', 40)} == ${doubled('[x, x]', 40)})`,
    `cel.bind(v0, [1], toJson(${doubled('[x, x]', 40)}))`,
    `cel.bind(v0, decimal(3), ${doubled('x * x', 60)})`,
    `cel.bind(v0, [1], size(${doubled('x + x', 40)}))`,
    'value.text.replace("a", value.text)',
    'value.words.map(w, value.words.map(v, v.matches("(w|o|r|d)*x")))',
    'value.words.map(w, sha256(value.text))',
    'value.words.map(w, value.text.upper().lower().upper())',
    '"1e999999".split("").map(x, decimal("1e999999999"))',
    'round(1.5, 100000)',
    'divide(1, 3, 1000000)',
    'decimal("1e-2000")',
    'parseJson(value.text)',
  ]) {
    const { error } = evaluated(text)
    assert.ok(error !== undefined && !/^(Range|Type|Reference|Internal)Error/.test(error.name), `${text}: ${error?.stack ?? 'no error'}`)
  }
})

test('decimals of absurd scales are refused before anything is made of them', () => {
  for (const scale of [2_000_000_000, -2_000_000_000]) {
    for (const text of [
      'value.d + 1',
      'value.d / 3',
      'round(value.d, 2)',
      'int(value.d)',
      'double(value.d)',
      'string(value.d)',
      'toJson(value)',
      'value.d > 1.5',
      'value.d in [1]',
      'floor(value.d)',
    ]) {
      const run = () =>
        computation(text, 'test')
          .forSchemas(null, null, true)
          .value(record('t', { d: { unscaled: 1n, scale } }))
      assert.throws(run, (error: Error) => error instanceof DataError && /digits|too far apart/.test(error.message), text)
    }
  }
})

test('a value that is not what its schema says is an error of the record', () => {
  const schema = structOf([['a', primitive('int64')]])
  for (const a of [null, 1, 'x', {}]) {
    const run = () =>
      computation('value.a + 1', 'test')
        .forSchemas(null, schema, false)
        .value(record('t', { a }, { valueSchema: schema }))
    assert.throws(run, (error: Error) => error instanceof DataError && /does not fit/.test(error.message))
  }
})

test('patterns that never end in other engines do here', () => {
  for (const [pattern, found] of [
    ['(a+)+$', false],
    ['(a|aa)+$', false],
    ['(a*)*b', false],
    ['(.*a){20}', true],
  ] as const) {
    assert.deepEqual(evaluated(`value.aaa.matches("${pattern}")`), { value: found })
  }
})

test('nothing but own members can be reached', () => {
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf', '__defineGetter__']) {
    for (const whole of [
      'value',
      'value.deep',
      'value.list',
      'value.text',
      'headers',
      'origin',
      'key',
      '{"a": 1}',
      '[1]',
      '"a"',
      'timestamp("2024-01-01T00:00:00Z")',
      'decimal("1")',
    ]) {
      for (const text of [`${whole}["${name}"]`, `coalesce(${whole}["${name}"], null)`]) {
        const { error, value } = evaluated(text)
        assert.ok(error !== undefined || value === null, `${text} gave ${String(value)}`)
      }
      assert.notEqual(evaluated(`has(${whole}["${name}"])`).value, true)
    }
    assert.match(expressionFault(`${name}`) ?? '', /unknown variable|Reserved|reserved/i)
    assert.match(expressionFault(`${name}()`) ?? '', /there is no function|eserved/)
    assert.match(expressionFault(`value.${name}()`) ?? '', /there is no function|eserved/)
  }
  for (const text of [
    'process',
    'globalThis',
    'require("fs")',
    'import("fs")',
    'this',
    'eval("1")',
    'cel',
    'google',
    'optional',
    'int',
    'string.name',
  ]) {
    assert.ok(expressionFault(text), text)
  }
})

test('a member of any name is an own member where the record has it', () => {
  const value = JSON.parse('{"__proto__": "p", "constructor": "c", "toString": "s"}') as object
  const run = (text: string) => computation(text, 'test').forSchemas(null, null, true).value(record('t', value))
  assert.equal(run('value["__proto__"] + value.constructor + value.toString'), 'pcs')
  const made = transformOf('Compute$Value', { expressions: '__proto__ = value.a\nconstructor = 1' }).apply(record('t', { a: 1n }))!.value
  assert.equal(Object.getPrototypeOf(made), Object.prototype)
  assert.ok(Object.hasOwn(made as object, 'constructor'))
})

test('any text is either refused or an expression that gives a value or a DataError', () => {
  const word = fc.constantFrom(
    'value',
    'key',
    'topic',
    'headers',
    '.a',
    '.list',
    '[0]',
    '["x"]',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '+',
    '-',
    '*',
    '/',
    '%',
    '==',
    '<',
    '&&',
    '||',
    '!',
    '?',
    ':',
    ',',
    '1',
    '2.5',
    '"s"',
    'null',
    'true',
    'has(',
    'coalesce(',
    '.map(x, ',
    'x',
    '.size()',
    '.matches("a")',
    'int(',
    'decimal(',
    'string(',
    'max(',
    ' in ',
    'cel.bind(x, ',
    'date(',
    'timestamp',
    'round(',
    'toJson(',
    'b"a"',
    "'t'",
    '\n',
    '// c\n',
    '.split("")',
  )
  let good = 0
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(word, { maxLength: 14 }).map((words) => words.join('')),
        fc.string({ maxLength: 40 }),
      ),
      (text) => {
        if (expressionFault(text) !== undefined) return
        good++
        try {
          computation(text, 'test')
            .forSchemas(null, null, true)
            .value(record('t', { a: 1n, list: [1n, 'a', null], x: { a: 2.5 } }, { key: 'k' }))
        } catch (error) {
          assert.ok(error instanceof DataError, `${text}: ${error instanceof Error ? error.stack : String(error)}`)
        }
      },
    ),
    { numRuns: 5_000 },
  )
  assert.ok(good > 50, `${good} texts were expressions`)
})

test('records stay as they are', () => {
  const schemaless = fc.object({ withBigInt: true, maxDepth: 3 })
  const transform = transformOf('Compute$Value', {
    expressions: 'n.m = toJson(value)\nsize = size(value)\nsame = value == value',
    'on.error': 'null',
  })
  fc.assert(
    fc.property(schemaless, (value) => {
      const before = structuredClone(value)
      try {
        transform.apply(record('t', value))
      } catch (error) {
        assert.ok(error instanceof DataError || error instanceof ConfigError, String(error))
      }
      assert.deepEqual(value, before)
    }),
    { numRuns: 300 },
  )
})
