import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startPostgres } from '../postgres.ts'
import { PipelineRun } from './pipeline-run.ts'
import { createRows, insertRows } from './rows-table.ts'

// From a COMMIT of 10,000 rows in Postgres to the Delta commit that shows them, with a flush window of 100 ms.
const rounds = 20
await using server = await startPostgres()
await createRows(server, 1000)
for (const mode of ['append', 'upsert']) {
  await using run = await PipelineRun.start(server, {
    'sink.mode': mode,
    'slot.name': `bench_${mode}`,
    'publication.name': `bench_${mode}`,
    'flush.interval.ms': '100',
  })
  await run.flushed(1000)
  const log = join(run.lake, 'public', 'rows', '_delta_log')
  const commits = () => readdirSync(log).filter((name) => name.endsWith('.json')).length
  const [top] = await server.query('SELECT max(id)::int AS n FROM rows')
  let next = Number(top!['n'])
  const latencies: number[] = []
  for (let round = 0; round < rounds; round++) {
    const before = commits()
    await server.query(
      mode === 'append'
        ? insertRows(next + 1, next + 10_000)
        : `UPDATE rows SET score = score + 1 WHERE id > ${Math.max(0, next - 10_000)}; ${insertRows(next + 1, next + 10_000)}`,
    )
    next += 10_000
    const committed = performance.now()
    while (commits() === before) await sleep(2)
    latencies.push(Math.round(performance.now() - committed))
  }
  latencies.sort((a, b) => a - b)
  process.stdout.write(
    `${JSON.stringify({ bench: `commit to lake, 10,000 rows, ${mode}`, p50Ms: latencies[rounds / 2], maxMs: latencies.at(-1), note: 'a flush window of 100 ms is part of it' })}\n`,
  )
}
