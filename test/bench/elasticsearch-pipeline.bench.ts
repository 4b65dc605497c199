import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { elasticsearchSkip, startElasticsearch, type TestElasticsearch } from '../elasticsearch.ts'
import { kafkaSkip, type TestKafka } from '../kafka.ts'
import { bulkBodies, bulkLoop } from './bulk-loop.ts'
import { startBenchKafka } from './kafka-peers.ts'
import { report } from './measure.ts'
import { PipelineRun } from './pipeline-run.ts'
import { usageOf } from './process-usage.ts'

// From Kafka through a whole worker into a real server, beside a loop that sends it the same documents made before; and into a server that
// does nothing, which shows what the worker could do.
const total = Number(process.env['MILLRACE_BENCH_RECORDS'] ?? 200_000)
const partitions = 4
const bytes = { 'key.converter': 'String', 'value.converter': 'ByteArray' }
const fields = {
  id: 'int64',
  customer: 'string',
  amount: 'double',
  paid: 'boolean',
  city: 'string',
  items: 'int32',
  created: 'int64',
  code: 'string',
}
const structs = {
  'key.converter': 'String',
  'value.converter': 'Json',
  'value.converter.schema.content': JSON.stringify({
    type: 'struct',
    fields: Object.entries(fields).map(([field, type]) => ({ field, type })),
  }),
}

let groups = 0

const skip = kafkaSkip(true) || elasticsearchSkip()
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'kafka -> elasticsearch', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  await using kafka = await startBenchKafka()
  await kafka.topic('orders', partitions)
  await produce(kafka)
  await againstNull(kafka)
  await using server = await startElasticsearch({ heap: '1g' })
  await bulkLoop(server.url, bulkBodies('warm', 60_000, document), 5)
  const before = await bulkLoop(server.url, bulkBodies('loop-1', total, document), 5)
  for (const [name, config] of Object.entries({ 'JSON bytes': bytes, structs })) {
    const index = name.toLowerCase().replace(' ', '-')
    await using pipeline = await start(kafka, { ...config, 'sink.connection.url': server.url, 'sink.index.name.format': index })
    const [began, busy] = [performance.now(), cpuSecondsOf(server)]
    await indexed(server, index, total)
    const seconds = (performance.now() - began) / 1000
    const serverCpuUsPerRecord = Math.round(((cpuSecondsOf(server) - busy) * 1e6) / total)
    const found = await server.count(index)
    if (found !== total) throw new Error(`Of ${total} documents ${found} are there`)
    const after = await bulkLoop(server.url, bulkBodies(`loop-${index}`, total, document), 5)
    await print(pipeline, `kafka -> elasticsearch 8.19, ${name}`, seconds, {
      ceiling: { name: 'the same documents sent by a loop, before and after', recordsPerSecond: (before + after) / 2 },
      serverCpuUsPerRecord,
      aim: 'the server is the limit',
    })
  }
}

async function againstNull(kafka: TestKafka): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'null-elasticsearch.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    for (const [name, config] of Object.entries({ 'JSON bytes': bytes, structs })) {
      await using pipeline = await start(kafka, { ...config, 'sink.connection.url': `http://127.0.0.1:${String(line).trim()}` })
      const began = performance.now()
      await pipeline.flushed(total)
      await print(pipeline, `kafka -> elasticsearch (null server), ${name}`, (performance.now() - began) / 1000, {})
    }
  } finally {
    child.kill()
  }
}

async function start(kafka: TestKafka, config: Readonly<Record<string, string>>): Promise<PipelineRun> {
  const pipeline = await PipelineRun.of(
    () => ({
      'connector.class': 'kafka',
      topics: 'orders',
      'consumer.override.group.id': `bench-${++groups}`,
      'flush.interval.ms': '500',
      'sink.class': 'elasticsearch',
      'sink.read.timeout.ms': '60000',
      ...config,
    }),
    { 'bootstrap.servers': kafka.bootstrap },
  )
  await pipeline.pid()
  return pipeline
}

function cpuSecondsOf(server: TestElasticsearch): number {
  return usageOf(server.pid)?.cpuSeconds ?? 0
}

/** Waits until the server has indexed so many, without making it refresh. */
async function indexed(server: TestElasticsearch, index: string, count: number): Promise<void> {
  const path = `/${index}/_stats/indexing?filter_path=_all.primaries.indexing.index_total`
  for (;;) {
    const answer = await server.call('GET', path)
    if (answer['_all']?.primaries.indexing.index_total >= count) return
    await sleep(20)
  }
}

async function print(pipeline: PipelineRun, bench: string, seconds: number, more: object): Promise<void> {
  const { cpuSeconds, peakRssMb } = await pipeline.usage()
  report({ bench, records: total, seconds, cpuUsPerRecord: (cpuSeconds * 1e6) / total, peakRssMb, ...more })
}

async function produce(kafka: TestKafka): Promise<void> {
  const producer = kafka.client().producer()
  await producer.connect()
  for (let at = 0; at < total; at += 5000) {
    const messages = Array.from({ length: Math.min(5000, total - at) }, (_, n) => ({ key: `k${at + n}`, value: document(at + n) }))
    await producer.send({ topic: 'orders', messages })
  }
  await producer.disconnect()
}

function document(n: number): string {
  return JSON.stringify({
    id: n,
    customer: `customer ${n % 1000}`,
    amount: n + 0.25,
    paid: n % 2 === 0,
    city: 'Friedrichshafen',
    items: n % 12,
    created: 1_700_000_000_000 + n,
    code: `C-${n % 9999}`,
  })
}
