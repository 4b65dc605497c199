import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ConfigError, GapError, parseConfig } from '../../../core/index.ts'
import { config as definition } from '../../../connectors/postgres/config.ts'
import { destroy } from '../../../connectors/postgres/destroy.ts'
import { validate } from '../../../connectors/postgres/preflight.ts'
import { postgresVersions, startPostgres } from '../../postgres.ts'
import { Servers, type TestDatabase } from './test-database.ts'
import { memoryLog } from './tail.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

function parsed(database: TestDatabase, overrides: Readonly<Record<string, string>> = {}) {
  const raw = { ...database.server.connectorConfig(database.name), 'topic.prefix': 'app', 'slot.name': database.slot, ...overrides }
  return parseConfig(definition, raw)
}

/** `key: message` of every fault that a validation of the config finds. */
async function faults(database: TestDatabase, overrides: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const { config, issues } = parsed(database, overrides)
  return (issues.length > 0 ? issues : await validate(config, overrides)).map(({ key, message }) => `${key}: ${message}`)
}

async function state(database: TestDatabase): Promise<unknown> {
  return database.query(
    `SELECT (SELECT json_agg(pubname) FROM pg_publication) AS publications, (SELECT json_agg(slot_name) FROM pg_replication_slots WHERE database = current_database()) AS slots,
            (SELECT json_agg(relreplident ORDER BY oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AS identities`,
  )
}

