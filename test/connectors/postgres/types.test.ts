import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Catalog, PgType } from '../../../connectors/postgres/catalog.ts'
import { defaultValue } from '../../../connectors/postgres/defaults.ts'
import { schemaName, fieldName, topicOf } from '../../../connectors/postgres/naming.ts'
import { valueDefaults, type ValueSettings } from '../../../connectors/postgres/settings.ts'
import { columnType, type ColumnType } from '../../../connectors/postgres/types.ts'
import { DataError } from '../../../core/index.ts'

/** A catalog of types given by name: `name`, `name[]`, or parts of a description. */
function typeOf(
  name: string,
  {
    modifier = -1,
    dimensions = 0,
    settings = {},
    ...parts
  }: Partial<PgType> & { modifier?: number; dimensions?: number; settings?: Partial<ValueSettings> } = {},
): ColumnType {
  const described = (oid: number, typeName: string, elementOid: number): PgType => ({
    oid,
    schema: 'pg_catalog',
    name: typeName,
    kind: 'base',
    elementOid,
    delimiter: ',',
    labels: [],
    domainBase: 0,
    domainModifier: -1,
    dimensions: 0,
    extension: null,
    ...parts,
  })
  const types = new Map([
    [1, name.endsWith('[]') ? described(1, name, 2) : described(1, name, 0)],
    [2, described(2, name.replace('[]', ''), 0)],
  ])
  const catalog = { type: (oid: number) => types.get(oid), noteUnknownLabel: () => {} } as unknown as Catalog
  return columnType(1, modifier, dimensions, catalog, { ...valueDefaults, prefix: 'app', database: 'shop', ...settings })!
}

/** Reads a text that stands inside a larger buffer. */
function read(type: ColumnType, text: string): unknown {
  const buffer = Buffer.from(`xx${text}\tyy`)
  return type.codec(buffer, 2, buffer.length - 3)
}

test('timestamps reach from 4713 BC to the end of 64 bits, and beyond it say so', () => {
  const micros = typeOf('timestamp')
  assert.equal(read(micros, '4714-11-24 00:00:00 BC'), -210866803200000000n)
  assert.equal(read(micros, '0001-12-31 23:59:59.999999 BC'), -62135596800000001n)
  assert.equal(read(micros, '0001-01-01 00:00:00'), -62135596800000000n)
  assert.equal(read(micros, '1582-10-10 12:00:00'), -12219681600000000n)
  assert.equal(read(micros, '1969-12-31 23:59:59.999999'), -1n)
  assert.equal(read(micros, '294247-01-10 04:00:54.775806'), 9223372036854775806n)
  assert.throws(() => read(micros, '294247-01-10 04:00:54.775807'), /does not fit a 64-bit count/)
  assert.throws(() => read(micros, '294276-12-31 23:59:59'), /time\.precision\.mode=isostring or connect/)
  assert.deepEqual([read(micros, 'infinity'), read(micros, '-infinity')], [9223372036854775807n, -9223372036854775808n])
  const millis = typeOf('timestamp', { modifier: 3 })
  assert.equal(read(millis, '294276-12-31 23:59:59.999'), 9224318015999999n)
  assert.deepEqual([read(millis, 'infinity'), read(millis, '-infinity')], [9223372036825200000n, -9223372036832400000n])
  assert.throws(() => read(typeOf('timestamp', { settings: { times: 'nanoseconds' } }), '2300-01-01 00:00:00'), DataError)
})

test('timestamptz becomes ISO text in UTC with the digits of its column', () => {
  const zoned = typeOf('timestamptz')
  assert.equal(read(zoned, '2024-01-02 03:04:05+00'), '2024-01-02T03:04:05.000000Z')
  assert.equal(read(zoned, '2024-01-02 03:04:05.67+00'), '2024-01-02T03:04:05.670000Z')
  assert.equal(read(zoned, '2024-01-01 00:00:00.5+05:30'), '2023-12-31T18:30:00.500000Z')
  assert.equal(read(zoned, '0001-01-01 00:00:00+05:45:10'), '0000-12-31T18:14:50.000000Z')
  assert.equal(read(zoned, '0044-03-15 12:00:00+00 BC'), '-0043-03-15T12:00:00.000000Z')
  assert.equal(read(zoned, '10000-01-01 00:00:00+00'), '+10000-01-01T00:00:00.000000Z')
  assert.equal(read(zoned, '-infinity'), '-infinity')
  assert.equal(read(typeOf('timestamptz', { modifier: 0 }), '2024-01-02 03:04:05+00'), '2024-01-02T03:04:05Z')
  assert.equal(read(typeOf('timestamptz', { modifier: 3 }), '2024-01-02 03:04:05.6+00'), '2024-01-02T03:04:05.600Z')
})

