import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseConfig, type ConnectRecord, type Transform } from '../../core/index.ts'
import transforms from '../../transforms/index.ts'
import { connectCases } from './oracle/cases.ts'
import { debeziumCases } from './oracle/debezium-cases.ts'
import type { OracleCase } from './oracle/oracle.ts'

const own: readonly (readonly [string, Record<string, string>])[] = [
  ['Validate$Value', { required: 'id', types: 'id:int64', ranges: 'count:0..' }],
  ['RouteByField', { 'topic.format': '${topic}-${field:id}', 'missing.field': 'keep', 'topics.max': '20' }],
  ['Mask$Value', { fields: 'text,address.city', 'missing.field': 'ignore' }],
  ['Mask$Value', { fields: 'id,name', mode: 'hash', salt: '0123456789abcdef', 'missing.field': 'ignore' }],
  ['Compute$Value', { expressions: 'twice = value.count * 2\nname = string(value.id) + "-" + topic', 'on.error': 'null' }],
  ['Compute$Value', { expressions: 'address.zip = "none"' }],
  ['Compute$Key', { expressions: 'region = key.id' }],
  ['DecodeJson$Value', { field: 'text', mode: 'permissive' }],
  ['DecodeJson$Value', { field: 'text', schema: '{"type":"struct","fields":[{"field":"n","type":"int64","optional":true}]}' }],
  ['DecodeJson$Key', { mode: 'permissive' }],
]

/** Makes the transform of a case; undefined where its config is a wrong one, or it is a predicate. */
function maker({ class: name, config: raw }: OracleCase): (() => Transform) | undefined {
  const def = transforms.transforms!.find((one) => one.class === name)
  if (def === undefined) return undefined
  const { config, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) return undefined
  const create = () => def.create(config as never)
  try {
    create()
    return create
  } catch (error) {
    assert.equal((error as Error).name, 'ConfigError', `${name} ${JSON.stringify(raw)}`)
    return undefined
  }
}

function casesOf(seed: number): readonly OracleCase[] {
  const theirs = [...connectCases(seed), ...debeziumCases(seed)]
  const records = connectCases(seed)[0]!.records
  return [
    ...theirs,
    ...own.map(([name, config]): OracleCase => ({ class: `io.millrace.transforms.${name}`, config, kind: 'sink', records })),
  ]
}

/** What becomes of each record: the new one, null, or the words of its error. */
function outcomes(transform: Transform, records: readonly ConnectRecord[]): readonly unknown[] {
  return records.map((record) => {
    try {
      return transform.apply(record)
    } catch (error) {
      assert.equal((error as Error).name, 'DataError', (error as Error).stack)
      return (error as Error).message
    }
  })
}

function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value
  for (const item of value instanceof Map ? value.values() : Object.values(value)) frozen(item)
  return Object.freeze(value)
}

/** The same content in new objects, so that nothing is recognised by identity; schemas stay, as they are shared. */
function copied({ key, value, headers, ...rest }: ConnectRecord): ConnectRecord {
  return { ...rest, key: structuredClone(key), value: structuredClone(value), headers: [...headers] }
}

test('the configs of our own transforms are right ones', () => {
  for (const [name, config] of own)
    assert.ok(maker({ class: `io.millrace.transforms.${name}`, config, kind: 'sink', records: [] }), `${name} ${JSON.stringify(config)}`)
})

test('no transform changes its input, moves its origin, or throws anything but a DataError', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      for (const one of casesOf(seed)) {
        const create = maker(one)
        if (create === undefined) continue
        const before = one.records.map(copied)
        const results = outcomes(create(), one.records.map(frozen))
        assert.deepEqual(one.records.map(copied), before, one.class)
        results.forEach((result, index) => {
          if (result !== null && typeof result === 'object') assert.equal((result as ConnectRecord).origin, one.records[index]!.origin)
        })
      }
    }),
    { numRuns: 2 },
  )
})

test('a record becomes the same alone, after others, and again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      for (const one of casesOf(seed)) {
        const create = maker(one)
        if (create === undefined) continue
        const together = create()
        const first = outcomes(together, one.records)
        // RouteByField counts topics: what one of them may come to depends on those before it.
        if (one.class.endsWith('RouteByField')) continue
        const label = `${one.class} ${JSON.stringify(one.config)}`
        assert.deepEqual(outcomes(together, one.records.toReversed()).toReversed(), first, label)
        assert.deepEqual(
          one.records.flatMap((record) => outcomes(create(), [record])),
          first,
          label,
        )
      }
    }),
    { numRuns: 2 },
  )
})

test('every result has the one shape of a record, and its struct the members that its schema has', () => {
  for (const one of casesOf(7)) {
    const create = maker(one)
    if (create === undefined) continue
    outcomes(create(), one.records).forEach((result) => {
      if (result === null || typeof result === 'string') return
      const { value, valueSchema, key, keySchema } = result as ConnectRecord
      for (const [struct, schema] of [
        [value, valueSchema],
        [key, keySchema],
      ] as const) {
        if (schema?.type !== 'struct' || struct === null) continue
        assert.deepEqual(
          Object.keys(struct as object),
          schema.fields.map((field) => field.name),
          `${one.class} ${JSON.stringify(one.config)}`,
        )
      }
    })
  }
})
