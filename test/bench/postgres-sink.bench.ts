import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import datagen from '../../connectors/datagen/index.ts'
import postgres from '../../connectors/postgres/index.ts'
import type { SourceTask } from '../../core/index.ts'
import { runTask } from '../../core/runtime/task.ts'
import { sinkOf, sourceOf, taskContext } from '../../testing/index.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../postgres.ts'
import { measure, report } from './measure.ts'

// Rows of ten columns into a table with a primary key, fsync on: new rows, the same rows again, and plain inserts; beside psql's \copy.
const total = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
const psql = '/usr/lib/postgresql/15/bin/psql'
const ddl = `(id bigint PRIMARY KEY, quantity int NOT NULL, amount bigint NOT NULL, price numeric(18,4) NOT NULL, ratio double precision NOT NULL, code text NOT NULL,
  name text NOT NULL, created_at timestamp NOT NULL, active boolean NOT NULL, attributes jsonb NOT NULL)`

/** Each run is a connector of its own. */
let pipelines = 0

const skip = postgresMissing('15') ?? (existsSync(psql) ? undefined : `no psql at ${psql}`)
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'postgres sink', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  const settings = { shared_buffers: "'512MB'", max_wal_size: "'8GB'", fsync: 'on', wal_level: 'replica', max_wal_senders: 0 }
  await using server = await startPostgres({ version: '15', settings })
  await server.query(`CREATE TABLE copied ${ddl}; CREATE TABLE rows ${ddl}; CREATE TABLE inserted ${ddl}; CREATE TABLE half ${ddl}`)
  await write(server, 'upsert of new rows, warm-up', 'half', { 'insert.mode': 'upsert' }, 0, total / 10)
  const seconds = await copy(server)
  const ceiling = { name: 'psql \\copy into the same table', recordsPerSecond: total / seconds }
  await write(server, 'upsert of new rows', 'rows', { 'insert.mode': 'upsert' }, ceiling.recordsPerSecond)
  await write(server, 'upsert of rows that are there', 'rows', { 'insert.mode': 'upsert' }, ceiling.recordsPerSecond)
  await server.query('VACUUM rows')
  await write(server, 'upsert of new rows beside others', 'half', { 'insert.mode': 'upsert' }, ceiling.recordsPerSecond)
  await write(server, 'insert', 'inserted', { 'insert.mode': 'insert' }, ceiling.recordsPerSecond)
}

/** What psql takes for the same rows, out of a file. */
async function copy(server: PostgresServer): Promise<number> {
  await write(server, '', 'inserted', { 'insert.mode': 'insert' }, 0)
  const file = `/tmp/millrace-bench-${process.pid}.copy`
  await run(server, `\\copy inserted to '${file}'`)
  await server.query('TRUNCATE inserted; CHECKPOINT')
  const began = performance.now()
  await run(server, `\\copy copied from '${file}'`)
  const seconds = (performance.now() - began) / 1000
  await run(server, `\\! rm ${file}`)
  return seconds
}

async function run(server: PostgresServer, command: string): Promise<void> {
  const child = spawn(psql, [server.url(), '-q', '-c', command], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`psql ${command} ended with ${String(code)}`)
}

async function write(
  server: PostgresServer,
  name: string,
  table: string,
  raw: Record<string, string>,
  ceiling: number,
  rows = total,
): Promise<void> {
  await server.query('CHECKPOINT')
  const source = await sourceOf(
    datagen,
    'datagen',
    { template: 'rows', topic: table, count: String(rows), 'batch.rows': '2048' },
    taskContext(),
  )
  const result = await measure(() => move(source, rows, { ...raw, 'connection.url': server.url() }))
  if (ceiling === 0) return
  report({
    bench: `datagen -> postgres, ${name}`,
    records: rows,
    seconds: result.seconds,
    cpuUsPerRecord: (result.cpuSeconds * 1e6) / rows,
    peakRssMb: result.peakRssMb,
    ceiling: { name: 'psql \\copy into the same table', recordsPerSecond: ceiling },
    aim: '100,000 rows/s, 0.4 of \\copy',
  })
}

/** Moves all records through the runtime's own loop, each flush a transaction with its positions. */
async function move(source: SourceTask, rows: number, raw: Record<string, string>): Promise<void> {
  const stop = new AbortController()
  let put = 0
  await runTask(
    {
      connector: 'bench',
      task: 0,
      source,
      chain: (records) => records,
      straight: false,
      sink: await sinkOf(postgres, 'postgres', raw, taskContext({ connector: `bench${++pipelines}` })),
      offsets: { load: async () => undefined, save: async () => {}, reset: async () => {} },
      limits: { rows: 500_000, bytes: 128 << 20, intervalMs: 5_000, aheadBytes: 16 << 20 },
      observer: {
        step() {},
        batch: (_polled, taken) => {
          put += taken
          if (put >= rows) stop.abort()
        },
        flushed() {},
      },
      gate: { closed: false, onClose: () => ({ [Symbol.dispose]() {} }), wait: async () => {} },
    },
    stop.signal,
    new AbortController().signal,
  )
}
