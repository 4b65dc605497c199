import { join } from 'node:path'
import { kafkaSkip, type TestKafka } from '../kafka.ts'
import { startBenchKafka } from './kafka-peers.ts'
import { report } from './measure.ts'
import { PipelineRun } from './pipeline-run.ts'

// From Kafka through a whole worker with its defaults: into Kafka with three transforms and untouched, into Delta by append and by upsert.
const total = Number(process.env['MILLRACE_BENCH_RECORDS'] ?? 500_000)
const changed = total / 10
const partitions = 4

const struct = (fields: Readonly<Record<string, string>>) =>
  JSON.stringify({ type: 'struct', fields: Object.entries(fields).map(([field, type]) => ({ field, type })) })
const fields = {
  id: 'int64',
  type: 'string',
  user: 'string',
  at: 'int64',
  amount: 'double',
  country: 'string',
  paid: 'boolean',
  note: 'string',
}
const typed = {
  'key.converter': 'Json',
  'key.converter.schema.content': struct({ id: 'int64' }),
  'value.converter': 'Json',
  'value.converter.schema.content': struct(fields),
}
const plain = {
  'key.converter': 'Json',
  'key.converter.schemas.enable': 'false',
  'value.converter': 'Json',
  'value.converter.schemas.enable': 'false',
}
const untouched = { 'key.converter': 'ByteArray', 'value.converter': 'ByteArray' }
const transforms = {
  transforms: 'edit,mask,add,away',
  'transforms.edit.type': 'org.apache.kafka.connect.transforms.ReplaceField$Value',
  'transforms.edit.renames': 'note:comment',
  'transforms.mask.type': 'org.apache.kafka.connect.transforms.MaskField$Value',
  'transforms.mask.fields': 'user',
  'transforms.add.type': 'org.apache.kafka.connect.transforms.InsertField$Value',
  'transforms.add.static.field': 'origin',
  'transforms.add.static.value': 'bench',
}

let groups = 0

const skip = kafkaSkip(true)
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'kafka in a worker', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  await using kafka = await startBenchKafka()
  await kafka.topic('events', partitions)
  await produce(kafka, 0, total)
  await run(kafka, 'kafka -> json -> 3 transforms -> kafka', '150,000 rec/s a task', { ...plain, ...transforms, ...away('edited') })
  await run(kafka, 'kafka -> kafka untouched', '1,000,000 rec/s', { ...untouched, 'sink.class': 'kafka' }, true)
  await run(kafka, 'kafka -> delta, append', '150,000 rec/s', { ...typed, 'sink.class': 'delta', 'sink.mode': 'append' })
  await upserts(kafka)
}

/** The records go to another topic, which has as many partitions. */
function away(topic: string): Readonly<Record<string, string>> {
  return {
    'sink.class': 'kafka',
    'transforms.away.type': 'org.apache.kafka.connect.transforms.RegexRouter',
    'transforms.away.regex': '.*',
    'transforms.away.replacement': topic,
    'sink.topic.creation.default.partitions': String(partitions),
    'sink.topic.creation.default.replication.factor': '1',
  }
}

async function run(kafka: TestKafka, bench: string, aim: string, config: Readonly<Record<string, string>>, other = false): Promise<void> {
  // What is copied as it is keeps its topic's name, so it goes to another cluster.
  await using target = other ? await startBenchKafka() : undefined
  if (target) await target.topic('events', partitions)
  await using pipeline = await start(kafka, target ? { ...config, 'sink.bootstrap.servers': target.bootstrap } : config)
  const began = performance.now()
  await pipeline.flushed(total)
  await print(pipeline, bench, total, (performance.now() - began) / 1000, aim)
}

/** The table first, then a tenth of its keys again. */
async function upserts(kafka: TestKafka): Promise<void> {
  await using pipeline = await start(kafka, { ...typed, 'sink.class': 'delta', 'sink.mode': 'upsert' })
  const began = performance.now()
  await pipeline.flushed(total)
  await print(pipeline, 'kafka -> delta, upsert, new keys', total, (performance.now() - began) / 1000, '60,000 rec/s')
  await pipeline.worker.call('PUT', '/connectors/bench/stop')
  await produce(kafka, 0, changed)
  const resumed = performance.now()
  await pipeline.worker.call('PUT', '/connectors/bench/resume')
  const again = pipeline.again()
  await again.flushed(changed)
  await print(again, 'kafka -> delta, upsert of 10% of the keys', changed, (performance.now() - resumed) / 1000, '60,000 rec/s')
}

async function start(kafka: TestKafka, config: Readonly<Record<string, string>>): Promise<PipelineRun> {
  const pipeline = await PipelineRun.of(
    (folder) => ({
      'connector.class': 'kafka',
      topics: 'events',
      // Each run reads from the start: a group of its own, as the one before committed its positions.
      'consumer.override.group.id': `bench-${++groups}`,
      ...(config['sink.class'] === 'delta' ? { 'sink.path': join(folder, 'lake') } : {}),
      ...config,
    }),
    { 'bootstrap.servers': kafka.bootstrap },
  )
  await pipeline.pid()
  return pipeline
}

async function print(pipeline: PipelineRun, bench: string, records: number, seconds: number, aim: string): Promise<void> {
  const { cpuSeconds, peakRssMb } = await pipeline.usage()
  report({ bench, records, seconds, cpuUsPerRecord: (cpuSeconds * 1e6) / records, peakRssMb, aim })
}

/** Flat JSON of about 170 bytes, with keys. */
async function produce(kafka: TestKafka, from: number, to: number): Promise<void> {
  const producer = kafka.client().producer()
  await producer.connect()
  for (let at = from; at < to; at += 5_000) {
    const messages = Array.from({ length: Math.min(5_000, to - at) }, (_, n) => ({ key: `{"id":${at + n}}`, value: event(at + n) }))
    await producer.send({ topic: 'events', messages })
  }
  await producer.disconnect()
}

function event(id: number): string {
  return JSON.stringify({
    id,
    type: id % 3 === 0 ? 'order' : 'view',
    user: `user-${id % 97}`,
    at: 1_700_000_000_000 + id,
    amount: id + 0.25,
    country: ['DE', 'FR', 'IT'][id % 3],
    paid: id % 2 === 0,
    note: 'a note that is neither long nor short, and says little',
  })
}
