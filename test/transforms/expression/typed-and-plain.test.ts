import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { arrayOf, DataError, decimalText, logical, primitive, record, structOf, type Decimal } from '../../../core/index.ts'
import { computation, expressionFault } from '../../../transforms/expression/expression.ts'

const schema = structOf([
  ['i', primitive('int64')],
  ['n', primitive('int64', { optional: true })],
  ['d', primitive('float64')],
  ['c', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })],
  ['s', primitive('string')],
  ['b', primitive('boolean')],
  ['l', arrayOf(primitive('int64'))],
])

const leaves = [
  'value.i',
  'value.n',
  'value.d',
  'value.c',
  'value.s',
  'value.b',
  'value.l',
  'value.l[0]',
  '1',
  '0',
  '2.5',
  '"x"',
  'true',
  'null',
  'decimal("1.5")',
]

type Kind = 'int' | 'double' | 'decimal'
const ofKind: Readonly<Record<Kind, readonly string[]>> = {
  int: ['value.i', 'value.n', 'value.l[0]', '1', '0'],
  double: ['value.d', '2.5'],
  decimal: ['value.c', 'decimal("1.5")'],
}

/**
 * Where one of two values is taken, both are of one kind: of an int and a double a schema makes a double at once, and without one the int stays
 * an int, which divides and overflows as ints do (docs/expressions.md).
 */
const expression: fc.Arbitrary<string> = fc.letrec<Record<Kind | 'all', string>>((tie) => {
  const taken = (kind: Kind) =>
    fc.oneof(
      fc.tuple(fc.constantFrom('coalesce', 'max', 'min'), tie(kind), tie(kind)).map(([name, a, b]) => `${name}(${a}, ${b})`),
      fc.tuple(tie('all'), tie(kind), tie(kind)).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
    )
  const number = (kind: Kind) =>
    fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(...ofKind[kind]),
      fc.tuple(tie(kind), fc.constantFrom('+', '-', '*', '/', '%'), tie(kind)).map(([a, op, b]) => `(${a} ${op} ${b})`),
      tie('all').map((a) => `${kind}(${a})`),
      taken(kind),
    )
  return {
    int: number('int'),
    double: number('double'),
    decimal: number('decimal'),
    all: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.constantFrom(...leaves),
      fc
        .tuple(tie('all'), fc.constantFrom('+', '-', '*', '/', '%', '==', '!=', '<', '<=', '>', '>=', '&&', '||', 'in'), tie('all'))
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc.oneof(taken('int'), taken('double'), taken('decimal')),
      fc.tuple(fc.constantFrom('-', '!'), tie('all')).map(([op, a]) => `${op}(${a})`),
      fc
        .tuple(fc.constantFrom('string', 'int', 'double', 'decimal', 'abs', 'size', 'toJson', 'round', 'sum'), tie('all'))
        .map(([name, a]) => `${name}(${a})`),
      fc.tuple(tie('all'), tie('all')).map(([a, b]) => `round(${a}, ${b})`),
      fc.oneof(...(['int', 'double', 'decimal'] as const).map((kind) => fc.tuple(tie(kind), tie(kind)))).map(([a, b]) => `[${a}, ${b}]`),
      fc.tuple(tie('all'), fc.constantFrom('map', 'filter', 'exists', 'all'), tie('all')).map(([a, name, b]) => `(${a}).${name}(x, ${b})`),
    ),
  }
}).all

const values = fc.record({
  i: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
  n: fc.option(fc.bigInt(-5n, 5n)),
  d: fc.double(),
  c: fc.bigInt(-100_000n, 100_000n).map((unscaled) => ({ unscaled, scale: 2 })),
  s: fc.string({ maxLength: 4 }),
  b: fc.boolean(),
  l: fc.array(fc.bigInt(-5n, 5n), { maxLength: 3 }),
})

test('an expression means the same with a schema and without', () => {
  let compared = 0
  fc.assert(
    fc.property(expression, values, (text, value) => {
      if (expressionFault(text) !== undefined) return
      const typed = outcome(() => {
        const { value: run } = computation(text, 'typed').forSchemas(null, schema, false)
        return run(record('t', value, { valueSchema: schema }))
      })
      const plain = outcome(() => computation(text, 'plain').forSchemas(null, null, true).value(record('t', value)))
      // Types may refuse what no record tells; what they let through is the same.
      if ('error' in typed) return
      compared++
      assert.ok(!('error' in plain), `${text}: only without a schema ${'error' in plain ? plain.error.message : ''}`)
      assert.equal(spelled(plain.value), spelled(typed.value), text)
    }),
    { numRuns: 6_000 },
  )
  assert.ok(compared > 300, `${compared} were compared`)
})

function outcome(run: () => unknown): { readonly value: unknown } | { readonly error: Error } {
  try {
    return { value: run() }
  } catch (error) {
    assert.ok(error instanceof DataError, error instanceof Error ? error.stack : String(error))
    return { error }
  }
}

/** By what a value counts: a schema makes 1 a 1.0 or a 1.00 where its field is a double or a decimal. */
function spelled(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelled).join()}]`
  if (typeof value === 'string' || value === null) return JSON.stringify(value)
  if (typeof value === 'object') return spelledNumber(decimalText(value as Decimal))
  return spelledNumber(typeof value === 'number' && Number.isInteger(value) ? BigInt(value).toString() : String(value))
}

function spelledNumber(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '').replace(/^-0$/, '0') : text
}
