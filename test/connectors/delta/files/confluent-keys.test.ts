import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { GetObjectTaggingCommand } from '@aws-sdk/client-s3'
import { filesConfig, filesIssues } from '../../../../connectors/delta/files/config.ts'
import { parseConfig } from '../../../../core/index.ts'
import { FaultyProxy } from '../../../faulty-proxy.ts'
import { S3Server, s3Skip } from '../../../s3.ts'
import { type Rejections, newLake, noKill } from '../lake.ts'
import { filesIn } from './place.ts'
import { fromKafka, openFiles } from './rig.ts'

const java = 'io.confluent.connect'

/** Every key that Confluent documents for its S3 sink (and storage, partitioner): values that are taken, and values that are refused with a reason. */
const keys: Readonly<Record<string, readonly [taken: readonly string[], refused?: Readonly<Record<string, RegExp>>]>> = {
  'format.class': [
    ['json', 'parquet', `${java}.s3.format.bytearray.ByteArrayFormat`, `${java}.s3.format.parquet.ParquetFormat`],
    { [`${java}.s3.format.avro.AvroFormat`]: /Parquet keeps the schemas/ },
  ],
  'flush.size': [['1000'], { '0': /at least 1/ }],
  'rotate.interval.ms': [['-1', '600000']],
  'rotate.schedule.interval.ms': [['-1', '600000']],
  'rotate.file.on.partition.change': [['true', 'false']],
  'append.late.data': [['true', 'false']],
  'schema.cache.size': [['1000']],
  'enhanced.avro.schema.support': [['true']],
  'connect.meta.data': [['true']],
  'allow.optional.map.keys': [['false']],
  'retry.backoff.ms': [['5000']],
  'shutdown.timeout.ms': [['3000']],
  'filename.offset.zero.pad.width': [['10']],
  'avro.codec': [['snappy']],
  'parquet.codec': [['none', 'gzip', 'snappy', 'zstd'], { lz4: /must be one of/ }],
  'schema.compatibility': [['NONE'], { BACKWARD: /begins a new file/, FORWARD: /begins a new file/, FULL: /begins a new file/ }],
  's3.bucket.name': [['bucket']],
  's3.object.tagging': [['true', 'false']],
  's3.object.tagging.key.value.pairs': [
    ['a:b,c:d'],
    { a: /name:value/, 'a:b&c': /of letters/, 'a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1': /more than 7/ },
  ],
  's3.object.behavior.on.tagging.error': [['fail'], { ignore: /never there/ }],
  's3.region': [['eu-west-1']],
  's3.part.size': [['5242880'], { '100': /at least/ }],
  's3.credentials.provider.class': [
    ['com.amazonaws.auth.DefaultAWSCredentialsProviderChain'],
    { [`${java}.s3.auth.AwsAssumeRoleCredentialsProvider`]: /usual chain/ },
  ],
  's3.credentials.provider.sts.role.arn': [[], { 'arn:aws:iam::1:role/r': /shared config/ }],
  's3.credentials.provider.sts.role.session.name': [[], { s: /shared config/ }],
  's3.credentials.provider.sts.role.external.id': [[], { x: /shared config/ }],
  's3.ssea.name': [['', 'AES256', 'aws:kms'], { rot13: /must be one of/ }],
  's3.sse.customer.key': [[], { k: /keys of customers/ }],
  's3.acl.canned': [['bucket-owner-full-control'], { mine: /must be one of/ }],
  's3.wan.mode': [['true', 'false']],
  's3.compression.type': [['none', 'gzip'], { lzma: /must be one of/ }],
  's3.compression.level': [['-1', '9'], { '10': /no more than 9/ }],
  's3.send.digest': [['true']],
  's3.part.retries': [['3']],
  's3.retry.backoff.ms': [['200']],
  'format.bytearray.extension': [['.bin', '.avro'], { 'a/b': /after a dot/ }],
  'format.bytearray.separator': [['\\n', '|']],
  's3.proxy.url': [[], { 'http://proxy': /straight to the store/ }],
  's3.proxy.user': [[], { u: /straight to the store/ }],
  's3.proxy.password': [[], { p: /straight to the store/ }],
  's3.http.send.expect.continue': [['true']],
  'behavior.on.null.values': [['fail', 'IGNORE'], { write: /tombstones are not written/, drop: /must be fail or ignore/ }],
  's3.path.style.access.enabled': [['true', 'false']],
  'json.decimal.format': [['NUMERIC'], { BASE64: /as numbers/ }],
  'store.kafka.keys': [['false'], { true: /into the value by a transform/ }],
  'store.kafka.headers': [['false'], { true: /HeaderToValue/ }],
  'keys.format.class': [[`${java}.s3.format.json.JsonFormat`]],
  'headers.format.class': [[`${java}.s3.format.json.JsonFormat`]],
  's3.elastic.buffer.enable': [['true']],
  's3.elastic.buffer.init.capacity': [['131072']],
  'tombstone.encoded.partition': [['tombstone']],
  's3.schema.partition.affix.type': [['NONE'], { PREFIX: /no part of folders/ }],
  'storage.class': [[`${java}.s3.storage.S3Storage`]],
  'topics.dir': [['topics', 'a/b'], { '../x': /none beginning with/ }],
  'store.url': [['http://minio:9000']],
  'directory.delim': [['/'], { '|': /must be one of/ }],
  'file.delim': [['+', '-'], { '/': /must be one to three/ }],
  'partitioner.class': [
    ['Default', 'Field', 'TimeBased', 'Daily', 'Hourly'].map((name) => `${java}.storage.partitioner.${name}Partitioner`),
    { 'com.mine.FieldAndTimePartitioner': /must be one of default, field/ },
  ],
  'schema.generator.class': [[`${java}.storage.hive.schema.DefaultSchemaGenerator`]],
  'partition.field.name': [['a,b.c']],
  'partition.duration.ms': [['3600000']],
  'path.format': [["'year'=YYYY/'month'=MM"], { MMM: /use MM/ }],
  locale: [['en-US', 'de']],
  timezone: [['UTC', 'Europe/Berlin'], { 'Mars/Olympus': /no time zone/ }],
  'timestamp.extractor': [
    ['Wallclock', 'WallClock', 'Record', 'RecordField', `${java}.storage.partitioner.TimeBasedPartitioner$RecordTimestampExtractor`],
    { 'com.mine.Extractor': /must be one of Wallclock/ },
  ],
  'timestamp.field': [['at']],
  'partitioner.max.open.files': [['-1', '10']],
  'aws.access.key.id': [['id']],
  'aws.secret.access.key': [['secret']],
}

