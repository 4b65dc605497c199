import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { type ConnectRecord, FencedError, logical, optional, primitive, record, structOf } from '../../../../core/index.ts'
import { Engine } from '../../../../connectors/delta/engine.ts'
import { Journal } from '../../../../connectors/delta/files/journal.ts'
import { localTime, patternFault, timeFormat } from '../../../../connectors/delta/files/time-pattern.ts'
import { type Fault, FaultyProxy } from '../../../faulty-proxy.ts'
import { S3Server, s3Skip } from '../../../s3.ts'
import { type Rejections, newLake, noKill } from '../lake.ts'
import { filesIn, linesIn } from './place.ts'
import { fromKafka, openFiles } from './rig.ts'

const skip = s3Skip()
let server: S3Server
before(async () => {
  if (skip === false) server = await S3Server.start()
})
after(() => server?.[Symbol.asyncDispose]())

const rows = (from: number, to: number, more: object = {}): readonly ConnectRecord[] =>
  Array.from({ length: to - from + 1 }, (_, index) => fromKafka('orders', 2, from + index, { id: from + index, ...more }))

test('files are named by topic, partition and first offset, and end after flush.size records', async () => {
  await using place = await newLake()
  await using sink = await openFiles({ path: place.path, 'flush.size': '3' })
  await sink.put(rows(10, 17), noKill)
  assert.deepEqual(filesIn(place.path), [])
  await sink.flush({ p: 18 }, noKill)
  const folder = 'topics/orders/partition=2'
  assert.deepEqual(
    filesIn(place.path),
    [10, 13, 16].map((offset) => `${folder}/orders+2+00000000${offset}.json`),
  )
  assert.deepEqual(linesIn(place.path, `${folder}/orders+2+0000000016.json`), [{ id: 16 }, { id: 17 }])
})

test("the keys and class names of Confluent's S3 sink are understood", async () => {
  await using place = await newLake()
  const java = 'io.confluent.connect.'
  await using sink = await openFiles({
    path: place.path,
    'storage.class': `${java}s3.storage.S3Storage`,
    'format.class': `${java}s3.format.json.JsonFormat`,
    'partitioner.class': `${java}storage.partitioner.TimeBasedPartitioner`,
    'path.format': "'dt'=yyyy-MM-dd/'h'=HH",
    'partition.duration.ms': '3600000',
    'timestamp.extractor': 'Record',
    locale: 'en-US',
    timezone: 'Asia/Kolkata',
    'schema.compatibility': 'NONE',
    's3.compression.type': 'gzip',
    'topics.dir': 'raw/a',
    'flush.size': '1000',
  })
  await sink.put(rows(0, 1), noKill)
  await sink.flush({}, noKill)
  const name = 'raw/a/orders/dt=2026-02-03/h=09/orders+2+0000000000.json.gz'
  assert.deepEqual(filesIn(place.path), [name])
  assert.equal(linesIn(place.path, name).length, 2)
  await assert.rejects(openFiles({ path: place.path, 'format.class': `${java}s3.format.avro.AvroFormat` }), /Parquet keeps the schemas/)
  await assert.rejects(openFiles({ path: place.path, 's3.sse.customer.key': 'k' }), /keys of customers/)
  await assert.rejects(openFiles({}), /Neither path nor s3\.bucket\.name/)
})

for (const [name, folder] of [
  ['DailyPartitioner', 'year=2026/month=02/day=03'],
  ['hourly', 'year=2026/month=02/day=03/hour=04'],
] as const) {
  test(`the partitioner ${name} makes ${folder}`, async () => {
    await using place = await newLake()
    await using sink = await openFiles({ path: place.path, 'partitioner.class': name, 'timestamp.extractor': 'Record' })
    await sink.put(rows(0, 0), noKill)
    await sink.flush({}, noKill)
    assert.deepEqual(filesIn(place.path), [`topics/orders/${folder}/orders+2+0000000000.json`])
  })
}

