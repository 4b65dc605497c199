import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { postgresMissing, startPostgres } from '../postgres.ts'
import { report } from './measure.ts'
import { PipelineRun } from './pipeline-run.ts'
import { createRows, insertRows } from './rows-table.ts'

// The log of 1M inserted rows, in transactions of 10,000, read by a worker that was stopped while they were written: stream -> Delta append.
const rows = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
const transactionRows = 10_000
if (postgresMissing('15')) {
  process.stdout.write(`${JSON.stringify({ bench: 'stream -> delta', skipped: postgresMissing('15') })}\n`)
} else {
  await using server = await startPostgres({ version: '15', settings: { shared_buffers: "'512MB'", max_wal_size: "'8GB'" } })
  await createRows(server, 1000)
  for (const mode of ['append', 'upsert']) {
    await using run = await PipelineRun.start(server, {
      'sink.mode': mode,
      'slot.name': `bench_${mode}`,
      'publication.name': `bench_${mode}`,
    })
    await run.flushed(1000)
    await run.worker.call('PUT', '/connectors/bench/stop')
    await server.query(`SELECT pg_create_logical_replication_slot('peer_${mode}', 'pgoutput')`)
    const [before] = await server.query('SELECT count(*)::int AS n FROM rows')
    for (let at = Number(before!['n']); at < Number(before!['n']) + rows; at += transactionRows)
      await server.query(insertRows(at + 1, at + transactionRows))
    const [{ lsn } = { lsn: '' }] = await server.query('SELECT pg_current_wal_lsn()::text AS lsn')
    const received = performance.now()
    spawnSync(
      join(server.bin, 'pg_recvlogical'),
      [
        '-d',
        server.url(),
        '--slot',
        `peer_${mode}`,
        '--start',
        '-f',
        '/dev/null',
        '-o',
        'proto_version=1',
        '-o',
        `publication_names=bench_${mode}`,
        '--endpos',
        String(lsn),
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const peerSeconds = (performance.now() - received) / 1000
    await server.query(`SELECT pg_drop_replication_slot('peer_${mode}')`)
    const began = performance.now()
    await run.worker.call('PUT', '/connectors/bench/resume')
    const seconds = await run.caughtUp(server, began)
    const { cpuSeconds, peakRssMb } = await run.usage()
    report({
      bench: `stream -> delta, ${mode}`,
      records: rows,
      seconds,
      cpuUsPerRecord: (cpuSeconds * 1e6) / rows,
      peakRssMb,
      ceiling: { name: 'pg_recvlogical to /dev/null', recordsPerSecond: rows / peerSeconds },
      aim: '100,000 rows/s in append mode',
    })
  }
}
