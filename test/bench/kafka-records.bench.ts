import { createRequire } from 'node:module'
import { decodeBatches } from '../../connectors/kafka/records/decode.ts'
import { RecordBatchBuilder, restamp } from '../../connectors/kafka/records/encode.ts'
import { crc32c } from '../../connectors/kafka/records/crc32c.ts'
import type { Compression } from '../../connectors/kafka/records/record-set.ts'
import { measure, report } from './measure.ts'

// Kafka's record batches without a broker: 5,000 records of 200 bytes with a key of 8, the rest of a client's work left out.
const records = 5000
const key = Buffer.from('key-0001')
const values = Array.from({ length: records }, (_, n) =>
  Buffer.from(
    JSON.stringify({ id: n, customer: `customer ${n}`, amount: n * 1.5, active: true, city: 'Berlin', note: '' }).padEnd(200, 'abcdefghij'),
  ),
)
const headers = [{ key: 'trace', value: Buffer.from('0123456789abcdef') }]
const options = { checkCrc: false, limits: { batchMaxBytes: 64 << 20, ratioMax: 1000 } }
const checked = { ...options, checkCrc: true }
const stamp = { producerId: 4711n, epoch: 1, baseSequence: 0, transactional: false }
const builder = new RecordBatchBuilder()
const plain = build('none', [])
const withHeaders = build('none', headers)

await run('crc32c', 500, () => crc32c(plain))
await run('decode, columns only', 1000, () => decodeBatches(plain, options)[0]!.records())
await run('decode, columns only, CRC32C checked', 500, () => decodeBatches(plain, checked)[0]!.records())
await run('decode, keys and values taken', 200, () => {
  const columns = decodeBatches(plain, options)[0]!.records()
  for (let n = 0; n < columns.count; n++) {
    columns.key(n)
    columns.value(n)
  }
})
await run('decode, headers taken', 100, () => {
  const columns = decodeBatches(withHeaders, options)[0]!.records()
  for (let n = 0; n < columns.count; n++) columns.headers(n)
})
await run('encode', 200, () => build('none', []))
await run('encode, one header', 200, () => build('none', headers))
await run('restamp', 2000, () => restamp(plain, stamp))
for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'] as const) {
  const batch = build(compression, [])
  await run(`encode, ${compression}`, compression === 'gzip' ? 10 : 50, () => build(compression, []), { batchBytes: batch.length })
  await run(`decode, ${compression}`, 50, () => decodeBatches(batch, options)[0]!.records(), { batchBytes: batch.length })
}
await peers()

function build(compression: Compression, each: readonly { key: string; value: Buffer }[]): Buffer {
  builder.reset()
  for (let n = 0; n < records; n++) builder.append(key, values[n]!, each, 1_700_000_000_000 + n)
  return builder.build({ compression, stamp })
}

async function run(name: string, rounds: number, work: () => unknown, more: object = {}): Promise<void> {
  for (let n = 0; n < rounds / 5; n++) await work()
  const figures = await measure(async () => {
    for (let n = 0; n < rounds; n++) await work()
  })
  report({
    bench: `kafka records: ${name}`,
    records: rounds * records,
    seconds: figures.seconds,
    cpuUsPerRecord: (figures.cpuSeconds * 1e6) / (rounds * records),
    peakRssMb: figures.peakRssMb,
    megabytesPerSecond: Math.round((rounds * plain.length) / figures.seconds / 1e6),
    ...more,
  })
}

/** What kafkajs's own decoder and encoder do with the same records: without checksums, an object for each record. */
async function peers(): Promise<void> {
  const load = createRequire(import.meta.url)
  const Decoder = load('kafkajs/src/protocol/decoder.js') as new (bytes: Buffer) => object
  const decode = load('kafkajs/src/protocol/recordBatch/v0/decoder.js') as (decoder: object) => Promise<object>
  const encode = load('kafkajs/src/protocol/recordBatch/v0/index.js') as { RecordBatch(batch: object): Promise<object> }
  const encodeRecord = load('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (record: object) => object
  await run('kafkajs (peer): decode', 20, () => decode(new Decoder(plain)))
  await run('kafkajs (peer): encode', 20, () =>
    encode.RecordBatch({
      records: values.map((value, n) => encodeRecord({ offsetDelta: n, timestampDelta: n, key, value })),
      lastOffsetDelta: records - 1,
    }),
  )
}
