import { buildChain } from '../../core/runtime/chain.ts'
import { runTask, type TaskParts } from '../../core/runtime/task.ts'
import { parseConfig, record, type RecordBatch, type TransformDef } from '../../core/index.ts'
import transforms from '../../transforms/index.ts'
import { measure, report } from './measure.ts'

// The cost of the loop itself: a source that hands out ready batches, three built-in transforms, a sink that forgets.
const batchRecords = 1000
const total = 5_000_000

const batch: RecordBatch = {
  records: Array.from({ length: batchRecords }, (_, n) =>
    record(
      'orders',
      { id: n, customer: `customer ${n}`, amount: n * 1.5, note: null, active: true },
      { key: n, timestamp: 1_700_000_000_000 + n },
    ),
  ),
  offsets: { '{"bench":1}': 1 },
  bytes: batchRecords * 200,
}

const chain = buildChain([
  {
    name: 'rename',
    transform: create('org.apache.kafka.connect.transforms.ReplaceField$Value', { renames: 'note:comment', exclude: 'active' }),
  },
  { name: 'mask', transform: create('org.apache.kafka.connect.transforms.MaskField$Value', { fields: 'customer' }) },
  {
    name: 'insert',
    transform: create('org.apache.kafka.connect.transforms.InsertField$Value', { 'static.field': 'origin', 'static.value': 'bench' }),
  },
])

await run('loop, no transforms', (records) => records)
await run('loop, three transforms', (records) => chain(records).kept)

async function run(name: string, apply: TaskParts['chain']): Promise<void> {
  const stop = new AbortController()
  let polled = 0
  const parts: TaskParts = {
    connector: 'bench',
    task: 0,
    source: {
      open: async () => {},
      poll: async () => {
        polled += batchRecords
        if (polled >= total) stop.abort()
        return batch
      },
      [Symbol.asyncDispose]: async () => {},
    },
    chain: apply,
    straight: false,
    sink: { put: async () => {}, [Symbol.asyncDispose]: async () => {} },
    offsets: { load: async () => undefined, save: async () => {}, reset: async () => {} },
    limits: { rows: 100_000, bytes: 128 << 20, intervalMs: 10_000, aheadBytes: 16 << 20 },
    observer: { step() {}, batch() {}, flushed() {} },
    gate: { closed: false, onClose: () => ({ [Symbol.dispose]() {} }), wait: async () => {} },
  }
  const { seconds, cpuSeconds, peakRssMb } = await measure(async () => {
    await runTask(parts, stop.signal, new AbortController().signal)
  })
  report({
    bench: name,
    records: total,
    seconds,
    cpuUsPerRecord: (cpuSeconds * 1e6) / total,
    peakRssMb,
    aim: '1,000,000 rec/s with three transforms',
  })
}

function create(name: string, raw: Record<string, string>) {
  const def: TransformDef = transforms.transforms!.find((one) => one.class === name)!
  const { config, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
  return def.create(config)
}