test("every key of Confluent's S3 sink is taken, or refused with a reason", () => {
  for (const [key, [taken, refused = {}]] of Object.entries(keys)) {
    assert.ok(Object.hasOwn(filesConfig, key), `${key} is not known`)
    const given = (value: string): readonly string[] =>
      parseConfig(filesConfig, { path: 'out', [key]: value }).issues.map(({ message }) => message)
    for (const value of taken) assert.deepEqual(given(value), [], `${key}=${value}`)
    for (const [value, reason] of Object.entries(refused)) assert.match(given(value).join(), reason, `${key}=${value}`)
  }
})

test('keys that contradict each other are refused', () => {
  const issues = (settings: Readonly<Record<string, string>>): string => {
    const { config, issues: wrong } = parseConfig(filesConfig, settings)
    assert.deepEqual(wrong, [])
    return filesIssues(config)
      .map(({ message }) => message)
      .join()
  }
  assert.match(issues({ path: 'out', 's3.sse.kms.key.id': 'k' }), /s3\.ssea\.name=aws:kms only/)
  assert.match(issues({ path: 'out', 'partitioner.class': 'field' }), /needs partition\.field\.name/)
  assert.match(issues({ 's3.bucket.name': 'NO_BUCKET!' }), /cannot exist/)
})

test('the bytes of values are written as they are, each with the separator after it', async () => {
  await using place = await newLake()
  const rejections: Rejections = { list: [] }
  const settings = { 'format.class': 'ByteArrayFormat', 'format.bytearray.separator': '\\r\\n', 'format.bytearray.extension': '.txt' }
  await using sink = await openFiles({ path: place.path, ...settings }, rejections)
  await sink.put(
    [fromKafka('t', 0, 0, Buffer.from('a\0b')), fromKafka('t', 0, 1, { n: 1 }), fromKafka('t', 0, 2, Buffer.from('ü'))],
    noKill,
  )
  await sink.flush({}, noKill)
  assert.match(rejections.list[0]!.error.message, /ByteArrayConverter/)
  assert.deepEqual(filesIn(place.path), ['topics/t/partition=0/t+0+0000000000.txt'])
  assert.equal(readFileSync(join(place.path, 'topics/t/partition=0/t+0+0000000000.txt'), 'utf8'), 'a\0b\r\nü\r\n')
})

const skip = s3Skip()
let server: S3Server
before(async () => {
  if (skip === false) server = await S3Server.start()
})
after(() => server?.[Symbol.asyncDispose]())

test('objects are encrypted, tagged and given access lists as the config says', { skip }, async () => {
  const bucket = await server.newBucket()
  await using proxy = await FaultyProxy.open(server.endpoint)
  const seen: Record<string, unknown>[] = []
  proxy.choose = ({ method, headers, url }) => {
    if (method === 'PUT' && url!.includes('/topics/')) seen.push(headers)
    return 'none'
  }
  const settings = {
    's3.object.tagging': 'true',
    's3.object.tagging.key.value.pairs': 'team:lake @ 1',
    's3.bucket.name': bucket,
    'flush.size': '3',
  }
  await using sink = await openFiles({ ...server.settings(proxy.url), ...settings, 's3.acl.canned': 'private', 's3.ssea.name': 'AES256' })
  await sink.put(
    [4, 5, 9].map((offset) => fromKafka('t', 0, offset, {})),
    noKill,
  )
  await sink.flush({}, noKill)
  const [{ 'x-amz-server-side-encryption': encryption, 'x-amz-acl': acl, 'x-amz-tagging': tagging } = {}] = seen
  assert.deepEqual([encryption, acl, tagging], ['AES256', 'private', 'startOffset=4&endOffset=9&recordCount=3&team=lake+%40+1'])
  const client = server.client()
  const { TagSet } = await client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: 'topics/t/partition=0/t+0+0000000004.json' }))
  client.destroy()
  assert.deepEqual(Object.fromEntries(TagSet!.map(({ Key, Value }) => [Key, Value])), {
    startOffset: '4',
    endOffset: '9',
    recordCount: '3',
    team: 'lake @ 1',
  })
})
