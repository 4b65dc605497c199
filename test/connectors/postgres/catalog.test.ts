import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Catalog, relationOf } from '../../../connectors/postgres/catalog.ts'
import { postgresVersions, startPostgres } from '../../postgres.ts'

for (const version of postgresVersions) {
  test(`Postgres ${version}: the catalog tells tables, columns, keys, partitions and types`, async () => {
    await using server = await startPostgres({ version })
    await server.query(`
      CREATE TYPE mood AS ENUM ('sad', 'a,b');
      CREATE DOMAIN amount AS numeric(12,3) NOT NULL;
      CREATE DOMAIN amounts AS amount[];
      CREATE TABLE parent (id int PRIMARY KEY);
      CREATE TABLE "Shop items" (b text NOT NULL, gone int, a int, "we""ird" mood[][] DEFAULT '{}', n amount DEFAULT 1.5, twice int GENERATED ALWAYS AS (a * 2) STORED, serial int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (b, a) INCLUDE (n));
      ALTER TABLE "Shop items" DROP COLUMN gone;
      CREATE UNIQUE INDEX by_a ON "Shop items" (a); ALTER TABLE "Shop items" REPLICA IDENTITY USING INDEX by_a;
      CREATE TABLE loose (a int, b int NOT NULL, c int NOT NULL); CREATE UNIQUE INDEX ON loose (a); CREATE UNIQUE INDEX ON loose (b) WHERE b > 0; CREATE UNIQUE INDEX ON loose (c, b);
      CREATE TABLE part (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE part_low PARTITION OF part FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (id);
      CREATE TABLE part_low_1 PARTITION OF part_low FOR VALUES FROM (0) TO (5);
      CREATE TABLE empty ();
      CREATE UNLOGGED TABLE volatile (id int);
      CREATE VIEW shown AS SELECT 1;`)
    const client = await server.connect()
    try {
      const catalog = new Catalog((sql, parameters) => client.query(sql, parameters))
      const tables = await catalog.tables()
      assert.deepEqual(
        tables.map(({ name }) => name),
        ['Shop items', 'empty', 'loose', 'parent', 'part', 'part_low', 'part_low_1'],
      )
      const [shop, empty, loose, , part, low, low1] = tables
      assert.deepEqual([shop!.primaryKey, shop!.replicaIdentity, shop!.replicaIndex], [['b', 'a'], 'index', ['a']])
      assert.deepEqual(
        shop!.columns.map(({ name, notNull, defaultExpression, generated, identity, dimensions }) => [
          name,
          notNull,
          defaultExpression,
          generated,
          identity,
          dimensions,
        ]),
        [
          ['b', true, null, null, false, 0],
          ['a', true, null, null, false, 0],
          ['we"ird', false, "'{}'::mood[]", null, false, 2],
          ['n', true, '1.5', null, false, 0],
          ['twice', false, null, 'stored', false, 0],
          ['serial', true, null, null, true, 0],
        ],
      )
      assert.deepEqual(
        relationOf(shop!).columns.map(({ name, identity }) => [name, identity]),
        [
          ['b', false],
          ['a', true],
          ['we"ird', false],
          ['n', false],
          ['serial', false],
        ],
      )
      assert.deepEqual(
        relationOf(shop!, true).columns.map(({ name }) => name),
        ['b', 'a', 'we"ird', 'n', 'twice', 'serial'],
      )
      assert.deepEqual([loose!.primaryKey, loose!.uniqueKey], [[], ['c', 'b']])
      assert.deepEqual(empty!.columns, [])
      assert.deepEqual(
        [part!.kind, part!.leaves.map(({ name }) => name), low!.partitionOf, low!.partitionRoot, low1!.partitionRoot],
        ['partitioned', ['part_low_1'], part!.oid, part!.oid, part!.oid],
      )
      assert.deepEqual(await catalog.table(shop!.oid), shop)
      assert.equal(await catalog.table(1), undefined)
      await catalog.ensureTypes(shop!.columns.map(({ typeOid }) => typeOid))
      const array = catalog.type(shop!.columns[2]!.typeOid)!
      assert.deepEqual(catalog.type(array.elementOid)!.labels, ['sad', 'a,b'])
      const domain = catalog.type(shop!.columns[3]!.typeOid)!
      assert.deepEqual([domain.kind, catalog.type(domain.domainBase)!.name], ['domain', 'numeric'])
      await server.query("ALTER TYPE mood ADD VALUE 'ok' BEFORE 'a,b'")
      catalog.forgetTypes([array.oid])
      await catalog.ensureTypes([array.oid])
      assert.deepEqual(catalog.type(array.elementOid)!.labels, ['sad', 'ok', 'a,b'])
      await server.query(`
        INSERT INTO parent VALUES (1);
        ALTER TABLE parent ADD COLUMN corners box DEFAULT '(3,4),(1,2)', ADD COLUMN words text[] DEFAULT ARRAY['a,b', NULL, '"'], ADD COLUMN quoted text DEFAULT '{"''\\ x', ADD COLUMN nothing int;
        CREATE TABLE part_more PARTITION OF part_low FOR VALUES FROM (5) TO (7);
        ALTER TABLE part ADD COLUMN c int DEFAULT 1;
        ALTER TABLE part DETACH PARTITION part_low; ALTER TABLE part_low DETACH PARTITION part_more; ALTER TABLE part_more DROP COLUMN c, ADD COLUMN c int DEFAULT 2;
        ALTER TABLE part_low ATTACH PARTITION part_more FOR VALUES FROM (5) TO (7);
        CREATE TABLE part_low_9 PARTITION OF part_low FOR VALUES FROM (9) TO (10)`)
      const missing = async (oid: number) => (await catalog.table(oid))!.columns.map((column) => column.missing)
      assert.deepEqual(await missing(tables[3]!.oid), [[], ['(3,4),(1,2)'], ['{"a,b",NULL,"\\""}'], ['{"\'\\ x'], []])
      assert.deepEqual(await missing(low1!.oid), [[], ['1']])
      assert.deepEqual(await missing(low!.oid), [[], ['1', '2']])
      await assert.rejects(catalog.ensureTypes([999_999]), /no type with OID 999999/)
    } finally {
      await client.end()
    }
  })
}
