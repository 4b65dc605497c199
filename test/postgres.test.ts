import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { postgresMissing, startPostgres } from './postgres.ts'

for (const version of ['15', '18'] as const) {
  test(
    `a test's Postgres ${version} starts with logical decoding, restarts with its content and leaves nothing`,
    { skip: postgresMissing(version) ?? false },
    async () => {
      const server = await startPostgres({ version, settings: { wal_sender_timeout: '5s' } })
      try {
        assert.deepEqual(await server.query('SHOW wal_level'), [{ wal_level: 'logical' }])
        assert.deepEqual(await server.query('SHOW wal_sender_timeout'), [{ wal_sender_timeout: '5s' }])
        await server.query('CREATE TABLE kept (id int)')
        await server.halt('fast')
        await server.start()
        assert.deepEqual(await server.query("SELECT 'kept'::regclass::text AS name"), [{ name: 'kept' }])
      } finally {
        await server.stop()
      }
      assert.equal(existsSync(server.folder), false)
    },
  )
}
