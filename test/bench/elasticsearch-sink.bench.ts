import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { ElasticsearchClient } from '../../connectors/elasticsearch/client.ts'
import { elasticsearchConfig } from '../../connectors/elasticsearch/config.ts'
import elasticsearch from '../../connectors/elasticsearch/index.ts'
import { parseConfig, primitive, record, structOf, type ConnectRecord, type Schema } from '../../core/index.ts'
import { sinkOf, taskContext } from '../../testing/index.ts'
import { elasticsearchSkip, startElasticsearch } from '../elasticsearch.ts'
import { measure, report } from './measure.ts'

// What writing documents costs on our side, against a server that does nothing; then how near a real one is driven to what it can take.
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
const object: Make = (n) => ({ value: JSON.parse(text(n)) as object, valueSchema: null })
const raw: Make = (n) => ({ value: Buffer.from(text(n)), valueSchema: null })

/** Bodies that were made before. */
const made = new Map<string, Buffer>()

await againstNull()
await againstReal()

async function againstNull(): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'null-elasticsearch.ts')], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const url = `http://127.0.0.1:${String(line).trim()}`
    const ceiling = { name: 'prepared bodies over the same client', recordsPerSecond: await prepared(url, total, 4) }
    const runs: readonly [string, Make, Record<string, string>][] = [
      ['structs -> elasticsearch (null server)', struct, {}],
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

async function againstReal(): Promise<void> {
  const skip = elasticsearchSkip()
  if (skip) return void process.stdout.write(`${JSON.stringify({ bench: 'elasticsearch 8.19', skipped: skip })}\n`)
  await using server = await startElasticsearch({ heap: '1g' })
  const records = Math.min(total, 200_000)
  await move(server.url, struct, {}, 40_000, 'warm')
  const ceiling = { name: 'prepared bodies over the same client', recordsPerSecond: await prepared(server.url, records, 5, 'ceiling') }
  const { seconds, cpuSeconds, peakRssMb } = await measure(() => move(server.url, struct, {}, records, 'bench'))
  const counted = await server.count('bench')
  if (counted !== records) throw new Error(`Of ${records} records ${counted} are there`)
  report({
    bench: 'structs -> elasticsearch 8.19',
    records,
    seconds,
    cpuUsPerRecord: (cpuSeconds * 1e6) / records,
    peakRssMb,
    ceiling,
    aim: 'the server is the limit',
  })
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

/** Records a second of bodies that are there already: what the client and the server can do without us. */
async function prepared(url: string, count: number, inFlight: number, index = 'bench'): Promise<number> {
  const { config } = parseConfig(elasticsearchConfig, { 'connection.url': url, 'read.timeout.ms': '60000' })
  using client = new ElasticsearchClient(config)
  const rows = 2000
  const bodies = Array.from({ length: Math.ceil(count / rows) }, (_, b) => (url === '' || count > 400_000 ? b % 50 : b)).map((b) =>
    body(index, b * rows, rows),
  )
  let next = 0
  const began = performance.now()
  const sending = async () => {
    while (next < bodies.length) {
      const answer = await client.request('POST', '/_bulk?filter_path=errors', { type: 'application/x-ndjson', bytes: bodies[next++]! })
      if (answer.status !== 200) throw new Error(answer.text)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, sending))
  return count / ((performance.now() - began) / 1000)
}

function body(index: string, from: number, rows: number): Buffer {
  const key = `${index} ${from}`
  if (!made.has(key)) {
    const lines = Array.from(
      { length: rows },
      (_, n) => `{"index":{"_index":"${index}","_id":"k${from + n}","version":${from + n},"version_type":"external"}}\n${text(n)}\n`,
    )
    made.set(key, Buffer.from(lines.join('')))
  }
  return made.get(key)!
}
