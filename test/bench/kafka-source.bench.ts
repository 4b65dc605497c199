import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSource } from '../../connectors/kafka/source/open-source.ts'
import { kafkaSourceConfig } from '../../connectors/kafka/source/config.ts'
import { parseConfig, type Converter, type SinkTask, type TransformDef } from '../../core/index.ts'
import { buildChain } from '../../core/runtime/chain.ts'
import { runTask, type TaskParts } from '../../core/runtime/task.ts'
import transforms from '../../transforms/index.ts'
import { taskContext } from '../../testing/index.ts'
import { converterOf } from '../core/converter/convert.ts'
import { kafkaSkip, startKafka } from '../kafka.ts'
import { KafkaTools } from '../kafka-tools.ts'
import { measure, report } from './measure.ts'

// Kafka -> JSON -> three transforms -> nothing: what reading costs, beside Kafka's own consumer.
const total = Number(process.env['MILLRACE_BENCH_RECORDS'] ?? 2_000_000)
const topic = 'events'

const skip = kafkaSkip(true)
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'kafka source', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  await using kafka = await startKafka({ own: true, heap: '512m' })
  const tools = new KafkaTools(kafka.bootstrap)
  await kafka.topic(topic, 4)
  await fill(tools)
  const ceiling = { name: 'kafka-consumer-perf-test', recordsPerSecond: (await tools.consumerPerf(topic, total)).recordsPerSecond }
  const json = converterOf('json', { 'schemas.enable': 'false' })
  const bytes = converterOf('bytes')
  const chain = threeTransforms()
  const runs: readonly [string, Converter, TaskParts['chain'], boolean][] = [
    ['kafka -> json -> 3 transforms -> null', json, (records) => chain(records).kept, false],
    ['kafka -> json -> null', json, (records) => records, false],
    ['kafka -> bytes -> null', bytes, (records) => records, false],
    ['kafka -> whole batches -> null', bytes, (records) => records, true],
  ]
  for (const [bench, value, apply, whole] of runs) {
    const { seconds, cpuSeconds, peakRssMb } = await measure(() => readAll(kafka.bootstrap, bench, value, apply, whole))
    report({
      bench,
      records: total,
      seconds,
      cpuUsPerRecord: (cpuSeconds * 1e6) / total,
      peakRssMb,
      ceiling,
      aim: '400,000 rec/s with three transforms',
    })
  }
}

/** Flat JSON of about 200 bytes, written by Kafka's own producer. */
async function fill(tools: KafkaTools): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  try {
    const file = join(folder, 'payloads')
    const lines = Array.from({ length: 1_000 }, (_, n) =>
      JSON.stringify({
        id: n,
        type: n % 3 === 0 ? 'order' : 'view',
        user: `user-${n % 97}`,
        at: 1_700_000_000_000 + n,
        amount: n * 1.25,
        currency: 'EUR',
        country: ['DE', 'FR', 'IT'][n % 3],
        paid: n % 2 === 0,
        note: 'a note that is neither long nor short, and says little',
        version: 3,
      }),
    )
    writeFileSync(file, lines.join('\n'))
    const numbers = ['--num-records', String(total), '--throughput', '-1', '--payload-file', file]
    await tools.run('ProducerPerformance', {
      args: ['--topic', topic, ...numbers, '--command-property', 'linger.ms=20', 'batch.size=65536'],
      bench: true,
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function readAll(bootstrap: string, name: string, value: Converter, apply: TaskParts['chain'], whole: boolean): Promise<void> {
  const stop = new AbortController()
  const { config } = parseConfig(kafkaSourceConfig, { 'bootstrap.servers': bootstrap, topics: topic, 'group.id': name })
  const context = taskContext({ connector: 'bench', converters: { key: value, value, header: converterOf('simple') } })
  let read = 0
  const count = (records: number) => {
    read += records
    if (read >= total) stop.abort()
  }
  const sink: SinkTask = {
    put: async (records) => count(records.length),
    ...(whole ? { formats: ['kafka-v2'], forward: async (records: { count: number }) => count(records.count) } : {}),
    [Symbol.asyncDispose]: async () => {},
  }
  const parts: TaskParts = {
    connector: 'bench',
    task: 0,
    source: await openSource(config, context),
    chain: apply,
    straight: whole,
    sink,
    offsets: { load: async () => undefined, save: async () => {}, reset: async () => {} },
    limits: { rows: 500_000, bytes: 128 << 20, intervalMs: 5_000, aheadBytes: 16 << 20 },
    observer: { step() {}, batch() {}, flushed() {} },
    gate: { closed: false, onClose: () => ({ [Symbol.dispose]() {} }), wait: async () => {} },
  }
  await runTask(parts, stop.signal, new AbortController().signal)
}

function threeTransforms() {
  const named = (name: string, raw: Record<string, string>) => {
    const def: TransformDef = transforms.transforms!.find((one) => one.class === `org.apache.kafka.connect.transforms.${name}`)!
    return def.create(parseConfig(def.config, raw).config)
  }
  return buildChain([
    { name: 'rename', transform: named('ReplaceField$Value', { renames: 'note:comment', exclude: 'version' }) },
    { name: 'mask', transform: named('MaskField$Value', { fields: 'user' }) },
    { name: 'insert', transform: named('InsertField$Value', { 'static.field': 'origin', 'static.value': 'bench' }) },
  ])
}
