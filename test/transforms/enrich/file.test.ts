import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { logical, primitive, record, structOf, type ConnectRecord } from '../../../core/index.ts'
import { enrichedBatch, enrichedValues, enriching } from './enriching.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-enrich-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text)
  return join(folder, name)
}
const keys = (path: string, more: Record<string, string> = {}): Record<string, string> => ({
  lookup: 'file',
  file: path,
  key: 'country',
  'lookup.key': 'code',
  'file.check.ms': '0',
  ...more,
})
const schema = structOf([['country', primitive('string')]])
const of = (country: unknown) => record('t', { country })
const typed = (country: string) => record('t', { country }, { valueSchema: schema })

test('CSV is text as it stands there, unless types say more', async () => {
  const path = await file('a.csv', 'code,name,zip,rate\nde,"Müller, ""A""",01234,1.50\nfr,,99999,\nxx,"",1,2\n')
  await using plain = enriching(keys(path, { fields: 'name,zip' }))
  assert.deepEqual(await enrichedValues(plain, [of('de'), of('fr'), of('xx'), of('it')]), [
    { country: 'de', name: 'Müller, "A"', zip: '01234' },
    { country: 'fr', name: null, zip: '99999' },
    { country: 'xx', name: '', zip: '1' },
    { country: 'it', name: null, zip: null },
  ])
  await using exact = enriching(keys(path, { fields: 'zip,rate', types: 'zip:int32,rate:decimal(2)', into: 'c' }))
  const [de, fr] = (await enrichedBatch(exact, [typed('de'), typed('fr')])) as ConnectRecord[]
  assert.deepEqual(de!.value, { country: 'de', c: { zip: 1234, rate: { unscaled: 150n, scale: 2 } } })
  assert.deepEqual(fr!.value, { country: 'fr', c: { zip: 99_999, rate: null } })
  assert.equal(de!.valueSchema, fr!.valueSchema)
})

test('Parquet has its own types, read exactly', async () => {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const connection = await (await DuckDBInstance.create()).connect()
  const path = join(folder, 'a.parquet')
  await connection.run(`COPY (SELECT 9007199254740993::BIGINT AS code, 12345678901234567.89::DECIMAL(19,2) AS amount, DATE '2000-01-01' AS day,
    TIMESTAMP '2024-01-02 03:04:05.000006' AS at, 0.1::DOUBLE AS f, true AS ok, 'ab'::BLOB AS raw, [1,2] AS list) TO '${path}'`)
  connection.closeSync()
  await using enrich = enriching(keys(path, { fields: 'amount,day,at,f,ok,raw' }))
  const idSchema = structOf([['country', primitive('int64')]])
  const [one] = (await enrichedBatch(enrich, [
    record('t', { country: 9_007_199_254_740_993n }, { valueSchema: idSchema }),
  ])) as ConnectRecord[]
  assert.deepEqual(one!.value, {
    country: 9_007_199_254_740_993n,
    amount: { unscaled: 1_234_567_890_123_456_789n, scale: 2 },
    day: 10_957,
    at: BigInt(Date.UTC(2024, 0, 2, 3, 4, 5)) * 1_000n + 6n,
    f: 0.1,
    ok: true,
    raw: Buffer.from('ab'),
  })
  assert.equal(one!.valueSchema!.fields[3]!.schema.name, logical.microTimestamp)
  await using list = enriching(keys(path, { fields: 'list' }))
  await assert.rejects(list.prepare!([typed('1')]), { name: 'ConfigError', message: /"list" \(INTEGER\[\]\) needs a type/ })
})

test('JSON and NDJSON keep structure without a schema, and need types with one', async () => {
  const json = await file('a.json', '[{"code":"de","n":9007199254740993,"deep":{"a":[1]}},{"code":5,"n":1}]')
  await using plain = enriching(keys(json, { into: 'found' }))
  assert.deepEqual(await enrichedValues(plain, [of('de'), of(5n), of('zz')]), [
    { country: 'de', found: { code: 'de', n: 9_007_199_254_740_993n, deep: { a: [1n] } } },
    { country: 5n, found: { code: 5n, n: 1n } },
    { country: 'zz', found: null },
  ])
  await assert.rejects(plain.prepare!([typed('de')]), { name: 'ConfigError', message: /set "types"/ })
  const lines = await file('a.ndjson', '{"code":"de","n":1.10,"s":"x"}\n\n{"code":"fr","n":"1","s":2}\n')
  await using exact = enriching(keys(lines, { fields: 'n,s', types: 'n:decimal(2),s:string' }))
  const [de, fr] = await enrichedValues(exact, [typed('de'), typed('fr')])
  assert.deepEqual(de, { country: 'de', n: { unscaled: 110n, scale: 2 }, s: 'x' })
  assert.match(String(fr), /"1" in "n", which is not a value of/)
  assert.throws(() => enriching(keys(lines, { fields: 'n,s', types: 'n:int32' })), /"s" is one of the fields, but has no type/)
})