test('dates and times keep 24:00, BC and offsets in every precision mode', () => {
  const as = (name: string, times: ValueSettings['times'], text: string, modifier?: number) =>
    read(typeOf(name, { settings: { times }, ...(modifier === undefined ? {} : { modifier }) }), text)
  assert.deepEqual([as('date', 'adaptive', '4713-01-01 BC'), as('date', 'connect', '5874897-12-31')], [-2440550, 2145042905])
  assert.deepEqual([as('date', 'adaptive', 'infinity'), as('date', 'adaptive', '-infinity')], [2147483647, -2147483647])
  assert.deepEqual(
    [as('date', 'isostring', '0044-03-15 BC'), as('date', 'isostring', 'infinity'), as('date', 'isostring', '5874897-12-31')],
    ['-0043-03-15Z', 'infinity', '+5874897-12-31Z'],
  )
  assert.deepEqual(
    [as('time', 'adaptive', '24:00:00'), as('time', 'adaptive', '24:00:00', 3), as('time', 'connect', '23:59:59.999999')],
    [86_400_000_000n, 86_400_000, 86_399_999],
  )
  assert.deepEqual([as('time', 'isostring', '24:00:00'), as('time', 'isostring', '12:34:56.70')], ['24:00:00Z', '12:34:56.7Z'])
  assert.deepEqual([as('time', 'nanoseconds', '00:00:00.000001'), as('time', 'microseconds', '00:00:01', 0)], [1000n, 1_000_000n])
  assert.deepEqual(
    [as('timetz', 'adaptive', '24:00:00-15:59:59'), as('timetz', 'adaptive', '01:02:03.5+00')],
    ['24:00:00-15:59:59', '01:02:03.5Z'],
  )
})

test('intervals are exact as text, and in microseconds a month counts 30.4375 days', () => {
  const numeric = typeOf('interval')
  const text = typeOf('interval', { settings: { intervals: 'string' } })
  assert.equal(read(numeric, '1 year 2 mons 3 days 04:05:06.789'), 14n * 2_629_800_000_000n + 3n * 86_400_000_000n + 14_706_789_000n)
  assert.equal(read(text, '1 year 2 mons -3 days +04:05:06.789'), 'P1Y2M-3DT4H5M6.789S')
  assert.equal(read(text, '-00:00:00.000001'), 'P0Y0M0DT0H0M-0.000001S')
  assert.equal(read(text, '-1 years'), 'P-1Y0M0DT0H0M0S')
  assert.equal(read(text, '-infinity'), '-infinity')
  assert.throws(() => read(numeric, 'infinity'), /interval\.handling\.mode=string/)
  assert.throws(() => read(numeric, '178000000 years'), /does not fit 64 bits/)
})

test('numerics keep every digit at the scale of their column', () => {
  const scaled = (precision: number, scale: number) => typeOf('numeric', { modifier: ((precision << 16) | (scale & 0x7ff)) + 4 })
  assert.deepEqual(read(scaled(10, 2), '-0.05'), { unscaled: -5n, scale: 2 })
  assert.deepEqual(read(scaled(38, 10), '9007199254740993.0000000001'), { unscaled: 90071992547409930000000001n, scale: 10 })
  assert.deepEqual(read(scaled(16, 0), '9007199254740993'), { unscaled: 9007199254740993n, scale: 0 })
  assert.deepEqual(read(scaled(5, -2), '-12300'), { unscaled: -123n, scale: -2 })
  assert.deepEqual(scaled(5, -2).schema.parameters, { scale: '-2', 'connect.decimal.precision': '5' })
  assert.deepEqual(read(scaled(3, 5), '0.00123'), { unscaled: 123n, scale: 5 })
  const free = read(typeOf('numeric'), '1.500') as { text: string; scale: number; value: Uint8Array }
  assert.deepEqual([free.text, free.scale, Buffer.from(free.value).toString('hex')], ['1.500', 3, '05dc'])
  const nan = read(typeOf('numeric'), 'NaN') as { text: string; scale: number }
  assert.equal(nan.text, 'NaN')
  assert.throws(() => nan.scale, /decimal\.handling\.mode=string/)
  assert.deepEqual(read(typeOf('money'), '-$92,233,720,368,547,758.08'), { unscaled: -9223372036854775808n, scale: 2 })
})

