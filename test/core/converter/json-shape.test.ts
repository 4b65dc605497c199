import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NumberText, parseJson } from '../../../core/converter/json-parse.ts'
import { DataError } from '../../../core/index.ts'

const name = fc.oneof(fc.constantFrom('id', 'a', '__proto__', '1', '0', 'toString', 'né"e', '\u2028'), fc.string({ maxLength: 6 }))
const scalar = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 20 }),
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const kind = fc.uniqueArray(name, { maxLength: 6 })

test('objects that come again and again are read as if each were the first', () => {
  fc.assert(
    fc.property(
      fc.array(kind, { minLength: 1, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(3), fc.array(scalar, { minLength: 6, maxLength: 6 }), fc.nat(7), fc.constantFrom('', ' ', '\n ')), {
        maxLength: 40,
      }),
      (kinds, rows) => {
        for (const [which, values, length, space] of rows) {
          const names = kinds[which % kinds.length]!.slice(0, length)
          const members = names.map((one, index) => `${space}${JSON.stringify(one)}:${space}${JSON.stringify(values[index])}${space}`)
          const text = `{${members.join(',')}}`
          const parsed = parseJson(text, 'plain')
          assert.equal(shown(parsed), JSON.stringify(JSON.parse(text)))
          assert.equal(Object.getPrototypeOf(parsed), Object.prototype)
          assert.equal(shown(parseJson(`[${text},${text}]`, 'typed')), JSON.stringify(JSON.parse(`[${text},${text}]`)))
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('what is wrong with an object is found whether its kind is known or not', () => {
  const good = '{"shape":1,"other":{"deep":2}}'
  for (let times = 0; times < 5; times++) parseJson(good, 'plain')
  for (const text of [
    '{"shape":1,"shape":2}',
    '{"shape":1,"other":{"deep":2},"shape":3}',
    '{"shape":1,"other":{"deep":2},}',
    '{"shape":1,"other":{"deep":2}',
    '{"shape":1,"other":}',
    '{"shape":1 "other":2}',
    '{"shape":',
  ]) {
    assert.throws(() => parseJson(text, 'plain'), DataError, text)
  }
  assert.deepEqual(parseJson('{"shape":1}', 'plain'), { shape: 1n })
  assert.deepEqual(parseJson('{"shape":1,"other":2 }', 'plain'), { shape: 1n, other: 2n })
})

test('decimals of up to 15 digits are the doubles nearest to them', () => {
  fc.assert(
    fc.property(fc.nat(99_999), fc.nat(9_999), fc.nat(6), fc.boolean(), (whole, fraction, zeros, negative) => {
      const text = `${negative ? '-' : ''}${whole}.${'0'.repeat(zeros)}${fraction}`
      assert.ok(Object.is(parseJson(text, 'plain'), Number(text)), text)
    }),
  )
  assert.ok(Object.is(parseJson('-0.0', 'plain'), -0))
  for (const text of ['1.', '.5', '1.5.2', '01.5', '1.e3']) assert.throws(() => parseJson(text, 'plain'), DataError, text)
})

function shown(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) => {
    if (one instanceof NumberText) return Number(one.text)
    return typeof one === 'bigint' ? Number(one) : one
  })
}

test('kinds that begin alike, one of them the beginning of the other, take turns', () => {
  const kinds = [
    (n: number) => `{"id":${n}}`,
    (n: number) => `{"id":${n},"name":"n${n}"}`,
    (n: number) => `{"id":${n},"name":"n${n}","at":${n}}`,
    (n: number) => `{"id":${n},"nick":"n${n}"}`,
    (n: number) => `{"id":${n}, "name":"n${n}"}`,
  ]
  for (let n = 0; n < 200; n++) {
    const text = kinds[n % 7 < 5 ? n % 7 : 0]!(n)
    assert.deepEqual(parseJson(text, 'typed'), JSON.parse(text))
  }
  assert.throws(() => parseJson('{"id":1,"name":"a"', 'typed'), /the text ends/)
  assert.throws(() => parseJson('{"id":1,"id":2}', 'typed'), /twice/)
})
