import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '../../connectors/kafka/client/open.ts'
import { clientConfig, clientSettings } from '../../connectors/kafka/config/client-settings.ts'
import kafkaPlugin from '../../connectors/kafka/index.ts'
import { decodeBatches } from '../../connectors/kafka/records/decode.ts'
import datagen from '../../connectors/datagen/index.ts'
import { parseConfig, record, type Converter, type SourceTask } from '../../core/index.ts'
import { runTask } from '../../core/runtime/task.ts'
import { sinkOf, sourceOf, taskContext } from '../../testing/index.ts'
import { converterOf } from '../core/converter/convert.ts'
import { makeTopic } from '../connectors/kafka/sink/read-topic.ts'
import { kafkaSkip, type TestKafka } from '../kafka.ts'
import { measure, report } from './measure.ts'
import { producerCeiling, startBenchKafka } from './kafka-peers.ts'

// What writing to Kafka costs: bytes, JSON, with transactions, whole batches; and how soon a record is in the topic.
const total = Number(process.env['MILLRACE_BENCH_RECORDS'] ?? 1_000_000)
const bytes = converterOf('bytes')
const json = converterOf('json', { 'schemas.enable': 'false' })

const skip = kafkaSkip(true)
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'kafka sink', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  await using kafka = await startBenchKafka()
  await makeTopic(kafka.bootstrap, 4, {}, 'perf')
  const ceiling = { name: 'kafka-producer-perf-test', recordsPerSecond: await producerCeiling(kafka, 'perf', total) }
  const runs: readonly [string, () => Promise<SourceTask> | SourceTask, Converter, Record<string, string>, boolean?][] = [
    ['bytes of 200 B -> kafka', () => ready(total, 200), bytes, {}],
    ['the same, lz4', () => ready(total, 200), bytes, { 'compression.type': 'lz4' }],
    ['the same, exactly once', () => ready(total, 200), bytes, { 'exactly.once.support': 'required' }],
    ['datagen -> json -> kafka', () => orders(), json, {}],
    ['kafka -> kafka, whole batches', () => mirrored(kafka), bytes, {}, true],
    ['kafka -> kafka, whole batches, exactly once', () => mirrored(kafka), bytes, { 'exactly.once.support': 'required' }, true],
  ]
  for (const [bench, source, converter, raw, whole] of runs) {
    const topic = await makeTopic(kafka.bootstrap, 4)
    const { seconds, cpuSeconds, peakRssMb } = await measure(async () => move(kafka, topic, await source(), converter, raw, whole ?? false))
    report({ bench, records: total, seconds, cpuUsPerRecord: (cpuSeconds * 1e6) / total, peakRssMb, ceiling })
  }
  await latency(kafka)
}