test('arrays read NULLs, quotes, bounds and declared dimensions, and refuse other dimensions', () => {
  assert.deepEqual(read(typeOf('text[]'), '{a,NULL,"NULL","",null,"x,\\"y\\\\",ünï}'), ['a', null, 'NULL', '', null, 'x,"y\\', 'ünï'])
  assert.deepEqual(read(typeOf('int4[]'), '[0:1]={7,8}'), [7, 8])
  assert.deepEqual(read(typeOf('int4[]'), '{}'), [])
  assert.deepEqual(read(typeOf('int4[]', { dimensions: 2 }), '{{1,2},{3,NULL}}'), [
    [1, 2],
    [3, null],
  ])
  assert.deepEqual(read(typeOf('int4[]', { dimensions: 2 }), '{}'), [])
  assert.deepEqual(read(typeOf('box[]', { delimiter: ';' }), '{}'), [])
  assert.throws(() => read(typeOf('int4[]'), '{{1,2},{3,4}}'), /another number of dimensions/)
  assert.throws(() => read(typeOf('int4[]', { dimensions: 2 }), '{1,2}'), /another number of dimensions/)
  for (const broken of ['', '{', '{1', '{1,', '{1,}', '{"a', '1,2', '{1}x', '[0:1]', '{{1}'])
    assert.throws(() => read(typeOf('int4[]'), broken), DataError, broken)
})

test('bits, bytes, hstore, ranges and geometry', () => {
  assert.equal(read(typeOf('bit', { modifier: 1 }), '1'), true)
  assert.deepEqual([...(read(typeOf('bit', { modifier: 12 }), '000100000001') as Uint8Array)], [1, 1])
  assert.deepEqual([...(read(typeOf('bit', { modifier: 12 }), '000000000001') as Uint8Array)], [1])
  const bits = read(typeOf('varbit'), '0000000001') as Uint8Array & { text: string }
  assert.deepEqual([[...bits], bits.text], [[1, 0], '0000000001'])
  const bytea = (binary: ValueSettings['binary']) => read(typeOf('bytea', { settings: { binary } }), '\\xfbff00')
  assert.deepEqual(
    [Buffer.from([251, 255, 0]), '+/8A', '-_8A', 'fbff00'],
    [bytea('bytes'), bytea('base64'), bytea('base64-url-safe'), bytea('hex')],
  )
  assert.throws(() => read(typeOf('bytea'), 'plain'), /bytea_output=hex/)
  assert.throws(() => read(typeOf('bytea'), '\\xzz'), /hexadecimal/)
  const hstore = { extension: 'hstore', schema: 'public' }
  assert.equal(
    read(typeOf('hstore', hstore), '"a"=>"1", "b"=>NULL, "c\\"=>\\\\"=>"NULL, \\"x"'),
    '{"a":"1","b":null,"c\\"=>\\\\":"NULL, \\"x"}',
  )
  assert.deepEqual(
    read(typeOf('hstore', { ...hstore, settings: { hstore: 'map' } }), '"a"=>"1", "b"=>NULL'),
    new Map([
      ['a', '1'],
      ['b', null],
    ]),
  )
  assert.deepEqual(read(typeOf('point'), '(1e-05,-Infinity)'), {
    x: 1e-5,
    y: -Infinity,
    wkb: Buffer.from('0101000000f168e388b5f8e43e000000000000f0ff', 'hex'),
    srid: null,
  })
  assert.deepEqual(
    (read(typeOf('path'), '((0,0),(1,1))') as { extensions: Map<string, string> }).extensions,
    new Map([
      ['type', 'path'],
      ['closed', 'true'],
    ]),
  )
  const geometry = read(
    typeOf('geometry', { extension: 'postgis', schema: 'public' }),
    '0101000020e6100000000000000000f03f0000000000000040',
  ) as { srid: number; wkb: Uint8Array }
  assert.equal(geometry.srid, 4326)
  assert.deepEqual(read(typeOf('vector', { extension: 'vector', schema: 'public' }), '[1,-2.5]'), [1, -2.5])
  assert.deepEqual(read(typeOf('sparsevec', { extension: 'vector', schema: 'public' }), '{1:0.5,7:2}/10'), {
    dimensions: 10,
    vector: new Map([
      [1, 0.5],
      [7, 2],
    ]),
  })
})

