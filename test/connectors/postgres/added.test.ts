import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { addedOf, fieldOf } from '../../../core/index.ts'
import { postgresVersions } from '../../postgres.ts'
import { Servers } from './test-database.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

for (const version of postgresVersions) {
  test(`Postgres ${version}: what older rows have in a new column is told, or that their partitions differ in it`, async () => {
    const database = await servers.database(version)
    await database.query(`
      CREATE TABLE p (id int, part int, PRIMARY KEY (id, part)) PARTITION BY LIST (part);
      CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1);
      CREATE TABLE p_2 PARTITION OF p FOR VALUES IN (2);
      INSERT INTO p VALUES (1, 1), (2, 2)`)
    await using tail = await database.streaming({ 'publish.via.partition.root': 'true' })
    await database.query(`
      ALTER TABLE p ADD COLUMN same bigint DEFAULT 9007199254740993;
      ALTER TABLE p DETACH PARTITION p_1; ALTER TABLE p_1 ADD COLUMN n int DEFAULT 10;
      ALTER TABLE p DETACH PARTITION p_2; ALTER TABLE p_2 ADD COLUMN n int DEFAULT 20;
      ALTER TABLE p ADD COLUMN n int;
      ALTER TABLE p ATTACH PARTITION p_1 FOR VALUES IN (1);
      ALTER TABLE p ATTACH PARTITION p_2 FOR VALUES IN (2);
      INSERT INTO p VALUES (3, 1, 5, 6)`)
    await tail.count(1)
    const row = fieldOf(tail.records[0]!.valueSchema!, 'after')!.schema
    const told = ['id', 'same', 'n'].map((name) => addedOf(fieldOf(row, name)!.schema))
    assert.deepEqual(told, [undefined, { value: 9007199254740993n }, { unknown: 'the partitions have different values in it: 10, 20' }])
  })
}
