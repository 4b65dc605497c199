import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresVersions, startPostgres, type PostgresServer } from '../../../postgres.ts'
import { WorkerProcess } from '../../../worker-process.ts'

/** Waits until the query's first column says true. */
async function until(server: PostgresServer, sql: string, worker: WorkerProcess): Promise<void> {
  const deadline = Date.now() + 60_000
  for (;;) {
    const rows = await server.query(sql).catch(() => [])
    if (rows[0] && Object.values(rows[0])[0] === true) return
    if (Date.now() > deadline) throw new Error(`"${sql}" did not become true:\n${worker.log.slice(-3000)}`)
    await sleep(100)
  }
}

for (const version of postgresVersions) {
  test(`Postgres ${version}: datagen fills a table that the sink made, in a real worker`, async (t) => {
    await using server = await startPostgres({ version })
    const folder = await mkdtemp(join(tmpdir(), 'millrace-pg-sink-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using worker = await WorkerProcess.start(folder)
    await worker.call('POST', '/connectors', {
      name: 'rows',
      config: {
        'connector.class': 'datagen',
        template: 'rows',
        topic: 'public.rows',
        count: '30000',
        keys: '10000',
        'flush.interval.ms': '300',
        'sink.class': 'postgres',
        'sink.connection.url': `jdbc:postgresql://${server.host}:${server.port}/postgres`,
        'sink.connection.user': server.user,
        'sink.connection.password': server.password,
      },
    })
    await until(server, `SELECT bool_or(positions LIKE '%30000%') FROM millrace_offsets`, worker)
    const [found] = await server.query(
      'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS ids, min(id)::int AS first, max(id)::int AS last FROM rows',
    )
    assert.equal(found!['rows'], found!['ids'])
    assert.ok((found!['rows'] as number) > 9000)
    const columns = await server.query(
      `SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'rows' ORDER BY ordinal_position`,
    )
    assert.deepEqual(
      columns.map((column) => `${String(column['column_name'])} ${String(column['data_type'])}`),
      [
        'id bigint',
        'quantity integer',
        'amount bigint',
        'price numeric',
        'ratio double precision',
        'code text',
        'name text',
        'created_at timestamp without time zone',
        'active boolean',
        'attributes jsonb',
      ],
    )
  })
}
