import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { javaRegex } from '../../transforms/java-regex.ts'

test('patterns match what they match in Java', () => {
  const matching: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['a.b', ['axb', 'a\tb'], ['a\nb', 'a\rb', 'a\u2028b']],
    ['(?s)a.b', ['a\nb', 'a\rb'], ['ab']],
    ['(?i)ké', ['Ké', 'ké'], ['KÉ', '\u212Aé']],
    ['(?i)[a-c]+', ['AbC'], ['d']],
    ['\\s', [' ', '\u000b'], ['\u00a0']],
    ['\\h\\v', ['\u00a0\u0085'], ['\n ']],
    ['a\\Rb', ['a\r\nb', 'a\u0085b'], ['a\n\nb']],
    ['\\p{Alpha}\\p{Digit}', ['a1'], ['é1']],
    ['\\p{IsLatin}+', ['é'], ['1']],
    ['\\Qa.b\\E+', ['a.bb'], ['axb']],
    ['\\u0041\\x42\\0103\\cA', ['ABC\u0001'], ['abc']],
    ['[\\w.-]+', ['a-b.c_1'], ['a b']],
    ['x\\{2}', ['x{2}'], ['xx']],
    ['(?<n>a)|b$', ['a', 'b'], ['ab']],
  ]
  for (const [pattern, yes, no] of matching) {
    const regex = javaRegex(pattern)
    for (const text of yes) assert.ok(regex.matches(text), `${pattern} matches ${JSON.stringify(text)}`)
    for (const text of no) assert.ok(!regex.matches(text), `${pattern} does not match ${JSON.stringify(text)}`)
  }
})

test('what cannot be run, or Java refuses, is refused by name', () => {
  const refused: readonly (readonly [string, RegExp])[] = [
    ['(?=a)', /look-ahead/],
    ['(?<!a)', /look-behind/],
    ['(a)\\1', /back references/],
    ['a++', /possessive/],
    ['(?>a)', /atomic/],
    ['[a&&b]', /intersections/],
    ['[a[b]]', /unions/],
    ['(?m)^a', /flags other than i and s/],
    ['a$b', /at the end only/],
    ['\\p{javaLowerCase}', /javaLowerCase is not supported/],
    ['(?P<n>a)', /not one that Java knows/],
    ['a{', /write \\{/],
    ['a{,2}', /first number/],
    ['a(?i)+', /cannot be repeated/],
    ['\\y', /\\y is not supported/],
    ['a\\', /ends with a backslash/],
    ['[b-a]', /wrong way round/],
    ['[a', /never closed/],
    ['(a', /./],
    ['*', /./],
  ]
  for (const [pattern, message] of refused) assert.throws(() => javaRegex(pattern), message, pattern)
})

test('any text in quotes is itself, and any text as a pattern is run or refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      if (!text.includes('\\E') && text.isWellFormed()) assert.ok(javaRegex(`\\Q${text}\\E`).matches(text))
      try {
        javaRegex(text)
      } catch (error) {
        assert.ok(error instanceof Error)
      }
    }),
  )
})

test('patterns that would take long to compile are refused by what is too large', () => {
  for (const [pattern, reason] of [
    ['a'.repeat(20_001), /20001 characters, 20000 are the most/],
    ['(a|b)'.repeat(1_001), /1001 groups/],
    ['a{1000}'.repeat(11), /11000 repeats/],
    ['a{1,1000}'.repeat(11), /11000 repeats/],
  ] as const) {
    assert.throws(() => javaRegex(pattern), reason)
  }
  assert.ok(javaRegex('(a|b)'.repeat(1_000)).matches('ab'.repeat(500)))
})