test('a type without a form of its own is its text, its bytes, or left out', () => {
  const composite = { schema: 'shop', kind: 'composite' as const }
  const { schema } = typeOf('pair', composite)
  assert.deepEqual([schema.type, schema.name, schema.parameters], ['string', 'millrace.postgres.Text', { type: 'shop.pair' }])
  assert.equal(read(typeOf('pair', composite), '(1,"a b")'), '(1,"a b")')
  assert.deepEqual(read(typeOf('pair', { ...composite, settings: { unknownTypes: 'binary' } }), '(1)'), Buffer.from('(1)'))
  assert.equal(typeOf('pair', { ...composite, settings: { unknownTypes: 'omit' } }), undefined)
})

test('text that is not UTF-8 is refused, not repaired', () => {
  const text = typeOf('text')
  assert.throws(() => text.codec(Buffer.from([0x61, 0xff, 0x62]), 0, 3), /not valid UTF-8 \(its bytes begin 61ff62\)/)
  assert.equal(read(text, 'a replacement \ufffd is a character'), 'a replacement \ufffd is a character')
})

test('any bytes at all make a value or a DataError of every type', () => {
  const names = [
    'bool',
    'int4',
    'int8',
    'float4',
    'float8',
    'numeric',
    'money',
    'text',
    'bytea',
    'bit',
    'varbit',
    'date',
    'time',
    'timetz',
    'timestamp',
    'timestamptz',
    'interval',
    'uuid',
    'point',
    'line',
    'box',
    'path',
    'polygon',
    'circle',
    'int4[]',
    'text[]',
    'timestamptz[]',
  ]
  const types = [
    ...names.map((name) => typeOf(name)),
    typeOf('hstore', { extension: 'hstore' }),
    typeOf('vector', { extension: 'vector' }),
    typeOf('sparsevec', { extension: 'vector' }),
    typeOf('geometry', { extension: 'postgis' }),
  ]
  const likely = fc
    .string({ unit: fc.constantFrom(...'0123456789-+:.,{}[]()"\\ eBCinfNaTxZ=>/$'), maxLength: 30 })
    .map((text) => Buffer.from(text))
  fc.assert(
    fc.property(
      fc.oneof(
        likely,
        fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      ),
      (bytes) => {
        for (const type of types) {
          try {
            type.codec(bytes, 0, bytes.length)
          } catch (error) {
            assert.ok(
              error instanceof DataError,
              `${String(error)} for ${JSON.stringify(bytes.toString())} as ${JSON.stringify(type.schema.name ?? type.schema.type)}`,
            )
          }
        }
      },
    ),
    { numRuns: 3_000 },
  )
})

test('a default is a value where it is a literal, and nothing where it is an expression', () => {
  const of = (name: string, expression: string, extras: Parameters<typeof typeOf>[1] = {}) => defaultValue(expression, typeOf(name, extras))
  assert.equal(of('text', "'it''s'::text"), "it's")
  assert.equal(of('text', "E'back\\\\slash'::text"), 'back\\slash')
  assert.equal(of('int4', "'-1'::integer"), -1)
  assert.equal(of('int4', '(-1)'), -1)
  assert.equal(of('int8', "'9223372036854775807'::bigint"), 9223372036854775807n)
  assert.equal(of('bool', 'true'), true)
  assert.deepEqual(of('numeric', '1.5', { modifier: ((6 << 16) | 2) + 4 }), { unscaled: 150n, scale: 2 })
  assert.equal(of('timestamptz', "'2020-01-01 00:00:00+00'::timestamp with time zone"), '2020-01-01T00:00:00.000000Z')
  assert.deepEqual(of('bit', 'B\'101\'::"bit"', { modifier: 3 }), Buffer.from([5]))
  for (const expression of [
    'now()',
    "nextval('s'::regclass)",
    'NULL::text',
    "('a'::text || 'b'::text)",
    "'a'::text || 'b'",
    "lower('X'::text)",
    "'2020-01-01'::date + 5",
    'CURRENT_USER',
  ]) {
    assert.equal(of('text', expression), undefined, expression)
  }
})

test("topics and schema names are Debezium's, and avro names cannot begin with a digit", () => {
  const settings: ValueSettings = { ...valueDefaults, prefix: 'my app', database: 'shop' }
  assert.equal(topicOf(settings, 'Odd Schema', 'Mixed "Case"'), 'my_app.Odd_Schema.Mixed__Case_')
  assert.equal(schemaName({ ...settings, schemaNames: 'avro' }, 'app-1.2nd.t.Value'), 'app_1._2nd.t.Value')
  assert.equal(fieldName({ ...settings, fieldNames: 'avro' }, 'a.b c'), 'a_b_c')
  assert.equal(fieldName({ ...settings, fieldNames: 'avro_unicode' }, 'a_b c'), 'a_u005fb_u0020c')
})
