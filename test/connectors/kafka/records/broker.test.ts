import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { filterAborted } from '../../../../connectors/kafka/records/aborted.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { restamp } from '../../../../connectors/kafka/records/encode.ts'
import { partitionOf } from '../../../../connectors/kafka/records/murmur2.ts'
import type { DecodedBatch } from '../../../../connectors/kafka/records/record-set.ts'
import { javaProgram, kafkaClassPath } from '../../../downloads.ts'
import { javaFlags, kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { assertRows, batchOf, checked, codecs, row, rowsOf, type TestRecord } from './batches.ts'
import { RawProducer } from './raw-produce.ts'

// Record batches against Apache Kafka itself: it takes ours, and we read what Java writes, from the segment files where all is as it stands.

const skip = kafkaSkip(true)
let kafka: TestKafka
before(async () => {
  if (!skip) kafka = await startKafka({ own: true })
})
after(() => kafka?.stop())

const rows: readonly TestRecord[] = Array.from({ length: 3000 }, (_, n) =>
  row(n % 17 ? `{"id":${n},"customer":"customer ${n}","note":"${'x'.repeat(n % 70)}"}` : null, {
    key: n % 5 ? bytes(`key ${n}`) : null,
    headers:
      n % 7
        ? []
        : [
            { key: 'Größe', value: bytes(`${n}`) },
            { key: 'Größe', value: null },
          ],
    timestamp: 1_700_000_000_000 + (n % 100) * (n % 2 ? 1 : -86_400_000),
  }),
)

test('a broker takes batches of every codec, and what it makes of them in every other codec is read', { skip }, async () => {
  using producer = await RawProducer.connect(kafka.bootstrap)
  for (const target of ['producer', 'uncompressed', 'gzip', 'snappy', 'lz4', 'zstd']) {
    const topic = await kafka.topic(`into-${target}`, 1, { 'compression.type': target })
    for (const [n, compression] of codecs.entries()) {
      const answer = await producer.produce(topic, 0, batchOf(rows, { compression }))
      assert.deepEqual(answer, { errorCode: 0, baseOffset: n * rows.length }, `${compression} into ${target}`)
    }
    const batches = segment(topic, 0)
    assert.deepEqual(
      batches.map(({ compression }) => compression),
      target === 'producer' ? codecs : codecs.map(() => (target === 'uncompressed' ? 'none' : target)),
    )
    for (const [n, batch] of batches.entries()) {
      assert.equal(batch.baseOffset, n * rows.length)
      assertRows(rowsOf(batch), rows)
    }
  }
})

test('a batch of the log is taken again as it is once it was restamped', { skip }, async () => {
  using producer = await RawProducer.connect(kafka.bootstrap)
  const topic = await kafka.topic('again')
  for (const batch of segment('into-producer', 0)) assert.equal((await producer.produce(topic, 0, restamp(batch.bytes))).errorCode, 0)
  const batches = segment(topic, 0)
  assert.deepEqual(
    batches.map(({ compression }) => compression),
    codecs,
  )
  for (const batch of batches) assertRows(rowsOf(batch), rows)
})

test('a damaged batch that was restamped is refused by the broker', { skip }, async () => {
  using producer = await RawProducer.connect(kafka.bootstrap)
  const damaged = batchOf(rows)
  damaged[damaged.length - 9]! ^= 1
  const corruptMessage = 2
  assert.equal((await producer.produce('again', 0, restamp(damaged))).errorCode, corruptMessage)
})

test('the time of the log stands in place of the records own where the topic says so', { skip }, async () => {
  using producer = await RawProducer.connect(kafka.bootstrap)
  const topic = await kafka.topic('log-time', 1, { 'message.timestamp.type': 'LogAppendTime' })
  const began = Date.now()
  await producer.produce(topic, 0, batchOf(rows, { compression: 'zstd' }))
  const [batch] = segment(topic, 0)
  assert.equal(batch!.logAppendTime, true)
  const timestamps = new Set(rowsOf(batch!).map(({ timestamp }) => timestamp!))
  assert.equal(timestamps.size, 1)
  assert.ok(Math.abs([...timestamps][0]! - began) < 60_000)
})

test('of transactions that were aborted nothing is seen, nor are their markers', { skip, timeout: 60_000 }, async () => {
  const topic = await kafka.topic('transactions')
  const producer = kafka.client().producer({ transactionalId: 'records-test', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  for (const [n, end] of ['commit', 'abort', 'abort', 'commit'].entries()) {
    const transaction = await producer.transaction()
    for (const part of ['a', 'b']) await transaction.send({ topic, messages: [{ value: `${n}${part}` }] })
    await (end === 'commit' ? transaction.commit() : transaction.abort())
  }
  await producer.disconnect()
  // The marker of the last one is written after its answer.
  while (segment(topic, 0).at(-1)?.lastOffset !== 11) await sleep(20)
  const batches = segment(topic, 0)
  assert.deepEqual(
    batches.filter(({ control }) => control).map(({ aborts }) => aborts),
    [false, true, true, false],
  )
  // Each transaction takes three offsets: two records and its marker.
  const aborted = [3, 6].map((firstOffset) => ({ producerId: batches[0]!.producerId, firstOffset }))
  const seen = filterAborted(batches, aborted).flatMap((batch) => rowsOf(batch).map(({ value }) => Buffer.from(value!).toString()))
  assert.deepEqual(seen, ['0a', '0b', '3a', '3b'])
})

for (const compression of ['gzip', 'snappy', 'lz4', 'zstd']) {
  test(`what Java's producer writes with ${compression} is read, and its keys lie where we would lay them`, { skip }, async () => {
    const topic = await kafka.topic(`java-${compression}`, 7)
    const lines = Array.from(
      { length: 500 },
      (_, n) => `a:${n},a:,b:ü${n}\tkey-${n}-${'ß'.repeat(n % 5)}\tvalue ${n} ${'lorem ipsum '.repeat(n % 9)}`,
    )
    java(
      'org.apache.kafka.tools.ConsoleProducer',
      [
        '--bootstrap-server',
        kafka.bootstrap,
        '--topic',
        topic,
        '--compression-codec',
        compression,
        '--reader-property',
        'parse.key=true',
        '--reader-property',
        'parse.headers=true',
      ],
      `${lines.join('\n')}\n`,
    )
    const found: string[] = []
    for (let partition = 0; partition < 7; partition++) {
      for (const batch of segment(topic, partition)) {
        assert.equal(batch.compression, compression)
        for (const { key, value, headers } of rowsOf(batch)) {
          assert.equal(partitionOf(key!, 7), partition)
          found.push(
            `${headers.map((each) => `${each.key}:${Buffer.from(each.value!)}`).join(',')}\t${Buffer.from(key!)}\t${Buffer.from(value!)}`,
          )
        }
      }
    }
    assert.deepEqual(found.sort(), lines.toSorted())
  })
}

test("Java's consumer reads what we write with every codec", { skip }, () => {
  const options = ['key', 'headers', 'timestamp'].flatMap((part) => ['--formatter-property', `print.${part}=true`])
  const printed = java('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    '--from-beginning',
    `--bootstrap-server=${kafka.bootstrap}`,
    '--topic=into-producer',
    `--max-messages=${rows.length * codecs.length}`,
    '--timeout-ms=60000',
    ...options,
  ])
  const text = (part: Uint8Array | null) => (part === null ? 'null' : Buffer.from(part).toString())
  const lines = rows.map(({ key, value, headers, timestamp }) =>
    [
      `CreateTime:${timestamp}`,
      headers.length === 0 ? 'NO_HEADERS' : headers.map((each) => `${each.key}:${text(each.value)}`).join(','),
      text(key),
      text(value),
    ].join('\t'),
  )
  const found = printed.trimEnd().split('\n')
  assert.equal(found.length, lines.length * codecs.length)
  for (const [n, line] of found.entries()) assert.equal(line, lines[n % lines.length])
})

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text))
}

/** All batches of a partition, from its segment files. */
function segment(topic: string, partition: number): readonly DecodedBatch[] {
  const folder = join(kafka.home, 'data', `${topic}-${partition}`)
  const files = readdirSync(folder).filter((name) => name.endsWith('.log'))
  return files.sort().flatMap((name) => decodeBatches(readFileSync(join(folder, name)), checked))
}

function java(program: string, args: readonly string[], input = ''): string {
  const flags = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m', '-Dfile.encoding=UTF-8', ...javaFlags]
  const { status, stdout, stderr } = spawnSync(javaProgram, [...flags, '-cp', kafkaClassPath(), program, ...args], {
    input,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  })
  assert.equal(status, 0, stderr)
  return stdout
}
