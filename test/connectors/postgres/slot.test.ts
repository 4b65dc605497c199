import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GapError, partitionKey, type Offsets } from '../../../core/index.ts'
import { formatLsn, parseLsn } from '../../../connectors/postgres/lsn.ts'
import { postgresVersions } from '../../postgres.ts'
import { Servers } from './test-database.ts'

const servers = new Servers()
after(() => servers[Symbol.asyncDispose]())

const partition = partitionKey({ server: 'app' })
const lsnOf = (offsets: Offsets | undefined) => (offsets![partition] as { lsn: number }).lsn

for (const version of postgresVersions) {
  test(`Postgres ${version}: the slot moves to exactly the end of the last durable transaction, so that a commit right behind it is not lost`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    let tail = await database.streaming()
    const sessions = await Promise.all([database.connect(), database.connect()])
    const seen: string[] = []
    for (let round = 0; round < 12; round++) {
      const ids = [round * 10, round * 10 + 1, round * 10 + 2, round * 10 + 3]
      await Promise.all(ids.map((id, place) => sessions[place % 2]!.query(`INSERT INTO t VALUES (${id})`)))
      // Stop somewhere in the middle, acknowledge what came so far, and go on in a new connection.
      await tail.until((one) => one.closed > round % 4)
      seen.push(...tail.summary())
      await tail.commit()
      const offsets = tail.offsets!
      for (let i = 0; i < 50 && (await database.confirmedFlush()) !== formatLsn(lsnOf(offsets)); i++) await sleep(20)
      assert.equal(await database.confirmedFlush(), formatLsn(lsnOf(offsets)))
      await tail[Symbol.asyncDispose]()
      tail = await database.tail({}, offsets)
    }
    await tail.until(() => seen.length + tail.records.length >= 48)
    seen.push(...tail.summary())
    assert.deepEqual(
      [...seen].sort(),
      Array.from({ length: 12 }, (_, r) => [0, 1, 2, 3].map((i) => `c ${r * 10 + i}`))
        .flat()
        .sort(),
    )
    await tail[Symbol.asyncDispose]()
    for (const session of sessions) await session.end()
  })

  test(`Postgres ${version}: an idle slot follows the log while other tables and databases are busy`, async () => {
    const database = await servers.database(version)
    const neighbour = await servers.database(version)
    await neighbour.query('CREATE TABLE noise (id int, text text)')
    await database.query('CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE busy (id int PRIMARY KEY, text text)')
    await using tail = await database.streaming({ 'table.include.list': 'public.t', 'publication.autocreate.mode': 'filtered' })
    const before = parseLsn(await database.confirmedFlush())
    const busy = "SELECT g, repeat('x', 500) FROM generate_series(1, 2000) g"
    await neighbour.query(`INSERT INTO noise ${busy}`)
    await database.query(`INSERT INTO busy ${busy}`)
    const written = parseLsn(String((await database.query('SELECT pg_current_wal_lsn()::text AS lsn'))[0]!.lsn))
    assert.ok(written - before > 1_000_000)
    await tail.until((one) => one.offsets?.[partition] !== undefined && lsnOf(one.offsets) >= written, 15_000)
    assert.equal(tail.records.length, 0)
    await tail.commit()
    for (let i = 0; i < 50 && parseLsn(await database.confirmedFlush()) < written; i++) await sleep(20)
    assert.ok(parseLsn(await database.confirmedFlush()) >= written)
    await database.query('INSERT INTO t VALUES (1)')
    await tail.count(1)
  })

  test(`Postgres ${version}: nothing is acknowledged before it is durable, however long the stream runs idle`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    await using tail = await database.streaming()
    await tail.commit()
    await database.query('INSERT INTO t VALUES (1)')
    await tail.count(1)
    const received = lsnOf(tail.offsets)
    for (let i = 0; i < 5; i++) await tail.poll(300)
    assert.ok(parseLsn(await database.confirmedFlush()) < received)
    await tail.commit()
    await sleep(300)
    assert.ok(parseLsn(await database.confirmedFlush()) >= received)
  })

  test(`Postgres ${version}: a slot that moved on, is gone, or belongs to another system is a gap with the ways out`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1)')
    const first = await database.streaming()
    await database.query('INSERT INTO t VALUES (2)')
    await first.count(1)
    const offsets = first.offsets!
    await first.commit()
    await first[Symbol.asyncDispose]()
    await database.query('INSERT INTO t VALUES (3)')
    await database.query(`SELECT pg_replication_slot_advance('${database.slot}', pg_current_wal_lsn())`)
    const moved = await database.confirmedFlush()
    await assert.rejects(database.tail({}, offsets), (error: unknown) => {
      assert.ok(error instanceof GapError)
      assert.ok(error.message.includes(moved) && error.message.includes(formatLsn(lsnOf(offsets))), error.message)
      assert.match(error.message, /when_needed.*PATCH its offset "lsn"/)
      return true
    })
    await database.dropSlot()
    await assert.rejects(database.tail({}, offsets), (error: unknown) => {
      assert.ok(error instanceof GapError)
      assert.match(error.message, /does not exist any more.*DELETE \/connectors\/<name>\/offsets.*when_needed/)
      assert.doesNotMatch(error.message, /PATCH/, 'no offset can be resumed from without the slot')
      return true
    })
    const foreign = { [partition]: { ...(offsets[partition] as object), system_id: '7' } }
    await assert.rejects(database.tail({}, foreign as Offsets), /database system 7/)
    await using again = await database.tail({ 'snapshot.mode': 'when_needed' }, offsets)
    await again.count(3)
    assert.deepEqual(again.summary(), ['r 1', 'r 2', 'r 3'])
    await database.query('INSERT INTO t VALUES (4)')
    await again.count(4)
  })

  test(`Postgres ${version}: a slot that another process reads is waited for, then reported by name`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    const first = await database.streaming()
    const offsets = first.offsets!
    await using second = await database.tail({ 'slot.max.retries': '2', 'slot.retry.delay.ms': '100' }, offsets)
    await assert.rejects(
      second.until(() => false, 5_000),
      new RegExp(`"${database.slot}" is read by another process.*active for PID`),
    )
    await first[Symbol.asyncDispose]()
    await database.query('INSERT INTO t VALUES (1)')
    await second.count(1)
  })

  test(`Postgres ${version}: a transaction that holds up the slot is named`, async () => {
    const database = await servers.database(version)
    await database.query('CREATE TABLE t (id int PRIMARY KEY)')
    const blocker = await database.connect()
    const pid = (await blocker.query('SELECT pg_backend_pid() AS pid')).rows[0]!.pid as number
    await blocker.query('BEGIN; INSERT INTO t VALUES (1)')
    await assert.rejects(database.tail({ 'slot.creation.timeout.ms': '300' }), new RegExp(`process ${pid}`))
    await blocker.query('COMMIT')
    await blocker.end()
    await using tail = await database.tail()
    await tail.count(1)
  })
}
