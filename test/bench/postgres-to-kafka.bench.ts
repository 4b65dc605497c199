import { setTimeout as sleep } from 'node:timers/promises'
import { kafkaSkip, type TestKafka } from '../kafka.ts'
import { startPostgres, type PostgresServer } from '../postgres.ts'
import { producerCeiling, startBenchKafka } from './kafka-peers.ts'
import { report } from './measure.ts'
import { capture, PipelineRun } from './pipeline-run.ts'
import { createRows, insertRows } from './rows-table.ts'

// A Postgres table into a topic, with defaults but for schemas: its snapshot, then its log, then how long a commit takes to be in the topic.
const rows = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
const commitsPerSecond = 500
const latencySeconds = 10
const schemaless = { 'key.converter.schemas.enable': 'false', 'value.converter.schemas.enable': 'false' }

const skip = kafkaSkip(true)
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'postgres -> kafka', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  await using kafka = await startBenchKafka()
  await using server = await startPostgres({ settings: { shared_buffers: "'512MB'", max_wal_size: "'8GB'" } })
  await createRows(server, rows)
  await kafka.topic('ceiling', 1)
  const ceiling = { name: "Kafka's producer-perf, 700 B", recordsPerSecond: await producerCeiling(kafka, 'ceiling', rows, 700) }
  await using run = await PipelineRun.of(() => pipeline(server), { 'bootstrap.servers': kafka.bootstrap })

  await run.pid()
  const began = performance.now()
  await run.flushed(rows)
  await print(run, 'snapshot -> kafka', (performance.now() - began) / 1000, 0, '200,000 rows/s', ceiling)

  await run.worker.call('PUT', '/connectors/bench/stop')
  for (let at = rows; at < rows * 2; at += 10_000) await server.query(insertRows(at + 1, at + 10_000))
  const resumed = performance.now()
  await run.worker.call('PUT', '/connectors/bench/resume')
  const stream = run.again()
  const seconds = await stream.caughtUp(server, resumed)
  await print(stream, 'stream -> kafka', seconds, 0, '130,000 rows/s', ceiling)

  await latency(server, kafka, stream)
}

async function print(
  run: PipelineRun,
  bench: string,
  seconds: number,
  cpuBefore: number,
  aim: string,
  ceiling: { readonly name: string; readonly recordsPerSecond: number },
): Promise<void> {
  const { cpuSeconds, peakRssMb } = await run.usage()
  report({ bench, records: rows, seconds, cpuUsPerRecord: ((cpuSeconds - cpuBefore) * 1e6) / rows, peakRssMb, ceiling, aim })
}

function pipeline(server: PostgresServer): Readonly<Record<string, string>> {
  return { ...capture(server), 'key.converter': 'Json', 'value.converter': 'Json', ...schemaless }
}

/** Commits one row at a time at a steady rate; a consumer of another make notes when each is there. */
async function latency(server: PostgresServer, kafka: TestKafka, run: PipelineRun): Promise<void> {
  const topic = 'bench.public.rows'
  const consumer = kafka.client().consumer({ groupId: 'latency', maxWaitTimeInMs: 500, minBytes: 1 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: false })
  const arrived = new Map<number, number>()
  let ready = false
  consumer.on('consumer.group_join', () => (ready = true))
  await consumer.run({
    eachMessage: async ({ message }) => {
      const now = performance.now()
      const id = /"after":\{"id":(\d+)/.exec(message.value!.toString('latin1'))?.[1]
      arrived.set(Number(id), now)
    },
  })
  while (!ready) await sleep(50)
  await sleep(1000)
  const session = await server.connect()
  const committed = new Map<number, number>()
  const from = rows * 3
  const began = performance.now()
  const cpu = (await run.usage()).cpuSeconds
  for (let n = 0; n < commitsPerSecond * latencySeconds; n++) {
    const due = began + (n * 1000) / commitsPerSecond
    if (due > performance.now()) await sleep(due - performance.now())
    await session.query(insertRows(from + n, from + n))
    committed.set(from + n, performance.now())
  }
  await session.end()
  const seconds = (performance.now() - began) / 1000
  while (arrived.size < committed.size) await sleep(50)
  const times = [...committed].map(([id, at]) => Math.max(0, arrived.get(id)! - at)).sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.floor(times.length * share)]! * 10) / 10
  const { cpuSeconds, rssMb } = await run.usage()
  const line = {
    bench: `commit -> topic at ${Math.round(committed.size / seconds)} commits/s`,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(0.9999),
    coreShare: Math.round(((cpuSeconds - cpu) / seconds) * 100) / 100,
    rssMb,
    aim: 'p99 5 ms',
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
  await consumer.disconnect()
}
