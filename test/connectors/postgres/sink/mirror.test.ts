import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { currentLsn } from '../../../mirror.ts'
import { postgresVersions, startPostgres, type PostgresServer } from '../../../postgres.ts'
import { WorkerProcess } from '../../../worker-process.ts'

const columns = `
  id bigint PRIMARY KEY, i2 smallint, i4 integer, i8 bigint, n numeric, np numeric(20,5), f4 real, f8 double precision, m money, b boolean, t text, vc varchar(20), c char(5),
  by bytea, d date, ti time, ti3 time(3), tz timetz, ts timestamp, ts3 timestamp(3), tstz timestamptz, tstz0 timestamptz(0), iv interval, u uuid, j json, jb jsonb, x xml,
  e mood, bit1 bit(1), bit9 bit(9), vb varbit, ip inet, ci cidr, mac macaddr, p point, l line, ls lseg, bx box, pa path, po path, pg polygon, ci2 circle, ir int4range, nr numrange, tr tstzrange,
  ia int[], ta text[], na numeric(10,2)[], tsa timestamp[], tza timestamptz[], ua uuid[], ea mood[], ba boolean[], da date[], two int[][], jba jsonb[], tv tsvector, big text, bya bytea[], h hstore, dom positive, comp pair`

const types = `CREATE EXTENSION IF NOT EXISTS hstore; CREATE TYPE mood AS ENUM ('sad', 'ok', 'so so'); CREATE DOMAIN positive AS numeric(8,3) CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text);`

/** Ordinary, extreme and odd values. */
const values = `
  (1, -32768, -2147483648, -9223372036854775808, 1234567890123456789012345678901234567890.000010, 123456789012345.12345, 1.1, 1.1, '-12.34', true, E'tab\\tback\\\\slash\\nnew "q" \\\\N ünïcode 🙂', 'a', 'ab',
   '\\x00ff5c', '0001-01-01', '00:00:00.000001', '23:59:59.999', '12:00:00.5+05:30', '2024-02-29 23:59:59.999999', '1969-12-31 23:59:59.999', '2024-01-01 00:00:00.123456+02', '1999-12-31 23:59:59+00',
   '1 year 2 mons -3 days 04:05:06.789', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1,  "a":2, "n": 12345678901234567890.10}', '{"b": [1, null, "x\\u00e9"]}', '<a>x</a>',
   'so so', B'1', B'101010101', B'1100', '192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '(1.5,-2)', '{1,-1,0}', '[(0,0),(1,1)]', '(2,2),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '((0,0),(1,1),(2,0))', '<(1,2),3>', '[1,10)', '(1.5,)', '[2024-01-01 00:00+00,infinity)',
   '{1,NULL,3}', ARRAY['a','b,"c\\d', 'NULL', NULL, ''], '{1.50,-2.25}', '{"2024-01-01 00:00:00.5"}', '{"2024-01-01 00:00:00.5+00"}', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', '{sad,"so so"}', '{t,f,NULL}', '{2024-01-01,0044-03-15 BC}', '{{1,2},{3,4}}', ARRAY['{"a": "x,\\"y"}']::jsonb[], 'a fat cat'::tsvector, repeat('x', 10), ARRAY['\\x01ff'::bytea], 'a=>1, "b c"=>NULL', 3.125, '(1,"x,y")'),
  (2, 32767, 2147483647, 9223372036854775807, 'NaN', -0.00001, 'NaN', 'Infinity', '92233720368547758.07', false, '', '', '', '', '9999-12-31', '24:00:00', '00:00:00', '00:00:00-15:59', '0044-03-15 12:00:00 BC', '9999-12-31 23:59:59.999', '0044-03-15 12:00:00+00 BC', '20000-01-01 00:00:00+00',
   '-1 years 00:00:00.000001', '00000000-0000-0000-0000-000000000000', 'null', '[]', '', 'sad', B'0', B'000000000', B'', '::1', '::/0', 'ff:ff:ff:ff:ff:ff', '(0,0)', '{0,1,0}', '[(0,0),(0,0)]', '(0,0),(0,0)', '[(0,0)]', '((0,0))', '((0,0))', '<(0,0),0>', 'empty', '(,)', 'empty',
   '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '', '', '{}', '', 0.001, '(,)'),
  (3, NULL, NULL, NULL, NULL, NULL, NULL, '-Infinity', NULL, NULL, NULL, NULL, NULL, NULL, 'infinity', NULL, NULL, NULL, 'infinity', '-infinity', 'infinity', '-infinity', NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (4, NULL, NULL, NULL, 100, NULL, -0.0, 4.9e-324, NULL, NULL, NULL, NULL, NULL, NULL, '-infinity', NULL, NULL, NULL, '290000-12-31 23:59:59.999999', NULL, '4713-01-01 00:00:00+00 BC', NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`

