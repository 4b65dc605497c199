import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Judge, judgeMissing } from '../judge.ts'
import { currentLsn, differences } from '../mirror.ts'
import { postgresMissing, startPostgres, type PostgresVersion } from '../postgres.ts'
import { WorkerProcess } from '../worker-process.ts'

const tables = [
  'language', 'category', 'actor', 'film', 'film_actor', 'film_category', 'address', 'store', 'staff', 'customer', 'inventory', 'rental', 'payment',
] // prettier-ignore

const changes = `
  ALTER TYPE mpaa_rating ADD VALUE 'X' AFTER 'R';
  UPDATE film SET rating = 'X', title = title || ' (cut)', special_features = array_append(special_features, 'new, "quoted"') WHERE film_id % 13 = 0;
  UPDATE actor SET actor_id = actor_id + 1000 WHERE actor_id > 195 AND NOT EXISTS (SELECT FROM film_actor WHERE film_actor.actor_id = actor.actor_id);
  DELETE FROM film_actor WHERE film_id % 3 = 0;
  UPDATE payment SET payment_date = payment_date + interval '1 month' WHERE payment_id % 5 = 0;
  DELETE FROM payment WHERE payment_id % 17 = 0;
  ALTER TABLE customer ADD COLUMN loyalty numeric(8,3);
  UPDATE customer SET loyalty = customer_id / 8.0, preferences = NULL WHERE customer_id < 20;
  INSERT INTO customer (store_id, first_name, address_id, loyalty) SELECT 1, 'New ' || n, 1, n FROM generate_series(1, 5) n;
  BEGIN; INSERT INTO category (name) VALUES ('kept'); SAVEPOINT a; INSERT INTO category (name) VALUES ('rolled back'); ROLLBACK TO a; COMMIT;
  TRUNCATE film_category;
  INSERT INTO film_category SELECT n, 1, '2023-01-01 00:00:00.5+00' FROM generate_series(1, 7) n;
  UPDATE staff SET picture = '\\x00', ip = 'fe80::1/64', badge = gen_random_uuid() WHERE staff_id = 2;`

for (const version of ['15', '18'] as const satisfies readonly PostgresVersion[]) {
  for (const vectors of [true, false]) {
    const name = `a film rental database on Postgres ${version} is mirrored exactly, ${vectors ? 'with deletion vectors' : 'by rewriting files'}`
    test(name, { skip: postgresMissing(version) ?? false }, async (t) => {
      await using judge = Judge.open()
      if (!judge) return t.skip(judgeMissing)
      await using server = await startPostgres({ version })
      await server.query(readFileSync(join(import.meta.dirname, '../fixtures/pagila.sql'), 'utf8'))
      const folder = await mkdtemp(join(tmpdir(), 'millrace-pagila-'))
      t.after(() => rm(folder, { recursive: true, force: true }))
      await using worker = await WorkerProcess.start(folder)
      await worker.call('POST', '/connectors', {
        name: 'pagila',
        config: {
          'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
          ...server.connectorConfig(),
          'topic.prefix': 'p',
          'publication.autocreate.mode': 'filtered',
          'publish.via.partition.root': 'true',
          'flush.interval.ms': '300',
          'sink.class': 'delta',
          'sink.path': join(folder, 'lake'),
          'sink.mode': 'upsert',
          'sink.delta.deletion.vectors': String(vectors),
        },
      })
      await worker.running('pagila')
      const compare = async (when: string) => {
        await worker.passed('pagila', await currentLsn(server))
        for (const table of tables) {
          const found = await differences(server, judge, table, join(folder, 'lake', 'public', table))
          assert.deepEqual(found.slice(0, 5), [], `${table}, ${when}`)
        }
      }
      await compare('after the snapshot')
      for (const statement of changes.split(/;\n/)) await server.query(statement)
      await compare('after the changes')
      await worker.kill()
      await server.query(`UPDATE rental SET return_date = NULL WHERE rental_id % 7 = 0; DELETE FROM payment WHERE payment_id % 2 = 0`)
      await worker.restart()
      await worker.running('pagila')
      await compare('after a kill')
    })
  }
}
