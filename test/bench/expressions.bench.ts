import { logical, parseConfig, primitive, record, structOf, type ConnectRecord, type Transform } from '../../core/index.ts'
import transforms from '../../transforms/index.ts'
import { measure, report } from './measure.ts'

// What expressions cost a record, beside the parse. The peer is the same work written by hand for this one schema.
const schema = structOf([
  ['id', primitive('int64')],
  ['qty', primitive('int32')],
  ['price', primitive('float64')],
  ['cost', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '2' } })],
  ['name', primitive('string')],
])
const values = Array.from({ length: 10_000 }, (_, n) => ({
  id: BigInt(n),
  qty: n % 100,
  price: n / 7,
  cost: { unscaled: BigInt(n), scale: 2 },
  name: `name ${n}`,
}))
const typed = values.map((value) => record('orders', value, { valueSchema: schema }))
const plain = values.map((value) => record('orders', { ...value, qty: BigInt(value.qty) }))
const rounds = 100

const byHand: Transform = {
  apply: (one) => {
    const value = one.value as (typeof values)[number]
    return { ...one, value: { ...value, total: value.qty * value.price, next: BigInt.asIntN(64, value.id + 1n) } }
  },
}
const ceiling = { name: 'two fields by hand', recordsPerSecond: (rounds * typed.length) / (await time(byHand, typed)).seconds }

const arithmetic = { expressions: 'total = value.qty * value.price\nnext = value.id + 1' }
await run('Compute, two arithmetic fields', create('Compute$Value', arithmetic), typed, 'under 1 us')
await run('Compute, two arithmetic fields, no schema', create('Compute$Value', arithmetic), plain, 'under 1 us')
await run(
  'Compute, two decimals',
  create('Compute$Value', { expressions: 'gross = round(value.cost * 1.19, 2)\nmore = value.cost + 1' }),
  typed,
)
await run('Compute, text', create('Compute$Value', { expressions: 'label = value.name.upper() + "!"' }), typed)
await run('Filter', create('Filter', { condition: 'value.qty > 10 && value.name.startsWith("name")' }), typed)
await run('Filter, no schema', create('Filter', { condition: 'value.qty > 10 && value.name.startsWith("name")' }), plain)
await run('Deduplicate by one field', create('Deduplicate$Value', { fields: 'id', 'window.records': '5000' }), typed)

async function run(bench: string, transform: Transform, records: readonly ConnectRecord[], aim?: string): Promise<void> {
  const { seconds, cpuSeconds, peakRssMb } = await time(transform, records)
  const count = rounds * records.length
  report({ bench, records: count, seconds, cpuUsPerRecord: (cpuSeconds / count) * 1e6, peakRssMb, ceiling, ...(aim && { aim }) })
}

async function time(transform: Transform, records: readonly ConnectRecord[]) {
  const once = () => {
    let last: ConnectRecord | null = null
    for (const one of records) last = transform.apply(one)
    return last
  }
  for (let round = 0; round < 10; round++) once()
  return measure(async () => {
    for (let round = 0; round < rounds; round++) once()
  })
}

function create(name: string, raw: Readonly<Record<string, string>>): Transform {
  const def = transforms.transforms!.find((one) => one.class === `io.millrace.transforms.${name}`)!
  const { config, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) throw new Error(issues.map(({ message }) => message).join('\n'))
  return def.create(config)
}
