import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Judge, judgeMissing } from '../judge.ts'
import { currentLsn, differences } from '../mirror.ts'
import { postgresMissing, startPostgres, type PostgresVersion } from '../postgres.ts'
import { WorkerProcess } from '../worker-process.ts'

const tables = ['plain', 'parted', 'keyless', 'untouched'] as const

const schema = `
  CREATE TABLE plain (id int PRIMARY KEY, note text);
  CREATE TABLE parted (id int, part int, note text, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
  CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2, NULL);
  CREATE TABLE keyless (id int, note text);
  ALTER TABLE keyless REPLICA IDENTITY FULL;
  CREATE TABLE untouched (id int PRIMARY KEY, note text);
  ALTER TABLE untouched ADD COLUMN early int DEFAULT 3;
  INSERT INTO plain SELECT n, 'n' || n FROM generate_series(1, 1000) n;
  INSERT INTO parted SELECT n, 1 + n % 2, 'n' || n FROM generate_series(1, 100) n;
  INSERT INTO keyless SELECT n % 50, 'n' FROM generate_series(1, 100) n;
  INSERT INTO untouched SELECT n FROM generate_series(1, 10) n;`

/** Everything whose text form could be read wrongly; `now()` is computed once, so Postgres keeps it as it keeps a literal. */
const columns = `
  ADD COLUMN i int DEFAULT 5, ADD COLUMN big bigint NOT NULL DEFAULT 9007199254740993, ADD COLUMN t text DEFAULT 'it''s "quoted", {a,b} \\ NULL 😀', ADD COLUMN empty text DEFAULT '',
  ADD COLUMN n numeric(20,4) DEFAULT -1234567890.5, ADD COLUMN free numeric DEFAULT 1.500, ADD COLUMN b boolean DEFAULT false, ADD COLUMN d date DEFAULT '2024-02-29',
  ADD COLUMN z timestamptz DEFAULT now(), ADD COLUMN l timestamp DEFAULT '1999-12-31 23:59:59.000001', ADD COLUMN j jsonb DEFAULT '{"a": [1, "x\\"y"], "b": null}',
  ADD COLUMN w text[] DEFAULT ARRAY['a,b', NULL, 'NULL', '"', ''], ADD COLUMN m int[] DEFAULT '{}', ADD COLUMN raw bytea DEFAULT '\\x00ff', ADD COLUMN u uuid DEFAULT '8b7f4a5e-0000-4000-8000-000000000001',
  ADD COLUMN f double precision DEFAULT 0.1, ADD COLUMN c char(5) DEFAULT 'ab', ADD COLUMN p point DEFAULT '(1.5,-2)', ADD COLUMN nothing int`

for (const version of ['15', '18'] as const satisfies readonly PostgresVersion[]) {
  test(
    `a column added with a default is in all rows of the mirror, on Postgres ${version}`,
    { skip: postgresMissing(version) ?? false },
    async (t) => {
      await using judge = Judge.open()
      if (!judge) return t.skip(judgeMissing)
      await using server = await startPostgres({ version })
      await server.query(schema)
      const folder = await mkdtemp(join(tmpdir(), 'millrace-added-'))
      t.after(() => rm(folder, { recursive: true, force: true }))
      await using worker = await WorkerProcess.start(folder)
      await worker.call('POST', '/connectors', {
        name: 'added',
        config: {
          'connector.class': 'postgres',
          ...server.connectorConfig(),
          'topic.prefix': 'p',
          'publish.via.partition.root': 'true',
          'publication.autocreate.mode': 'filtered',
          'table.include.list': tables.map((table) => `public.${table}`).join(','),
          'flush.interval.ms': '300',
          'sink.class': 'delta',
          'sink.path': join(folder, 'lake'),
          'sink.mode': 'upsert',
          // One of the tables loses a column at the end.
          'sink.delta.missing.columns': 'null',
        },
      })
      await worker.running('added')
      const compare = async (when: string) => {
        await worker.passed('added', await currentLsn(server))
        for (const table of tables) {
          const found = await differences(server, judge, table, join(folder, 'lake', 'public', table))
          assert.deepEqual(ends(found), [], `${table}, ${when}: ${worker.log.slice(-3000)}`)
        }
      }
      await compare('after the snapshot')
      // Rows of one transaction from before and after the column, and a kill before they are flushed.
      await server.query(`
      BEGIN;
      INSERT INTO plain VALUES (2000, 'before'); DELETE FROM plain WHERE id = 7;
      ALTER TABLE plain ${columns};
      INSERT INTO plain (id, i, b) VALUES (2001, 6, true); UPDATE plain SET i = NULL, t = NULL WHERE id BETWEEN 10 AND 20;
      COMMIT;
      ALTER TABLE parted ${columns};
      ALTER TABLE keyless ${columns};`)
      await worker.kill()
      await server.query(
        `DELETE FROM parted WHERE id = 1; DELETE FROM keyless WHERE id = 3; ALTER TABLE plain ALTER COLUMN i SET DEFAULT 99`,
      )
      await worker.restart()
      await worker.running('added')
      await compare('after the columns and a kill')
      await server.query(`
      ALTER TABLE plain ADD COLUMN again int DEFAULT 1; ALTER TABLE plain ALTER COLUMN again DROP DEFAULT; UPDATE plain SET again = 2 WHERE id = 30;
      UPDATE parted SET note = 'later' WHERE id = 2; UPDATE keyless SET note = 'later' WHERE id = 4;
      ALTER TABLE untouched DROP COLUMN early; INSERT INTO untouched VALUES (11)`)
      await worker.passed('added', await currentLsn(server))
      for (const table of ['plain', 'parted', 'keyless']) {
        const found = await differences(server, judge, table, join(folder, 'lake', 'public', table))
        assert.deepEqual(ends(found), [], `${table}, after another column: ${worker.log.slice(-3000)}`)
      }
    },
  )
}

/** The first and the last differences: what is missing, and what stands in its place. */
const ends = (found: readonly string[]): readonly string[] => (found.length <= 6 ? found : [...found.slice(0, 3), ...found.slice(-3)])
