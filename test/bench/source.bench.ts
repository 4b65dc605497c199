import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { postgresMissing, startPostgres } from '../postgres.ts'
import { measure, report } from './measure.ts'
import { createRows, insertRows } from './rows-table.ts'
import { createSource, drain } from './source-run.ts'

// The Postgres source alone, records counted and forgotten: a snapshot beside `psql \copy` to a file, the stream beside pg_recvlogical.
const rows = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
if (postgresMissing('15')) {
  process.stdout.write(`${JSON.stringify({ bench: 'snapshot, stream -> memory', skipped: postgresMissing('15') })}\n`)
} else {
  await using server = await startPostgres({ version: '15', settings: { shared_buffers: "'512MB'", max_wal_size: "'8GB'" } })
  await createRows(server, rows)

  const copied = performance.now()
  spawnSync(join(server.bin, 'psql'), [server.url(), '-qc', `\\copy rows to '${server.folder}/copy.txt'`], { stdio: 'inherit' })
  const copySeconds = (performance.now() - copied) / 1000
  let offsets = {}
  {
    await using source = await createSource(server, {})
    const { seconds, cpuSeconds, peakRssMb } = await measure(async () => {
      await source.open(undefined)
      offsets = await drain(source, rows)
    })
    report({
      bench: 'snapshot -> memory',
      records: rows,
      seconds,
      cpuUsPerRecord: (cpuSeconds * 1e6) / rows,
      peakRssMb,
      ceiling: { name: 'psql \\copy to a file', recordsPerSecond: rows / copySeconds },
      aim: '0.5 of the ceiling',
    })
  }

  for (const slot of ['peer_before', 'peer_after']) await server.query(`SELECT pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
  await server.query(insertRows(rows + 1, rows * 2))
  const [{ lsn } = { lsn: '' }] = await server.query('SELECT pg_current_wal_lsn()::text AS lsn')
  const peer = (slot: string) => {
    const began = performance.now()
    const options = [
      '--start',
      '-f',
      '/dev/null',
      '-o',
      'proto_version=1',
      '-o',
      'publication_names=dbz_publication',
      '--endpos',
      String(lsn),
    ]
    spawnSync(join(server.bin, 'pg_recvlogical'), ['-d', server.url(), '--slot', slot, ...options], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return (performance.now() - began) / 1000
  }
  const peerBefore = peer('peer_before')
  await using source = await createSource(server, {})
  const { seconds, cpuSeconds, peakRssMb } = await measure(async () => {
    await source.open(offsets)
    await drain(source, rows)
  })
  // Once before and once after ours: a second reading finds the log in the page cache.
  const peerSeconds = (peerBefore + peer('peer_after')) / 2
  report({
    bench: 'stream -> memory, one transaction',
    records: rows,
    seconds,
    cpuUsPerRecord: (cpuSeconds * 1e6) / rows,
    peakRssMb,
    ceiling: { name: 'pg_recvlogical to /dev/null', recordsPerSecond: rows / peerSeconds },
    aim: '0.9 of the ceiling',
  })
}
