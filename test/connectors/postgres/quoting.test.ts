import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { ConnectRecord } from '../../../core/index.ts'
import { postgresVersions } from '../../postgres.ts'
import { Servers } from './test-database.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`
const schema = `s"; DROP TABLE public.victim; --`
const table = `t"; DROP TABLE public.victim; --`
const column = `c'"; DROP TABLE public.victim; --`
const place = `${identifier(schema)}.${identifier(table)}`

for (const version of postgresVersions) {
  test(`Postgres ${version}: names that would be statements are names, in the publication, the snapshot and the stream`, async () => {
    const database = await servers.database(version)
    await database.query(`CREATE TABLE public.victim (id int PRIMARY KEY); CREATE SCHEMA ${identifier(schema)};
      CREATE TABLE ${place} (id int PRIMARY KEY, ${identifier(column)} text); INSERT INTO ${place} VALUES (1, 'read')`)
    await using tail = await database.tail({
      'publication.name': `p"'; DROP TABLE public.victim; --`,
      'publication.autocreate.mode': 'filtered',
    })
    await tail.count(1)
    await database.query(`INSERT INTO ${place} VALUES (2, 'streamed')`)
    const texts = () => tail.records.flatMap((record) => textOf(record))
    await tail.until(() => texts().length === 2)
    assert.deepEqual(texts(), ['read', 'streamed'])
    assert.equal((await database.query(`SELECT to_regclass('public.victim') IS NOT NULL AS there`))[0]!['there'], true)
  })
}

function textOf({ value }: ConnectRecord): readonly unknown[] {
  const { after: row } = value as { readonly after: Readonly<Record<string, unknown>> | null }
  return row && Object.hasOwn(row, column) ? [row[column]] : []
}