const folder = await mkdtemp(join(tmpdir(), 'millrace-pg-mirror-'))
after(() => rm(folder, { recursive: true, force: true }))

async function textOf(server: PostgresServer, database: string, table: string, columnList = 't::text'): Promise<unknown[]> {
  return (await server.query(`SET timezone = 'UTC'; SELECT ${columnList} AS line FROM ${table} t ORDER BY id`, database)).map(
    (row) => row['line'],
  )
}

for (const version of postgresVersions) {
  test(`Postgres ${version}: every type arrives as it left, in a snapshot and in the stream`, async () => {
    await using server = await startPostgres({ version })
    await server.query('CREATE DATABASE copy')
    const everything = `${types} CREATE TABLE everything (${columns}); ALTER TABLE everything ALTER COLUMN big SET STORAGE EXTERNAL;`
    await server.query(
      `${everything} INSERT INTO everything VALUES ${values}; CREATE SCHEMA sales; CREATE TABLE sales.made (${columns}); INSERT INTO sales.made SELECT * FROM everything`,
    )
    await server.query(everything, 'copy')
    await using worker = await WorkerProcess.start(await mkdtemp(join(folder, 'worker-')))
    await worker.call('POST', '/connectors', {
      name: 'mirror',
      config: {
        'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
        ...server.connectorConfig(),
        'topic.prefix': 'mirror',
        'slot.name': 'mirror',
        'publication.name': 'mirror',
        'interval.handling.mode': 'string',
        'hstore.handling.mode': 'map',
        'flush.interval.ms': '200',
        'sink.class': 'postgres',
        'sink.connection.url': server.url('copy'),
      },
    })
    await worker.passed('mirror', 0)
    assert.deepEqual(await textOf(server, 'copy', 'everything'), await textOf(server, 'postgres', 'everything'))
    await server.query(`
      CREATE TEMP TABLE again AS SELECT * FROM everything; UPDATE again SET id = id + 10; INSERT INTO everything SELECT * FROM again;
      UPDATE everything SET big = (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 500) n) WHERE id = 1;
      UPDATE everything SET i2 = 7 WHERE id = 1;
      UPDATE everything SET id = 100 WHERE id = 2;
      UPDATE everything SET id = 101 WHERE id = 1;
      DELETE FROM everything WHERE id = 13;
      TRUNCATE sales.made;
      INSERT INTO sales.made SELECT * FROM everything`)
    await worker.passed('mirror', await currentLsn(server))
    assert.deepEqual(await textOf(server, 'copy', 'everything'), await textOf(server, 'postgres', 'everything'))
    // The table that the sink made has types of its own for what schemas do not tell.
    const own = `jsonb_build_array(id, i2, i4, i8, n, np, f4, f8, b, t, vc, rtrim(c), by, d, ti, ti3, tz, ts, ts3, tstz, tstz0, iv, u, jb, x::text, e, bit9::text, vb, format('%s', ip), p::text, l::text, ci2::text, ir::text, ia, ta, na, tsa, tza, ua, ea::text[], ba, da, two, tv, big)::text`
    assert.deepEqual(await textOf(server, 'copy', 'sales.made', own), await textOf(server, 'postgres', 'sales.made', own))
    const made = await server.query(
      `SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum) AS list FROM pg_attribute WHERE attrelid = 'sales.made'::regclass AND attnum > 0`,
      'copy',
    )
    assert.match(
      String(made[0]!['list']),
      /id bigint, i2 smallint, i4 integer, i8 bigint, n numeric, np numeric\(20,5\), f4 real, f8 double precision, m numeric.*, by bytea, d date.*tstz timestamp with time zone.*u uuid, j jsonb.*na numeric\(10,2\)\[\]/,
    )
  })
}
