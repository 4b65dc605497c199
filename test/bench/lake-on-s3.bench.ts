import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import delta from '../../connectors/delta/index.ts'
import { type ConnectRecord, optional, primitive, record, structOf } from '../../core/index.ts'
import { sinkOf } from '../../testing/index.ts'
import { S3Server, s3Skip } from '../s3.ts'
import { measure, report } from './measure.ts'

// The Delta sink by itself, onto S3 (versitygw on this machine) beside the same onto disk: appends, then updates of rows all over the mirror.
const rows = Number(process.env['BENCH_ROWS'] ?? 400_000)
const batchRows = 2000
const flushRows = 100_000
const kill = new AbortController().signal

const schema = structOf([
  ['id', primitive('int64')],
  ['name', optional(primitive('string'))],
  ['amount', optional(primitive('float64'))],
  ['at', optional(primitive('int64'))],
])
const keySchema = structOf([['id', primitive('int64')]])

function batch(start: number, count: number, idOf: (n: number) => number): readonly ConnectRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const n = start + index
    const id = BigInt(idOf(n))
    const value = { id, name: `name of ${id} at ${n}`, amount: n / 7, at: 1_700_000_000_000n + BigInt(n) }
    return record('shop.public.rows', value, {
      valueSchema: schema,
      key: { id },
      keySchema,
      origin: { partition: 'bench', position: n + 1, seq: 0 },
    })
  })
}

async function run(mode: string, settings: Record<string, string>): Promise<Awaited<ReturnType<typeof measure>>> {
  const updates = mode === 'upsert' ? rows / 10 : 0
  return await measure(async () => {
    await using task = await sinkOf(delta, 'delta', { mode, ...settings })
    await task.open?.()
    const write = async (from: number, to: number, perFlush: number, idOf: (n: number) => number): Promise<void> => {
      for (let start = from; start < to; start += batchRows) {
        await task.put(batch(start, batchRows, idOf), kill)
        if ((start + batchRows - from) % perFlush === 0 || start + batchRows >= to) await task.flush!({ bench: start + batchRows }, kill)
      }
    }
    await write(0, rows, flushRows, (n) => n)
    await write(rows, rows + updates, flushRows / 10, (n) => (n * 7919) % rows)
  })
}

const skipped = s3Skip()
if (skipped !== false) process.stdout.write(`${JSON.stringify({ bench: 'lake on S3', skipped })}\n`)
else {
  await using server = await S3Server.start()
  for (const mode of ['append', 'upsert']) {
    const records = mode === 'upsert' ? rows + rows / 10 : rows
    const folder = await mkdtemp(join(tmpdir(), 'bench-lake-'))
    const disk = await run(mode, { path: folder })
    await rm(folder, { recursive: true, force: true })
    const figures = await run(mode, { path: `s3://${await server.newBucket()}/lake`, ...server.settings() })
    report({
      bench: `delta sink on S3, ${mode}`,
      records,
      seconds: figures.seconds,
      cpuUsPerRecord: (figures.cpuSeconds * 1e6) / records,
      peakRssMb: figures.peakRssMb,
      ceiling: { name: 'the same on disk', recordsPerSecond: records / disk.seconds },
    })
  }
}
