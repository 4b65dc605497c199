import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Schema, arrayOf, logical, mapOf, optional, primitive, structOf } from '../../../core/index.ts'
import { Engine } from '../../../connectors/delta/engine.ts'
import { deltaType, newField } from '../../../connectors/delta/schema.ts'
import { Stage } from '../../../connectors/delta/stage.ts'

/** Values through a stage and back, as DuckDB's JSON form shows them. */
async function roundTrip(engine: Engine, schema: Schema, chunks: readonly (readonly unknown[])[]): Promise<readonly unknown[]> {
  const column = {
    field: newField('v', deltaType(schema)),
    source: schema,
    read: (values: readonly unknown[], start: number, count: number, out: unknown[]): void => {
      for (let index = 0; index < count; index++) out[index] = values[start + index]
    },
  }
  await using stage = await Stage.create<unknown>(engine, [column])
  for (const chunk of chunks) if (chunk.length > 0) stage.add(chunk, 0, chunk.length)
  stage.seal()
  return (await engine.rows(`SELECT c0 FROM ${stage.table} ORDER BY rowid`)).map((row) => row['c0'])
}

const ascii = fc.string({ maxLength: 40 })
const unicode = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.toWellFormed())
const chunksOf = <T>(value: fc.Arbitrary<T>) => fc.array(fc.array(value, { maxLength: 30 }), { maxLength: 4 })

test('texts of every length come back, in chunks of ASCII and of anything, with NULLs between', async () => {
  await using engine = await Engine.open({ memoryLimit: '128MB' })
  const schema = optional(primitive('string'))
  for (const text of [ascii, unicode, fc.oneof(ascii, unicode), fc.constantFrom('', 'x'.repeat(12), 'x'.repeat(13), 'y'.repeat(5000))]) {
    await fc.assert(
      fc.asyncProperty(chunksOf(fc.option(text, { freq: 4 })), async (chunks) => {
        assert.deepEqual(await roundTrip(engine, schema, chunks), chunks.flat())
      }),
      { numRuns: 30 },
    )
  }
})

test('texts of a full chunk keep their places', async () => {
  await using engine = await Engine.open({ memoryLimit: '128MB' })
  const chunk = Array.from({ length: 2048 }, (_, index) => (index % 9 === 0 ? null : `${index} `.repeat(index % 13)))
  const chunks = Array.from({ length: 200 }, () => chunk)
  assert.deepEqual(await roundTrip(engine, optional(primitive('string')), chunks), chunks.flat())
})

test('nested values come back', async () => {
  await using engine = await Engine.open({ memoryLimit: '128MB' })
  const inner = structOf(
    [
      ['n', optional(primitive('int64'))],
      ['t', arrayOf(optional(primitive('string')), { optional: true })],
    ],
    { optional: true },
  )
  const schema = mapOf(primitive('string'), arrayOf(inner, { optional: true }), { optional: true })
  const struct = fc.record({
    n: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    t: fc.option(fc.array(fc.option(unicode))),
  })
  const map = fc
    .dictionary(ascii, fc.option(fc.array(fc.option(struct), { maxLength: 5 })), { maxKeys: 4 })
    .map((object) => new Map(Object.entries(object)))
  const shown = (value: Map<string, readonly ({ n: bigint | null; t: unknown } | null)[] | null> | null): unknown =>
    value &&
    [...value].map(([key, items]) => ({
      key,
      value: items && items.map((item) => item && { n: item.n === null ? null : String(item.n), t: item.t }),
    }))
  await fc.assert(
    fc.asyncProperty(chunksOf(fc.option(map)), async (chunks) => {
      const read = await roundTrip(engine, schema, chunks)
      assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(chunks.flat().map((value) => shown(value as never)))))
    }),
    { numRuns: 60 },
  )
})

test('decimals of every width come back with their sign', async () => {
  await using engine = await Engine.open({ memoryLimit: '128MB' })
  for (const precision of [1, 4, 5, 9, 10, 18, 19, 38]) {
    const schema = primitive('bytes', {
      optional: true,
      name: logical.decimal,
      parameters: { scale: '0', 'connect.decimal.precision': String(precision) },
    })
    const max = 10n ** BigInt(precision) - 1n
    await fc.assert(
      fc.asyncProperty(fc.array(fc.bigInt({ min: -max, max }), { maxLength: 40 }), async (values) => {
        const read = await roundTrip(engine, schema, [values.map((unscaled) => ({ unscaled, scale: 0 }))])
        assert.deepEqual(read, values.map(String))
      }),
      { numRuns: 20 },
    )
  }
})
