import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runConnector } from '../../index.ts'
import { postgresMissing, startPostgres } from '../postgres.ts'
import { waitFor } from '../worker-process.ts'

test('a program follows a Postgres table, and goes on where it was stopped', { skip: postgresMissing('15') ?? false }, async () => {
  await using server = await startPostgres({ version: '15' })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-embed-pg-'))
  await server.query(
    'CREATE TABLE notes (id int PRIMARY KEY, text text); INSERT INTO notes SELECT n, n::text FROM generate_series(1, 100) n',
  )
  const seen: string[] = []
  const follow = () =>
    runConnector(
      {
        ...server.connectorConfig(),
        'connector.class': 'postgres',
        'topic.prefix': 'shop',
        'table.include.list': 'public.notes',
        'flush.interval.ms': 50,
      },
      {
        store: join(folder, 'positions.db'),
        onRecords: (records) => {
          for (const { value } of records) seen.push((value as { after: { text: string } }).after.text)
        },
      },
    )
  {
    await using running = await follow()
    await waitFor(
      () => seen.length === 100,
      30_000,
      () => `${seen.length} rows`,
    )
    await server.query("INSERT INTO notes VALUES (101, 'new')")
    await waitFor(
      () => seen.includes('new'),
      10_000,
      () => JSON.stringify(running.progress()),
    )
    await running.stop()
  }
  await server.query("INSERT INTO notes VALUES (102, 'meanwhile')")
  {
    await using running = await follow()
    await waitFor(
      () => seen.includes('meanwhile'),
      20_000,
      () => JSON.stringify(running.progress()),
    )
    await running.stop()
  }
  assert.equal(seen.length, 102, 'nothing comes twice after a stop')
  rmSync(folder, { recursive: true, force: true })
})
