import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import elasticsearch from '../../connectors/elasticsearch/index.ts'
import { logical, primitive, record, structOf, type ConnectRecord, type Schema } from '../../core/index.ts'
import { sinkOf, taskContext } from '../../testing/index.ts'
import { bulkBodies, bulkLoop } from './bulk-loop.ts'
import { measure, report } from './measure.ts'

// What writing documents costs on our side, against a server that does nothing.
const total = Number(process.env['MILLRACE_BENCH_RECORDS'] ?? 1_000_000)
const kill = new AbortController().signal
const batchRows = 5000

const schema: Schema = structOf([
  ['id', primitive('int64')],
  ['customer', primitive('string')],
  ['amount', primitive('float64')],
  ['paid', primitive('boolean')],
  ['note', primitive('string', { optional: true })],
  ['city', primitive('string')],
  ['items', primitive('int32')],
  ['created', primitive('int64')],
  ['code', primitive('string')],
  ['total', primitive('float64')],
])

/** As a database's rows have them. */
const withTimes: Schema = structOf(
  schema.fields.map(({ name, schema: type }) => [
    name,
    name === 'created'
      ? primitive('int64', { name: logical.microTimestamp })
      : name === 'items'
        ? primitive('int32', { name: logical.debeziumDate })
        : type,
  ]),
)

type Make = (n: number) => { readonly value: unknown; readonly valueSchema: Schema | null }

const rowOf = (n: number) => ({
  id: BigInt(n),
  customer: `customer ${n % 1000}`,
  amount: n / 7,
  paid: n % 2 === 0,
  note: null,
  city: 'Friedrichshafen',
  items: n % 12,
  created: 1_700_000_000_000n + BigInt(n),
  code: `C-${n % 9999}`,
  total: n * 1.5,
})
const text = (n: number) => JSON.stringify({ ...rowOf(n), id: n, created: 1_700_000_000_000 + n })
const struct: Make = (n) => ({ value: rowOf(n), valueSchema: schema })
const timed: Make = (n) => ({
  value: { ...rowOf(n), created: 1_700_000_000_000_000n + BigInt(n) * 1000n, items: n % 20_000 },
  valueSchema: withTimes,
})
const object: Make = (n) => ({ value: JSON.parse(text(n)) as object, valueSchema: null })
const raw: Make = (n) => ({ value: Buffer.from(text(n)), valueSchema: null })

await againstNull()

async function againstNull(): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'null-elasticsearch.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const url = `http://127.0.0.1:${String(line).trim()}`
    const ceiling = {
      name: 'prepared bodies over the same client',
      recordsPerSecond: await bulkLoop(url, bulkBodies('bench', 100_000, text), 4, 10),
    }
    const runs: readonly [string, Make, Record<string, string>][] = [
      ['structs -> elasticsearch (null server)', struct, {}],
      ['structs with days and microseconds -> elasticsearch (null server)', timed, {}],
      ['plain objects -> elasticsearch (null server)', object, {}],
      ['JSON bytes -> elasticsearch (null server)', raw, {}],
      ['structs, upsert -> elasticsearch (null server)', struct, { 'write.method': 'upsert' }],
    ]
    for (const [bench, make, config] of runs) {
      await move(url, make, config, 100_000)
      const { seconds, cpuSeconds, peakRssMb } = await measure(() => move(url, make, config, total))
      report({ bench, records: total, seconds, cpuUsPerRecord: (cpuSeconds * 1e6) / total, peakRssMb, ceiling, aim: '200,000 records/s' })
    }
  } finally {
    child.kill()
  }
}

/** Puts and flushes them as the loop does; keys as ids, offsets as versions. */
async function move(url: string, make: Make, config: Record<string, string>, count: number, topic = 'bench'): Promise<void> {
  await using sink = await sinkOf(
    elasticsearch,
    'elasticsearch',
    { 'connection.url': url, 'read.timeout.ms': '60000', ...config },
    taskContext(),
  )
  const made: ConnectRecord[] = Array.from({ length: batchRows }, (_, n) =>
    record(topic, make(n).value, { valueSchema: make(n).valueSchema }),
  )
  const partition = JSON.stringify({ kafka_topic: topic, kafka_partition: 0 })
  for (let from = 0; from < count; from += batchRows) {
    const batch = made.map((one, n) => ({ ...one, key: `k${from + n}`, partition: 0, origin: { partition, position: from + n, seq: 0 } }))
    await sink.put(batch, kill)
  }
  await sink.flush!({}, kill)
}