for (const version of postgresVersions) {
  test(`Postgres ${version}: faults of the connection are told at the key that is to blame, and never show the password`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    assert.deepEqual(await faults(database), [])
    const cases: [Record<string, string>, RegExp][] = [
      [{ 'database.port': '1' }, /^database.hostname: Nothing answers at 127.0.0.1:1 /],
      [{ 'database.hostname': 'no-such-host.invalid' }, /^database.hostname: No host "no-such-host.invalid"/],
      [{ 'database.password': 'wrong-secret-9' }, /^database.password: The server refuses the password of the user "postgres"/],
      [{ 'database.user': 'nobody' }, /^database.password: The server refuses the password of the user "nobody"/],
      [{ 'database.dbname': 'nowhere' }, /^database.dbname: The server at .* has no database "nowhere"/],
      [{ 'database.sslmode': 'require' }, /^database.sslmode: .* takes no TLS connections/],
      [{ 'plugin.name': 'decoderbufs' }, /Only pgoutput is supported/],
      [{ 'table.include.list': 'public.(' }, /not a regular expression/],
      [{ 'message.key.columns': 'nonsense' }, /should read schema.table:column/],
      [{ 'slot.name': 'Bad-Name' }, /lower case letters/],
      [{ 'column.mask.with.10.chars': 'public.t.secret' }, /column.mask.with.10.chars is not supported: .*column.exclude.list/],
      [{ 'column.mask.hash.SHA-256.with.salt.x': 'public.t.secret' }, /is not supported/],
      [{ 'signal.data.collection': 'x.y' }, /signal.data.collection is not supported/],
      [{ 'table.include.list': 'public.t', 'table.exclude.list': 'public.u' }, /only one of them/],
    ]
    for (const [overrides, expected] of cases) {
      const found = await faults(database, overrides)
      assert.equal(found.length, 1, JSON.stringify(found))
      assert.match(found[0]!, expected)
      assert.ok(!/wrong-secret-9|test-secret-7/.test(found[0]!))
    }
  })

  test(`Postgres ${version}: filters that match nothing list what exists`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE orders (id int PRIMARY KEY)')
    assert.match(
      (await faults(database, { 'table.include.list': 'public.order' }))[0]!,
      /^table.include.list: No table matches .*public\.orders/,
    )
    assert.deepEqual(await faults(database, { 'table.include.list': 'PUBLIC.Ord.*' }), [])
  })

  test(`Postgres ${version}: two tables whose names give the same topic are refused, at the start and when the second one is made later`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE SCHEMA col; CREATE TABLE col."a b" (id int PRIMARY KEY); INSERT INTO col."a b" VALUES (1)')
    await using tail = await database.streaming()
    const untouched = await state(database)
    // The same table under a new name goes on, and so does one that takes the place of a dropped one.
    await database.query('ALTER TABLE col."a b" RENAME TO "a?b"; INSERT INTO col."a?b" VALUES (2)')
    await tail.until((one) => one.summary().includes('r 2') || one.summary().includes('c 2'))
    // The readers of a snapshot hold the table until the poll after it.
    for (let i = 0; i < 3; i++) await tail.poll(100)
    await database.query('DROP TABLE col."a?b"; CREATE TABLE col."a b" (id int PRIMARY KEY); INSERT INTO col."a b" VALUES (3)')
    await tail.until((one) => one.summary().includes('c 3') || one.summary().includes('r 3'))
    for (let i = 0; i < 3; i++) await tail.poll(100)
    await database.query('CREATE TABLE col."a_b" (id int PRIMARY KEY); INSERT INTO col."a_b" VALUES (4)')
    const told = /The tables col\.a b and col\.a_b would both fill the topic app\.col\.a_b .*table\.exclude\.list=col\\\.a_b /
    await assert.rejects(
      tail.until(() => false, 5_000),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError)
        assert.match(error.message, told)
        return true
      },
    )
    assert.ok(!tail.summary().some((row) => row.endsWith(' 4')), 'no row of the second table came')
    await tail[Symbol.asyncDispose]()
    const found = await faults(database)
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0]!, told)
    await assert.rejects(database.tail({}, tail.offsets), told)
    assert.deepEqual(await state(database), untouched)
    assert.deepEqual(await faults(database, { 'table.exclude.list': String.raw`col\.a_b` }), [])
    await using goesOn = await database.streaming({ 'table.exclude.list': String.raw`col\.a_b` }, tail.offsets)
    await database.query('INSERT INTO col."a_b" VALUES (5); INSERT INTO col."a b" VALUES (6)')
    await goesOn.until((one) => one.summary().includes('c 6'))
    assert.ok(!goesOn.summary().includes('c 5'))
  })

  test(`Postgres ${version}: a table whose UPDATE would start to fail is refused with the fix, before anything is changed`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (id int)')
    const untouched = await state(database)
    await assert.rejects(database.tail(), (error: unknown) => {
      assert.ok(error instanceof ConfigError)
      assert.match(error.message, /ALTER TABLE "public"."keyless" REPLICA IDENTITY FULL/)
      return true
    })
    assert.match(
      (await faults(database, { 'table.include.list': 'public.keyed' }))[0]!,
      /not even captured: public.keyless.*publication.autocreate.mode=filtered/,
    )
    assert.deepEqual(await state(database), untouched)
    await using tail = await database.streaming({ 'replica.identity.autoset.values': 'public.keyless:FULL' })
    await database.query('INSERT INTO keyless VALUES (1); UPDATE keyless SET id = 2')
    await tail.count(2)
    const filtered = await servers.database(version)
    await filtered.query('CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (id int)')
    await using other = await filtered.streaming({ 'publication.autocreate.mode': 'filtered', 'table.include.list': 'public.keyed' })
    await filtered.query('INSERT INTO keyless VALUES (1); UPDATE keyless SET id = 2; INSERT INTO keyed VALUES (1)')
    await other.count(1)
  })

  test(`Postgres ${version}: a captured table without identity in a publication that is there is named in one warning, with the fix`, async () => {
    const database = await servers.database(version)
    await database.query(
      'CREATE TABLE keyed (id int PRIMARY KEY); CREATE TABLE keyless (id int); CREATE PUBLICATION dbz_publication FOR ALL TABLES',
    )
    const warnings = (tail: { entries: readonly { level: string; message: string }[] }) =>
      tail.entries.filter(({ level, message }) => level === 'warn' && message.includes('UPDATE and DELETE fail'))
    await using tail = await database.streaming()
    assert.equal(warnings(tail).length, 1)
    assert.match(warnings(tail)[0]!.message, /fail on public\.keyless: .*ALTER TABLE "public"\."keyless" REPLICA IDENTITY FULL$/)
    await database.query("ALTER PUBLICATION dbz_publication SET (publish = 'insert')")
    await using inserts = await database.streaming({ 'slot.name': `${database.slot}_two` })
    assert.equal(warnings(inserts).length, 0)
  })

  test(`Postgres ${version}: a role that may not replicate or read is told the GRANTs; with them it works without being superuser`, async () => {
    const database = await servers.database(version)
    const role = `reader_${database.name}`
    await database.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'pw'; CREATE SCHEMA shop; CREATE TABLE shop.t (id int PRIMARY KEY); INSERT INTO shop.t VALUES (1)`,
    )
    const login = { 'database.user': role, 'database.password': 'pw', 'publication.autocreate.mode': 'disabled' }
    const found = (await faults(database, login)).join('\n')
    assert.match(found, new RegExp(`ALTER ROLE "${role}" REPLICATION`))
    assert.match(found, new RegExp(`GRANT USAGE ON SCHEMA "shop" TO "${role}"; GRANT SELECT ON "shop"."t" TO "${role}"`))
    await database.query(`ALTER ROLE ${role} REPLICATION; GRANT USAGE ON SCHEMA shop TO ${role}; GRANT SELECT ON shop.t TO ${role}`)
    await assert.rejects(database.tail(login), /CREATE PUBLICATION "dbz_publication" FOR TABLE "shop"."t"/)
    await assert.rejects(
      database.tail({ ...login, 'publication.autocreate.mode': 'filtered' }),
      /Only the owner of the tables may publish them/,
    )
    await database.query('CREATE PUBLICATION dbz_publication FOR TABLE shop.t')
    await using tail = await database.tail(login)
    await database.query('INSERT INTO shop.t VALUES (2)')
    await tail.count(2)
    assert.deepEqual(tail.summary(), ['r 1', 'c 2'])
  })

  test(`Postgres ${version}: a role that may not create or extend the publication is told at the validation, with the statement for the owner`, async () => {
    const database = await servers.database(version)
    const role = `plain_${database.name}`
    await database.query(
      `CREATE ROLE ${role} LOGIN REPLICATION PASSWORD 'pw'; CREATE TABLE orders (id int PRIMARY KEY); GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`,
    )
    const login = { 'database.user': role, 'database.password': 'pw' }
    const filtered = { ...login, 'publication.autocreate.mode': 'filtered' }
    const create = 'CREATE PUBLICATION "dbz_publication" FOR TABLE ONLY "public"."orders"'
    const all = await faults(database, login)
    assert.equal(all.length, 1, all.join('\n'))
    assert.match(all[0]!, /^publication.autocreate.mode: Only a superuser .*CREATE PUBLICATION "dbz_publication" FOR ALL TABLES/)
    assert.ok(all[0]!.endsWith(create) && !all[0]!.includes('=filtered'), all[0])
    const some = await faults(database, filtered)
    assert.equal(some.length, 1, some.join('\n'))
    assert.match(some[0]!, /^publication.autocreate.mode: .*does not own the tables public.orders/)
    assert.ok(some[0]!.endsWith(create), some[0])
    await assert.rejects(database.tail(filtered), ConfigError)
    await database.query(`ALTER TABLE orders OWNER TO ${role}`)
    const grant = `GRANT CREATE ON DATABASE "${database.name}" TO "${role}"`
    assert.ok((await faults(database, filtered))[0]!.includes(grant))
    await database.query(grant)
    assert.match((await faults(database, login))[0]!, /set publication.autocreate.mode=filtered/)
    assert.deepEqual(await faults(database, filtered), [])
    await using first = await database.streaming(filtered)
    await first[Symbol.asyncDispose]()
    await database.query(`CREATE TABLE later (id int PRIMARY KEY); GRANT SELECT ON later TO ${role}`)
    const extend = await faults(database, filtered)
    assert.equal(extend.length, 1, extend.join('\n'))
    assert.ok(extend[0]!.endsWith('ALTER PUBLICATION "dbz_publication" ADD TABLE ONLY "public"."later"'), extend[0])
    await database.query('ALTER PUBLICATION "dbz_publication" ADD TABLE ONLY "public"."later"')
    assert.deepEqual(await faults(database, filtered), [])
    await using second = await database.tail(filtered, first.offsets)
    await database.query('INSERT INTO later VALUES (1)')
    await second.count(1)
  })

  test(`Postgres ${version}: partitioned tables are read once and stream under their own name, or under their partitions' as the publication has it`, async () => {
    const database = await servers.database(version)
    const tables =
      'CREATE TABLE m (id int, day int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day); CREATE TABLE m_1 PARTITION OF m FOR VALUES FROM (0) TO (10); CREATE TABLE m_2 PARTITION OF m FOR VALUES FROM (10) TO (20); INSERT INTO m VALUES (1, 1), (2, 11)'
    await database.query(tables)
    await using rooted = await database.tail()
    await database.query('INSERT INTO m VALUES (3, 12)')
    await rooted.count(3)
    for (let i = 0; i < 3; i++) await rooted.poll(50)
    assert.deepEqual(
      rooted.records.map(({ topic }) => topic),
      ['app.public.m', 'app.public.m', 'app.public.m'],
    )
    const leafy = await servers.database(version)
    await leafy.query(tables)
    await leafy.query('CREATE PUBLICATION dbz_publication FOR ALL TABLES')
    await using leaves = await leafy.tail({ 'table.include.list': 'public.m.*' })
    await leafy.query('INSERT INTO m VALUES (3, 12)')
    await leaves.count(3)
    assert.deepEqual(
      leaves.records.map(({ topic }) => topic),
      ['app.public.m_1', 'app.public.m_2', 'app.public.m_2'],
    )
    assert.match(
      (await faults(leafy, { 'table.include.list': 'public.m' }))[0]!,
      /ALTER PUBLICATION "dbz_publication" SET \(publish_via_partition_root = true\)/,
    )
  })

  test(`Postgres ${version}: children of an inheritance parent are captured as tables of their own, once`, async () => {
    const database = await servers.database(version)
    await database.query(
      'CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (PRIMARY KEY (id)) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2)',
    )
    await using tail = await database.tail({ 'publication.autocreate.mode': 'filtered' })
    await database.query('INSERT INTO child VALUES (3)')
    await tail.count(3)
    assert.deepEqual(
      tail.records.map(({ topic }, i) => `${topic} ${tail.summary()[i]!}`),
      ['app.public.child r 2', 'app.public.parent r 1', 'app.public.child c 3'],
    )
  })

  test(`Postgres ${version}: deleting the connector drops its slot and its publication when asked, but no other's`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    const empty = await state(database)
    const { log } = memoryLog()
    const asked = { 'slot.drop.on.delete': 'true' }
    const { config } = parsed(database, asked)
    const first = await database.streaming()
    await using second = await database.streaming({ 'slot.name': `${database.slot}_two`, 'topic.prefix': 'two' })
    await first[Symbol.asyncDispose]()
    await destroy(config, { connector: 'tail', log })
    assert.deepEqual(
      await database.query('SELECT pubname FROM pg_publication'),
      [{ pubname: 'dbz_publication' }],
      'the other connector still reads by it',
    )
    await assert.rejects(database.tail({}, first.offsets), (error: unknown) => {
      assert.ok(error instanceof GapError)
      assert.match(error.message, /dropped with a deleted connector.*DELETE \/connectors\/<name>\/offsets.*when_needed/)
      return true
    })
    await second[Symbol.asyncDispose]()
    await destroy(parsed(database, { ...asked, 'slot.name': `${database.slot}_two` }).config, { connector: 'tail', log })
    assert.deepEqual(await state(database), empty)
    await destroy(config, { connector: 'tail', log })
  })

  test(`Postgres ${version}: a connector that is deleted and made again goes on where it was; one warning tells that the slot stays`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    const { log, entries } = memoryLog()
    const first = await database.streaming()
    await database.query('INSERT INTO t VALUES (1)')
    await first.count(1)
    await first.commit()
    await first[Symbol.asyncDispose]()
    await destroy(parsed(database).config, { connector: 'tail', log })
    assert.equal(entries.length, 1)
    assert.equal(entries[0]!.level, 'warn')
    assert.match(
      entries[0]!.message,
      new RegExp(`"${database.slot}" stays, .*SELECT pg_drop_replication_slot\\('${database.slot}'\\).*slot.drop.on.delete=true`),
    )
    await database.query('INSERT INTO t VALUES (2)')
    await using again = await database.tail({}, first.offsets)
    await again.count(1)
    assert.deepEqual(again.summary(), ['c 2'])
  })

  test(`Postgres ${version}: wal_level and free slots are checked`, async () => {
    await using server = await startPostgres({ version, settings: { wal_level: 'replica', max_replication_slots: 1 } })
    await server.query("CREATE TABLE t (id int PRIMARY KEY); SELECT pg_create_physical_replication_slot('taken')")
    const raw = { ...server.connectorConfig(), 'topic.prefix': 'app' }
    const issues = await validate(parseConfig(definition, raw).config, raw)
    assert.deepEqual(
      issues.map(({ key }) => key),
      ['database.hostname', 'slot.name'],
    )
    assert.match(issues[0]!.message, /wal_level is replica; .*ALTER SYSTEM SET wal_level = logical/)
    assert.match(issues[1]!.message, /All 1 replication slots/)
  })
}
