import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { postgresMissing, startPostgres } from '../postgres.ts'
import { report } from './measure.ts'
import { PipelineRun } from './pipeline-run.ts'
import { createRows } from './rows-table.ts'

// Postgres snapshot into a Delta table, whole worker, beside `psql \copy` of the same table into a file.
const rows = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
if (postgresMissing('15')) {
  process.stdout.write(`${JSON.stringify({ bench: 'snapshot -> delta', skipped: postgresMissing('15') })}\n`)
} else {
  await using server = await startPostgres({ version: '15', settings: { shared_buffers: "'512MB'", max_wal_size: "'4GB'" } })
  await createRows(server, rows)
  const copied = performance.now()
  spawnSync(join(server.bin, 'psql'), [server.url(), '-qc', `\\copy rows to '${server.folder}/copy.txt'`], { stdio: 'inherit' })
  const copySeconds = (performance.now() - copied) / 1000
  for (const mode of ['append', 'upsert']) {
    await using run = await PipelineRun.start(server, {
      'sink.mode': mode,
      'slot.name': `bench_${mode}`,
      'publication.name': `bench_${mode}`,
    })
    await run.pid()
    const began = performance.now()
    await run.flushed(rows)
    const seconds = (performance.now() - began) / 1000
    const { cpuSeconds, peakRssMb } = await run.usage()
    report({
      bench: `snapshot -> delta, ${mode}`,
      records: rows,
      seconds,
      cpuUsPerRecord: (cpuSeconds * 1e6) / rows,
      peakRssMb,
      ceiling: { name: 'psql \\copy to a file', recordsPerSecond: rows / copySeconds },
      aim: '200,000 rows/s; peak RSS under 500 MB',
    })
  }
}