test('a file that changes is read again; one that is broken for a moment is waited for', async () => {
  const path = await file('live.ndjson', '{"code":"de","v":1}\n')
  await using enrich = enriching(keys(path, { fields: 'v' }))
  const v = async () => ((await enrichedValues(enrich, [of('de')]))[0] as { v: unknown }).v
  assert.equal(await v(), 1n)
  await writeFile(path, '{"code":"de","v":')
  await assert.rejects(enrich.prepare!([of('de')]), { name: 'RetriableError', message: /Line 1/ })
  await writeFile(`${path}.new`, '{"code":"de","v":2}\n')
  await rename(`${path}.new`, path)
  assert.equal(await v(), 2n)
  await utimes(path, new Date(), new Date())
  assert.equal(await v(), 2n)
  await rm(path)
  await assert.rejects(enrich.prepare!([of('de')]), { name: 'RetriableError', message: /ENOENT/ })
})

test('a key that stands twice is refused, a file beyond cache.bytes or without the column stops the task', async () => {
  const twice = await file('twice.csv', 'code,v\nde,1\nde,2\nfr,3\n')
  await using enrich = enriching(keys(twice, { fields: 'v' }))
  const out = await enrichedValues(enrich, [of('de'), of('fr')])
  assert.match(String(out[0]), /key de .*in more than one row/)
  assert.deepEqual(out[1], { country: 'fr', v: '3' })
  const large = await file('large.csv', `code,v\n${Array.from({ length: 3_000 }, (_, index) => `${index},x`).join('\n')}\n`)
  const stops = async (path: string, more: Record<string, string>, message: RegExp) => {
    await using one = enriching(keys(path, { fields: 'v', ...more }))
    await assert.rejects(one.prepare!([of('de')]), { name: 'ConfigError', message })
  }
  await stops(large, { 'cache.bytes': '65536' }, /takes more than cache\.bytes=65536/)
  await stops(twice, { 'lookup.key': 'kode' }, /no column "kode"; it has code, v/)
  await stops(join(folder, 'none.csv'), {}, /none\.csv cannot be read: ENOENT/)
})

test('what can be known of the config is refused at once', () => {
  const says = (raw: Record<string, string>, message: RegExp) => assert.throws(() => enriching(raw), message)
  says({ lookup: 'file', key: 'a', fields: 'b' }, /Missing required configuration "file"/)
  says({ lookup: 'file', file: 'x.txt', key: 'a', fields: 'b' }, /set file\.format/)
  says({ lookup: 'file', file: '*.csv', key: 'a', fields: 'b' }, /would name many files/)
  says({ lookup: 'file', file: 'x.csv', key: 'a' }, /set "into", or name fields/)
  says({ lookup: 'file', file: 'x.csv', fields: 'b' }, /Missing required configuration "lookup\.key"/)
  says({ lookup: 'file', file: 'x.csv', key: 'a,b', 'lookup.key': 'a', fields: 'c' }, /has 1 names, but "key" has 2 fields/)
  says({ lookup: 'file', file: 'x.csv', key: 'a', fields: 'c', join: 'inner', missing: 'error' }, /join=inner drops/)
  says({ lookup: 'file', file: 'x.csv', key: 'a[]', fields: 'c' }, /many values/)
  says({ lookup: 'file', file: 'x.csv', key: 'a', fields: 'c,d:c' }, /two fields would be called "c"/)
  says({ lookup: 'file', file: 'x.csv', key: 'a', fields: 'c', types: 'c:number' }, /"number" is not a type/)
  says({ lookup: 'redis', key: 'a', fields: 'c' }, /must be one of: postgres/)
  says({ lookup: 'postgres', key: 'a', fields: 'c' }, /Missing required configuration "table"/)
})

test('the key of a record is enriched, or the value by its key', async () => {
  const path = await file('k.csv', 'code,name\n5,five\n')
  await using ofKey = enriching(keys(path, { fields: 'name', key: 'id' }), undefined, 'Key')
  const [one] = (await enrichedBatch(ofKey, [record('t', 'v', { key: { id: 5 } })])) as ConnectRecord[]
  assert.deepEqual([one!.key, one!.value], [{ id: 5, name: 'five' }, 'v'])
  await using byKey = enriching({ lookup: 'file', file: path, 'key.of': 'key', 'lookup.key': 'code', fields: 'name' })
  const [two] = (await enrichedBatch(byKey, [record('t', { a: 1 }, { key: 5n })])) as ConnectRecord[]
  assert.deepEqual(two!.value, { a: 1, name: 'five' })
})
