import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Batch } from '../../../connectors/elasticsearch/batch.ts'
import { documentWriter } from '../../../connectors/elasticsearch/document.ts'
import { DataError, logical, primitive, record, structOf, type Schema } from '../../../core/index.ts'

const write = documentWriter(true)

function written(fields: readonly (readonly [string, Schema, unknown])[]): string {
  const schema = structOf(fields.map(([name, type]) => [name, type] as const))
  const value = Object.fromEntries(fields.map(([name, , one]) => [name, one]))
  return write(record('t', value, { valueSchema: schema })) as string
}

const micro = primitive('int64', { name: logical.microTimestamp })
const nano = primitive('int64', { name: logical.nanoTimestamp })
const day = primitive('int32', { name: logical.debeziumDate })

test('days and micro- and nanoseconds become ISO text with all their digits, before 1970 too', () => {
  const secondsMax = 8_640_000_000_000
  fc.assert(
    fc.property(
      fc.integer({ min: -secondsMax, max: secondsMax }),
      fc.integer({ min: 0, max: 999_999 }),
      fc.integer({ min: -9_223_372_036, max: 9_223_372_035 }),
      (seconds, rest, near) => {
        const whole = new Date(seconds * 1000).toISOString().slice(0, -5)
        const nanos = new Date(near * 1000).toISOString().slice(0, -5)
        const days = Math.floor(seconds / 86_400)
        const digits = String(rest).padStart(6, '0')
        assert.equal(
          written([
            ['us', micro, BigInt(seconds) * 1_000_000n + BigInt(rest)],
            ['ns', nano, BigInt(near) * 1_000_000_000n + BigInt(rest)],
            ['day', day, days],
          ]),
          `{"us":"${whole}.${digits}Z","ns":"${nanos}.000${digits}Z","day":"${new Date(days * 86_400_000).toISOString().slice(0, -14)}"}`,
        )
      },
    ),
  )
})

test('a time beyond all calendars, such as infinity, is refused by name and not taken for milliseconds', () => {
  for (const [type, value] of [
    [micro, 9_223_372_036_825_200_000n],
    [day, 2_147_483_647],
  ] as const) {
    assert.throws(
      () => written([['until', type, value]]),
      (error) => error instanceof DataError && /Field "until" is \d+ .*beyond all calendars/.test(error.message),
    )
  }
})

test('a field may have any name beside one that is changed', () => {
  const fields = ['__proto__', 'constructor', '"], x: c[0](1)', ''].map((name) => [name, primitive('string'), name] as const)
  assert.equal(
    written([['at', day, 1], ...fields]),
    '{"at":"1970-01-02","__proto__":"__proto__","constructor":"constructor","\\"], x: c[0](1)":"\\"], x: c[0](1)","":""}',
  )
})

test('a batch gives back what was put into it, whole or in parts, texts and bytes alike', () => {
  const documents = fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6000 }), fc.uint8Array(), fc.constant(null)), {
    minLength: 1,
  })
  fc.assert(
    fc.property(documents, fc.infiniteStream(fc.boolean()), (list, chosen) => {
      const batch = new Batch(1)
      const lines = list.map((document, n) => {
        const operation = { record: record('t', null), index: 'i', id: String(n), kind: 'index', versioned: false, ordered: false } as const
        batch.add({ operation, head: `ü${n}\n`, document, tail: '\n' })
        return Buffer.concat([Buffer.from(`ü${n}\n`), ...(document === null ? [] : [Buffer.from(document as string), Buffer.from('\n')])])
      })
      assert.deepEqual(Buffer.from(batch.body), Buffer.concat(lines))
      const places = list.map((_, n) => n).filter(() => chosen.next().value)
      const picked = batch.pick(places)
      assert.deepEqual(Buffer.from(picked.body), Buffer.concat(places.map((n) => lines[n]!)))
      assert.deepEqual(
        picked.operations.map(({ id }) => Number(id)),
        places,
      )
      assert.deepEqual(Buffer.from(batch.takeLast().body), lines.at(-1))
      assert.equal(batch.bytes, Buffer.concat(lines.slice(0, -1)).length)
    }),
  )
})