/** Moves `total` records through the runtime's own loop. Topics of records are `topic`, whatever the source says. */
async function move(
  kafka: TestKafka,
  topic: string,
  source: SourceTask,
  converter: Converter,
  raw: Record<string, string>,
  whole: boolean,
): Promise<void> {
  const stop = new AbortController()
  const converters = { key: converter, value: converter, header: converterOf('simple') }
  const context = taskContext({ connector: topic, converters })
  let put = 0
  const renamed: SourceTask = {
    open: (offsets) => source.open(offsets),
    async poll(signal) {
      const batch = await source.poll(signal)
      if (!batch.whole)
        return { ...batch, records: batch.records.map((one) => (one.topic === topic ? one : { ...one, topic, partition: null })) }
      // A spread would ask for the records.
      return {
        offsets: batch.offsets,
        bytes: batch.bytes ?? 0,
        whole: { ...batch.whole, chunks: batch.whole.chunks.map((chunk) => ({ ...chunk, topic })) },
        get records() {
          return batch.records
        },
      }
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  }
  await runTask(
    {
      connector: topic,
      task: 0,
      source: renamed,
      chain: (records) => records,
      straight: whole,
      sink: await sinkOf(kafkaPlugin, 'kafka', { 'bootstrap.servers': kafka.bootstrap, ...raw }, context),
      offsets: { load: async () => undefined, save: async () => {}, reset: async () => {} },
      limits: { rows: 500_000, bytes: 128 << 20, intervalMs: 5_000, aheadBytes: 16 << 20 },
      observer: {
        step() {},
        batch: (_polled, taken) => {
          put += taken
          if (put >= total) stop.abort()
        },
        flushed() {},
      },
      gate: { closed: false, onClose: () => ({ [Symbol.dispose]() {} }), wait: async () => {} },
    },
    stop.signal,
    new AbortController().signal,
  )
}

/** Records that cost nothing to make. */
function ready(count: number, size: number): SourceTask {
  const rows = 2048
  const batches = Array.from({ length: 8 }, (_, b) =>
    Array.from({ length: rows }, (_row, n) => record('ready', Buffer.alloc(size, 97 + ((b + n) % 26)), { key: Buffer.from(`k${n}`) })),
  )
  let done = 0
  return {
    open: async () => {},
    async poll() {
      const records = batches[(done / rows) % 8]!
      done += rows
      return { records: done > count ? records.slice(0, count - (done - rows)) : records, offsets: { ready: done }, bytes: rows * size }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}

function orders(): Promise<SourceTask> {
  return sourceOf(datagen, 'datagen', { topic: 'orders', count: String(total), 'batch.rows': '2048' }, taskContext())
}

/** What Kafka's own producer wrote before. */
function mirrored(kafka: TestKafka): Promise<SourceTask> {
  const raw = { 'bootstrap.servers': kafka.bootstrap, topics: 'perf', 'group.id': `bench-${process.hrtime.bigint()}` }
  const context = taskContext({ connector: 'mirror', converters: { key: bytes, value: bytes, header: converterOf('simple') } })
  return sourceOf(kafkaPlugin, 'kafka', raw, context)
}

/** From the moment that a source hands a record over until a consumer has it, at 500 records a second. */
async function latency(kafka: TestKafka): Promise<void> {
  const topic = await makeTopic(kafka.bootstrap)
  const kill = new AbortController().signal
  const { config } = parseConfig(clientConfig, { 'bootstrap.servers': kafka.bootstrap })
  await using client = await openClient(clientSettings(config), taskContext().log)
  await client.topics([topic])
  const context = taskContext({ converters: { key: bytes, value: bytes, header: converterOf('simple') } })
  await using sink = await sinkOf(kafkaPlugin, 'kafka', { 'bootstrap.servers': kafka.bootstrap }, context)
  await sink.open!()
  const count = 5_000
  const waits: number[] = []
  const reading = (async () => {
    let offset = 0
    const limits = { maxWaitMs: 500, minBytes: 1, maxBytes: 1 << 20, partitionMaxBytes: 1 << 20, readCommitted: false }
    while (offset < count) {
      for (const fetched of await client.fetch([{ topic, partition: 0, offset }], limits, AbortSignal.timeout(5000))) {
        const now = performance.now()
        for (const batch of decodeBatches(fetched.records, { checkCrc: false, limits: { batchMaxBytes: 1 << 30, ratioMax: 1e9 } })) {
          const columns = batch.records()
          for (let n = 0; n < columns.count; n++) waits.push(now - columns.value(n)!.readDoubleBE(0))
          offset = batch.lastOffset + 1
        }
      }
    }
  })()
  const began = performance.now()
  for (let n = 0; n < count; n++) {
    const due = began + n * 2
    if (due > performance.now()) await sleep(Math.max(1, due - performance.now()))
    const value = Buffer.alloc(200)
    value.writeDoubleBE(performance.now(), 0)
    await sink.put([record(topic, value)], kill)
  }
  await sink.flush!({}, kill)
  await reading
  waits.splice(0, 500)
  waits.sort((a, b) => a - b)
  const at = (part: number) => Math.round(waits[Math.floor(waits.length * part)]! * 100) / 100
  process.stdout.write(
    `${JSON.stringify({ bench: 'put to consumer at 500/s', records: waits.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(0.9999), aim: 'p99 5 ms' })}\n`,
  )
}
