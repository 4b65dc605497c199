import { parseConfig, primitive, record, structOf, type ConnectRecord, type Transform } from '../../core/index.ts'
import { buildChain } from '../../core/runtime/chain.ts'
import transforms from '../../transforms/index.ts'
import { measure, report } from './measure.ts'

// Three built-in transforms over batches of 500 records, beside JSON.parse of the same records: with a schema and without.
const total = Number(process.env['BENCH_RECORDS'] ?? 4_000_000)
const batchRecords = 500

const text = primitive('string')
const schema = structOf([
  ['id', primitive('int64')],
  ['customer', text],
  ['city', text],
  ['note', text],
  ['items', primitive('int32')],
  ['paid', primitive('boolean')],
])
const value = (n: number) => ({
  id: BigInt(n),
  customer: `c${n % 997}`,
  city: 'Kyoto',
  note: 'leave at the door',
  items: n % 9,
  paid: n % 2 === 0,
})

function step(name: string, type: string, raw: Readonly<Record<string, string>>): { name: string; transform: Transform } {
  const def = transforms.transforms!.find((one) => one.class === `org.apache.kafka.connect.transforms.${type}`)!
  const { config, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) throw new Error(issues[0]!.message)
  return { name, transform: def.create(config as never) }
}

const chain = buildChain([
  step('rename', 'ReplaceField$Value', { renames: 'note:comment', exclude: 'paid' }),
  step('insert', 'InsertField$Value', { 'static.field': 'origin', 'static.value': 'bench' }),
  step('route', 'RegexRouter', { regex: 'orders', replacement: 'orders-clean' }),
])

const parseSeconds = await parse()
for (const [name, valueSchema] of [
  ['with a schema', schema],
  ['without a schema', null],
] as const) {
  const batch: readonly ConnectRecord[] = Array.from({ length: batchRecords }, (_, n) => record('orders', value(n), { valueSchema }))
  for (let warm = 0; warm < 2_000; warm++) chain(batch)
  const { seconds, cpuSeconds, peakRssMb } = await measure(async () => {
    for (let done = 0; done < total; done += batchRecords) chain(batch)
  })
  report({
    bench: `three transforms ${name}`,
    records: total,
    seconds,
    cpuUsPerRecord: (cpuSeconds * 1e6) / total,
    peakRssMb,
    ceiling: { name: 'JSON.parse of the same records', recordsPerSecond: total / parseSeconds },
    aim: 'under 0.2 us a record beside the parse',
  })
}

async function parse(): Promise<number> {
  const lines = Array.from({ length: batchRecords }, (_, n) => JSON.stringify({ ...value(n), id: n }))
  const { seconds } = await measure(async () => {
    for (let done = 0; done < total; done += batchRecords) for (const line of lines) JSON.parse(line)
  })
  return seconds
}
