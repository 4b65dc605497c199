import { arrayOf, logical, mapOf, primitive, record, structOf, type ConnectRecord, type Schema } from '../../../core/index.ts'

/** Repeatable random numbers (mulberry32). */
export class Dice {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  /** A whole number from 0 up to, without it, `below`. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
  pick<T>(list: readonly T[]): T {
    return list[this.roll(list.length)]!
  }
}

const named = (type: 'int32' | 'int64' | 'bytes' | 'string', name: string, more: object = {}) =>
  primitive(type, { name, version: 1, optional: true, ...more })

/** One field of every type, most of them optional, some with defaults. */
export const allFields: readonly (readonly [string, Schema])[] = [
  ['id', primitive('int64')],
  ['tiny', primitive('int8', { optional: true })],
  ['small', primitive('int16', { optional: true, defaultValue: 7 })],
  ['count', primitive('int32', { optional: true })],
  ['big', primitive('int64', { optional: true, doc: 'a big one' })],
  ['ratio', primitive('float32', { optional: true })],
  ['amount', primitive('float64', { optional: true, defaultValue: 1.5 })],
  ['ok', primitive('boolean', { optional: true, defaultValue: true })],
  ['name', primitive('string', { optional: true, defaultValue: 'anonymous' })],
  ['text', primitive('string', { optional: true })],
  ['raw', primitive('bytes', { optional: true })],
  ['price', named('bytes', logical.decimal, { parameters: { scale: '2' } })],
  ['day', named('int32', logical.date)],
  ['clock', named('int32', logical.time)],
  ['at', named('int64', logical.timestamp)],
  ['tags', arrayOf(primitive('string', { optional: true }), { optional: true })],
]

export const inner = structOf(
  [
    ['city', primitive('string', { optional: true, defaultValue: 'nowhere' })],
    ['zip', primitive('int32')],
    ['x.y', primitive('int32', { optional: true })],
    ['q`r', primitive('string', { optional: true })],
    ['geo', structOf([['lat', primitive('float64', { optional: true })]], { optional: true, name: 'geo' })],
  ],
  { optional: true, name: 'address', version: 2 },
)

export const flatSchema = structOf(allFields, { name: 'all', version: 3, doc: 'one of each', parameters: { origin: 'test' } })
export const nestedSchema = structOf(
  [
    ['id', primitive('int64')],
    ['address', inner],
    ['text', primitive('string', { optional: true })],
    ['when', primitive('int64', { optional: true })],
  ],
  { name: 'nested', optional: true },
)
export const mapSchema = structOf([
  ['id', primitive('int64')],
  ['attributes', mapOf(primitive('string'), primitive('int32'))],
])

const texts = [
  '',
  'x',
  'true',
  'FALSE',
  'yes',
  '0',
  '12',
  '-129',
  '007',
  ' 5',
  '3.75',
  '1e3',
  'NaN',
  '99999999999999999999',
  '2023-11-14',
  '2023-11-14 22:13:20',
  '14.11.2023',
  'ünïcode ☃',
  '１２',
]
const integers = [
  0n,
  1n,
  -1n,
  5n,
  127n,
  128n,
  -129n,
  32_768n,
  65_536n,
  2_147_483_647n,
  2_147_483_648n,
  1_700_000_000_123n,
  -1_500n,
  9_007_199_254_740_993n,
  9_223_372_036_854_775_807n,
  -9_223_372_036_854_775_808n,
]
const floats = [0, -0, 1, 0.1, 1.5, -2.75, 300, 1e7, 1e10, 1e-5, 123_456.789, 3e38, 1e300, NaN, Infinity]

/** A value of a schema; of an optional one now and then null. */
export function valueOf(schema: Schema, dice: Dice): unknown {
  if (schema.optional && dice.roll(6) === 0) return null
  if (schema.name === logical.decimal)
    return { unscaled: dice.pick([0n, 1n, -12_345n, 100n, 30_000n, 12_345_678_901_234_567_890n]), scale: 2 }
  if (schema.name === logical.time) return dice.roll(86_400_000)
  if (schema.name === logical.timestamp) {
    return dice.pick([BigInt(dice.roll(2_000_000_000)) * 1000n + 86_400_007n, 951_782_400_000n, 5_000n, 1_700_000_000_123n])
  }
  if (schema.name === logical.date) return dice.roll(20_000)
  switch (schema.type) {
    case 'int8':
      return dice.roll(256) - 128
    case 'int16':
      return dice.roll(65_536) - 32_768
    case 'int32':
      return dice.pick([0, 1, -1, 300, 2_147_483_647, -2_147_483_648, dice.roll(100_000)])
    case 'int64':
      return dice.pick(integers)
    case 'float32':
      return Math.fround(dice.pick(floats.filter((one) => !Number.isFinite(one) || Math.abs(one) < 1e38)))
    case 'float64':
      return dice.pick(floats)
    case 'boolean':
      return dice.roll(2) === 0
    case 'string':
      return dice.pick(texts)
    case 'bytes':
      return Buffer.from(dice.pick(['', 'ab', '\u0000ÿ']), 'latin1')
    case 'array':
      return Array.from({ length: dice.roll(3) }, () => valueOf(schema.valueSchema!, dice))
    case 'map':
      return new Map(['a', 'b'].slice(dice.roll(3)).map((key) => [key, valueOf(schema.valueSchema!, dice)]))
    case 'struct':
      return Object.fromEntries(schema.fields.map((field) => [field.name, valueOf(field.schema, dice)]))
    default:
      return schema.type satisfies never
  }
}

/** A value without a schema, as JSON would give it. */
export function plainOf(dice: Dice, depth = 0): unknown {
  switch (dice.roll(depth > 2 ? 5 : 8)) {
    case 0:
      return null
    case 1:
      return dice.pick(integers)
    case 2:
      return dice.pick(floats.filter(Number.isFinite))
    case 3:
      return dice.roll(2) === 0
    case 4:
      return dice.pick(texts)
    case 5:
      return Array.from({ length: dice.roll(3) }, () => plainOf(dice, depth + 1))
    default:
      return plainObject(dice, depth + 1)
  }
}

export function plainObject(dice: Dice, depth = 0): Record<string, unknown> {
  const names = ['id', 'name', 'text', 'count', 'amount', 'ok', 'when', 'address', 'city', 'zip', 'price']
  return Object.fromEntries(
    names
      .filter(() => dice.roll(3) > 0)
      .map((name) => [name, name === 'address' ? plainObject(dice, depth + 1) : plainOf(dice, depth + 1)]),
  )
}

const keySchema = structOf(
  [
    ['id', primitive('int64')],
    ['region', primitive('string', { optional: true, defaultValue: 'eu' })],
  ],
  { name: 'key' },
)

/** Records of all kinds: structs flat and nested, plain objects, single values, tombstones, nulls with a schema. */
export function sampleRecords(seed: number, count: number): readonly ConnectRecord[] {
  const dice = new Dice(seed)
  return Array.from({ length: count }, (_, index) => sampleRecord(dice, index))
}

function sampleRecord(dice: Dice, index: number): ConnectRecord {
  const keyed = dice.roll(3) > 0
  const extras = {
    partition: dice.roll(4),
    timestamp: dice.roll(8) === 0 ? null : dice.pick([0, 1_700_000_000_123, 951_782_400_000, dice.roll(2_000_000_000) * 1000]),
    key: keyed ? valueOf(keySchema, dice) : dice.roll(2) === 0 ? null : { id: BigInt(dice.roll(9)), region: 'eu' },
    keySchema: keyed ? keySchema : null,
    headers:
      dice.roll(2) === 0
        ? []
        : [
            { key: 'a', value: 'one', schema: primitive('string') },
            { key: 'b', value: 5n, schema: primitive('int64') },
            { key: 'a', value: null, schema: primitive('string', { optional: true }) },
          ],
    origin: { partition: '{"kafka_partition":0,"kafka_topic":"t"}', position: index, seq: 0 },
  }
  const topic = dice.pick(['orders', 'shop.public.items', 'a-b_c'])
  const schema = dice.pick([
    flatSchema,
    flatSchema,
    flatSchema,
    nestedSchema,
    nestedSchema,
    mapSchema,
    primitive('string', { optional: true }),
    primitive('int64'),
    allFields[11]![1],
    allFields[14]![1],
    null,
    null,
    null,
    undefined,
  ])
  if (schema === undefined) return record(topic, null, extras)
  if (schema === null) return record(topic, dice.roll(5) === 0 ? plainOf(dice) : plainObject(dice), extras)
  return record(topic, valueOf(schema, dice), { ...extras, valueSchema: schema })
}