test('a record whose folder or file would have too long a name is rejected, and the others are written', async () => {
  await using place = await newLake()
  const rejections: Rejections = { list: [] }
  await using sink = await openFiles({ path: place.path, 'partitioner.class': 'field', 'partition.field.name': 'a' }, rejections)
  const names = ['short', 'x'.repeat(254), '\u20ac'.repeat(84), '\u20ac'.repeat(85)]
  const topic = 't'.repeat(249)
  await sink.put([...names.map((a, index) => fromKafka('orders', 0, index, { a })), fromKafka(topic, 0, 0, { a: 'b' })], noKill)
  await sink.flush({}, noKill)
  assert.equal(filesIn(place.path).length, 2)
  assert.deepEqual(
    rejections.list.map(({ error }) => /\((\d+) bytes in one part.*partition\.field\.name/.exec(error.message)?.[1]),
    ['256', '257', '290'],
  )
})

test('the field partitioner makes a folder of each value, and rejects records without one', async () => {
  await using place = await newLake()
  const rejections: Rejections = { list: [] }
  await using sink = await openFiles({ path: place.path, 'partitioner.class': 'field', 'partition.field.name': 'a,b.c' }, rejections)
  const values = [
    { a: 1n, b: { c: 'x' } },
    { a: 1n, b: { c: '../y%' } },
    { a: 2n, b: {} },
    { a: 1n, b: { c: 'x' } },
  ]
  await sink.put(
    values.map((value, offset) => fromKafka('t', 0, offset, value)),
    noKill,
  )
  await sink.flush({}, noKill)
  assert.deepEqual(filesIn(place.path), ['topics/t/a=1/b.c=..%2Fy%25/t+0+0000000001.json', 'topics/t/a=1/b.c=x/t+0+0000000000.json'])
  assert.match(rejections.list[0]!.error.message, /Field "b\.c".*missing/)
})

test('files end when their records span rotate.interval.ms, and with the clock', async () => {
  await using place = await newLake()
  await using sink = await openFiles({ path: place.path, 'rotate.interval.ms': '5000', 'timestamp.extractor': 'Record' })
  await sink.put(rows(0, 11), noKill)
  await sink.flush({}, noKill)
  assert.deepEqual(
    filesIn(place.path).map((name) => Number(/(\d+)\.json$/.exec(name)![1])),
    [0, 5, 10],
  )
  await using other = await newLake()
  await using timed = await openFiles({ path: other.path, 'rotate.schedule.interval.ms': '200' })
  await timed.put(rows(0, 3), noKill)
  await sleep(210)
  await timed.put(rows(4, 5), noKill)
  await timed.flush({}, noKill)
  assert.equal(filesIn(other.path).length, 2)
})

test('Parquet files hold the exact values, and a new schema begins a new file', async () => {
  await using place = await newLake()
  const decimal = primitive('bytes', {
    name: logical.decimal,
    parameters: { scale: '2', 'connect.decimal.precision': '20' },
    optional: true,
  })
  const first = structOf([
    ['id', primitive('int64')],
    ['price', decimal],
    ['at', primitive('int64', { name: logical.timestamp })],
  ])
  const second = structOf([
    ['id', primitive('int64')],
    ['note', optional(primitive('string'))],
  ])
  await using sink = await openFiles({ path: place.path, 'format.class': 'parquet', 'parquet.codec': 'zstd' })
  const value = (id: bigint): object => ({ id, price: { unscaled: id * 101n, scale: 2 }, at: 1_700_000_000_123n })
  const records = [0, 1, 2].map((offset) => fromKafka('t', 0, offset, value(9007199254740993n + BigInt(offset)), { valueSchema: first }))
  await sink.put([...records, fromKafka('t', 0, 3, { id: 4n, note: 'ü' }, { valueSchema: second })], noKill)
  await sink.flush({}, noKill)
  const names = ['topics/t/partition=0/t+0+0000000000.zstd.parquet', 'topics/t/partition=0/t+0+0000000003.zstd.parquet']
  assert.deepEqual(filesIn(place.path), names)
  await using engine = await Engine.open({ memoryLimit: '100MB' })
  const read = (name: string): Promise<readonly unknown[]> =>
    engine.rows(`SELECT * FROM read_parquet('${place.path}/${name}', hive_partitioning = false)`)
  assert.deepEqual(await read(names[1]!), [{ id: '4', note: 'ü' }])
  assert.deepEqual((await read(names[0]!))[2], { id: '9007199254740995', price: '9097271247288404.95', at: '2023-11-14 22:13:20.123+00' })
})

test('records without a schema become columns too; what is no row is rejected, and the others are kept', async () => {
  await using place = await newLake()
  const rejections: Rejections = { list: [] }
  await using sink = await openFiles({ path: place.path, 'format.class': 'ParquetFormat' }, rejections)
  const bad = structOf([['n', primitive('int32')]])
  const records = [
    fromKafka('t', 0, 0, { a: 1, b: 'x' }),
    fromKafka('t', 0, 1, 'no struct'),
    fromKafka('t', 0, 2, null),
    fromKafka('t', 0, 3, { a: 2, b: null }),
    fromKafka('t', 0, 4, { a: 'text' }),
    fromKafka('u', 0, 0, { n: 1 }, { valueSchema: bad }),
    fromKafka('u', 0, 1, { n: 2 ** 40 }, { valueSchema: bad }),
    fromKafka('u', 0, 2, { n: 3 }, { valueSchema: bad }),
  ]
  await sink.put(records, noKill)
  await sink.flush({}, noKill)
  assert.equal(rejections.list.length, 4)
  await using engine = await Engine.open({ memoryLimit: '100MB' })
  const count = await engine.rows(
    `SELECT topic, count(*)::INT AS rows FROM read_parquet('${place.path}/topics/*/*/*', filename = true, union_by_name = true, hive_partitioning = false), LATERAL (SELECT split_part(parse_filename(filename), '+', 1) AS topic) GROUP BY topic ORDER BY topic`,
  )
  assert.deepEqual(count, [
    { topic: 't', rows: 2 },
    { topic: 'u', rows: 2 },
  ])
})

test('JSON lines keep every digit', async () => {
  await using place = await newLake()
  await using sink = await openFiles({ path: place.path })
  await sink.put(
    [fromKafka('t', 0, 0, { i: 9223372036854775807n, d: { unscaled: 10n ** 30n + 1n, scale: 5 }, b: Buffer.from('hi'), n: null })],
    noKill,
  )
  await sink.flush({}, noKill)
  const text = readFileSync(join(place.path, filesIn(place.path)[0]!), 'utf8')
  assert.equal(text, '{"i":9223372036854775807,"d":10000000000000000000000000.00001,"b":"aGk=","n":null}\n')
})

test('topics that a transform renamed alike, and records of other sources, never share a name', async () => {
  await using place = await newLake()
  await using sink = await openFiles({ path: place.path, 'topics.dir': '' })
  const renamed = ['a', 'b'].map((topic) => ({ ...fromKafka(topic, 0, 7, { topic }), topic: 'all' }))
  const others = [1, 2].map((seq) => record('pg', { seq }, { origin: { partition: '{"server":"s"}', position: 100, seq } }))
  await sink.put([...renamed, others[0]!, record('none', {})], noKill)
  await sink.flush({ p: 1 }, noKill)
  await sink.put([others[1]!], noKill)
  await sink.flush({ p: 2 }, noKill)
  const names = filesIn(place.path)
  assert.deepEqual(names.slice(0, 2), ['all/partition=0/a+0+0000000007.json', 'all/partition=0/b+0+0000000007.json'])
  assert.equal(names.length, 5)
})

test('a flush that was not finished is undone at the next start, and whoever was thought dead cannot finish it', async () => {
  await using place = await newLake()
  await using dead = await openFiles({ path: place.path, 'flush.size': '2' })
  await dead.put(rows(0, 3), noKill)
  await dead.flush({ p: 4 }, noKill)
  await dead.put(rows(4, 7), noKill)
  // A second task starts in the middle of the flush: after its files are announced, before its end.
  const original = Journal.prototype.end
  let young: Awaited<ReturnType<typeof openFiles>> | undefined
  Journal.prototype.end = async function (this: Journal, offsets) {
    Journal.prototype.end = original
    young = await openFiles({ path: place.path, 'flush.size': '2' })
    await original.call(this, offsets)
  }
  await assert.rejects(dead.flush({ p: 8 }, noKill), FencedError)
  assert.deepEqual(await young!.committed(), { p: 4 })
  assert.equal(filesIn(place.path).length, 2)
  await young!.put(rows(4, 6), noKill)
  await young!.flush({ p: 7 }, noKill)
  assert.deepEqual(
    filesIn(place.path).flatMap((name) => linesIn(place.path, name)),
    Array.from({ length: 7 }, (_, id) => ({ id })),
  )
  assert.ok(readdirSync(join(place.path, '_millrace/c1/0/files')).length <= 2, 'old entries of the journal stay')
  await young![Symbol.asyncDispose]()
})

const program = join(import.meta.dirname, 'crash-writer.ts')
const count = 300

async function writeAll(settings: Readonly<Record<string, string>>, kills: number): Promise<void> {
  for (let run = 0; ; run++) {
    const child = spawn(process.execPath, [program, String(count), JSON.stringify({ 'flush.size': '7', ...settings })], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let errors = ''
    child.stderr.on('data', (text: Buffer) => (errors += text.toString()))
    const ended = once(child, 'exit') as Promise<[number | null]>
    if (run < kills) {
      await Promise.race([once(child.stdout, 'data'), ended])
      await Promise.race([sleep(Math.random() * 60), ended])
      child.kill('SIGKILL')
    } else child.stdout.resume()
    const [code] = await ended
    if (code === 0) return
    assert.ok(code === null || errors.includes('FencedError'), errors)
    assert.ok(run < kills + 10, 'the writer never ends')
  }
}

function checkAll(found: readonly { readonly n: number; readonly offset: number }[]): void {
  const sorted = found.toSorted((a, b) => a.n - b.n || a.offset - b.offset).map(({ n, offset }) => `${n}/${offset}`)
  assert.deepEqual(
    sorted,
    [0, 1].flatMap((n) => Array.from({ length: count }, (_, offset) => `${n}/${offset}`)),
  )
}

test('killed at random, every record is in one file once', async () => {
  await using place = await newLake()
  await writeAll({ path: place.path, 'partitioner.class': 'field', 'partition.field.name': 'kind', 'flush.size': '20' }, 4)
  checkAll(filesIn(place.path).flatMap((name) => linesIn(place.path, name)) as { n: number; offset: number }[])
})

test('killed at random on a store that fails and loses answers, every record is in one object once', { skip }, async () => {
  const Bucket = await server.newBucket()
  await using proxy = await FaultyProxy.open(server.endpoint)
  const kinds: readonly Fault[] = ['503', 'lost', 'late']
  proxy.choose = () => (Math.random() < 0.04 ? kinds[Math.floor(Math.random() * kinds.length)]! : 'none')
  const { 's3.endpoint': url, ...keys } = server.settings(proxy.url)
  await writeAll({ ...keys, 's3.bucket.name': Bucket, 'store.url': url!, 's3.request.timeout.ms': '300', 'flush.size': '100' }, 2)
  const client = server.client()
  const found: unknown[] = []
  for (let token: string | undefined; ;) {
    const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'topics/', ...(token ? { ContinuationToken: token } : {}) }))
    for (const { Key } of page.Contents ?? []) {
      const text = await (await client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString()
      found.push(
        ...text
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as unknown),
      )
    }
    token = page.NextContinuationToken
    if (token === undefined) break
  }
  client.destroy()
  checkAll(found as { n: number; offset: number }[])
})

test('time patterns are those of Joda-Time, in local time', () => {
  const moment = Date.UTC(2026, 9, 25, 0, 59, 58, 7)
  assert.equal(timeFormat("yyyy/MM/dd HH:mm:ss.SSS D yy 'it''s' M", 'UTC', 0)(moment), "2026/10/25 00:59:58.007 298 26 it's 10")
  // The clock goes back at 01:00 UTC: 02:59 is summer time, and an hour later it is 02:59 again.
  assert.equal(timeFormat('HH:mm', 'Europe/Berlin', 0)(moment), '02:59')
  assert.equal(timeFormat('HH:mm', 'Europe/Berlin', 0)(moment + 3_600_000), '02:59')
  assert.equal(timeFormat('HH', 'Asia/Kathmandu', 3_600_000)(moment), '06')
  assert.equal(localTime('UTC')(-1), -1)
  assert.match(patternFault('MMM') ?? '', /use MM/)
  assert.match(patternFault('year=YYYY') ?? '', /letter "e"/)
  assert.match(patternFault("'open") ?? '', /quote/)
})
