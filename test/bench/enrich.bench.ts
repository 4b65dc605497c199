import { primitive, record, structOf, type ConnectRecord } from '../../core/index.ts'
import { cellOf } from '../../transforms/enrich/cells.ts'
import { textColumn } from '../../transforms/enrich/columns.ts'
import { EnrichTransform } from '../../transforms/enrich/enrich.ts'
import { rowOf, type Lookup } from '../../transforms/enrich/lookup.ts'
import { keyReader } from '../../transforms/enrich/record-key.ts'
import { parsePath } from '../../transforms/field-path.ts'
import { keyAndValue, type Side } from '../../transforms/side.ts'
import { measure, report } from './measure.ts'

// What Enrich costs a record when all keys are cached: batches of 500 records of 10,000 customers, two fields are added. The peer is a map by hand.
let side: Side | undefined
keyAndValue('side', '', {}, (_, one) => ((side = one), { apply: (same) => same }))[1]!.create({})
const value = side!
const schema = structOf([
  ['id', primitive('int64')],
  ['customer', primitive('int64')],
  ['name', primitive('string')],
])
const batches = Array.from({ length: 40 }, (_, batch) =>
  Array.from({ length: 500 }, (_one, n) => {
    const content = { id: BigInt(batch * 500 + n), customer: BigInt((batch * 7919 + n * 31) % 10_000), name: `name ${n}` }
    return record('orders', content, { valueSchema: schema })
  }),
)
const plain = batches.map((batch) => batch.map((one) => record('orders', one.value)))
const rounds = 25
const count = rounds * 40 * 500

const remote: Lookup = {
  held: undefined,
  shape: { columns: [textColumn('label', cellOf('string'), true), textColumn('credit', cellOf('int64'), true)], untyped: '' },
  refresh: async () => {},
  fetch: async (keys) => keys.map(({ text }) => rowOf([`customer ${text}`, text])),
  async [Symbol.asyncDispose]() {},
}

const byHand = new Map(Array.from({ length: 10_000 }, (_, n) => [BigInt(n), { label: `customer ${n}`, credit: BigInt(n) }]))
const hand = await time(async (batch) => {
  for (const one of batch) {
    const content = one.value as { id: bigint; customer: bigint; name: string }
    sink({ ...one, value: { ...content, ...byHand.get(content.customer) } })
  }
}, batches)
const ceiling = { name: 'a map by hand', recordsPerSecond: count / hand.seconds }

await run('Enrich, warm cache', batches)
await run('Enrich, warm cache, no schema', plain)

async function run(bench: string, records: readonly (readonly ConnectRecord[])[]): Promise<void> {
  const readKey = keyReader([parsePath('customer', 'own')], value)
  const settings = {
    side: value,
    readKey,
    into: undefined,
    missing: 'null',
    cacheBytes: 64 << 20,
    ttlMs: Infinity,
    missingTtlMs: Infinity,
  } as const
  await using transform = new EnrichTransform(settings, remote)
  const { seconds, cpuSeconds, peakRssMb } = await time(async (batch) => {
    await transform.prepare(batch)
    for (const one of batch) sink(transform.apply(one))
  }, records)
  report({ bench, records: count, seconds, cpuUsPerRecord: (cpuSeconds / count) * 1e6, peakRssMb, ceiling })
}

function sink(_record: unknown): void {}

async function time(work: (batch: readonly ConnectRecord[]) => Promise<void>, records: readonly (readonly ConnectRecord[])[]) {
  for (let round = 0; round < 5; round++) for (const batch of records) await work(batch)
  return measure(async () => {
    for (let round = 0; round < rounds; round++) for (const batch of records) await work(batch)
  })
}
