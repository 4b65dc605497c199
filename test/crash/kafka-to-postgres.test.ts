import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CutProxy } from '../connectors/postgres/sink/cut-proxy.ts'
import { kafkaSkip, startKafka } from '../kafka.ts'
import { startPostgres } from '../postgres.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const records = 20_000
const killsMin = 3

test(
  `${records} records go from Kafka into Postgres by two tasks under kill -9, cut connections and restarts of the server: each once`,
  { skip: kafkaSkip(true), timeout: 600_000 },
  async (t) => {
    await using kafka = await startKafka({ own: true })
    await using server = await startPostgres()
    await using proxy = await CutProxy.start(server.port)
    await kafka.topic('orders', 4)
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-pg-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap })
    const json = { 'key.converter': 'Json', 'value.converter': 'Json' }
    await worker.call('POST', '/connectors', {
      name: 'up',
      config: {
        'connector.class': 'datagen',
        template: 'orders',
        topic: 'orders',
        count: String(records),
        rate: '4000',
        'exactly.once.support': 'required',
        ...json,
      },
    })
    const sink = {
      topics: 'orders',
      'tasks.max': '2',
      'flush.interval.ms': '300',
      'task.restart.backoff.ms': '100',
      'consumer.override.isolation.level': 'read_committed',
      'connection.url': `jdbc:postgresql://127.0.0.1:${proxy.port}/postgres`,
      'connection.user': server.user,
      'connection.password': server.password,
      'auto.create': 'true',
      'batch.size': '500',
      ...json,
    }
    // Plain inserts without a key: a record twice would be a row twice.
    await worker.call('POST', '/connectors', {
      name: 'inserts',
      config: { 'connector.class': 'io.confluent.connect.jdbc.JdbcSinkConnector', 'table.name.format': 'inserted', ...sink },
    })
    await worker.call('POST', '/connectors', {
      name: 'upserts',
      config: {
        'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
        'collection.name.format': 'upserted',
        'insert.mode': 'upsert',
        'primary.key.mode': 'record_key',
        'schema.evolution': 'basic',
        ...sink,
        'auto.create': 'false',
      },
    })
    for (let kills = 0; kills < killsMin;) {
      await sleep(500 + Math.random() * 2500)
      const kind = Math.random()
      if (kind < 0.6) {
        await worker.kill()
        kills++
        await worker.restart()
      } else if (kind < 0.8) proxy.cutAfter(Math.floor(Math.random() * 100_000))
      else {
        await server.halt('immediate')
        await server.start()
      }
    }
    t.diagnostic(`${killsMin} kills, ${proxy.cuts} cuts`)
    const counts = async (table: string) =>
      (await server.query(`SELECT count(*)::int AS all, count(DISTINCT id)::int AS ids FROM ${table}`).catch(() => []))[0]
    let last: unknown
    for (const table of ['inserted', 'upserted']) {
      await waitFor(
        async () => ((last = await counts(table)) as { ids: number } | undefined)?.ids === records,
        180_000,
        () => `${table} has ${JSON.stringify(last)}:\n${worker.log.slice(-4000)}`,
      )
    }
    await sleep(1000)
    assert.deepEqual(await counts('inserted'), { all: records, ids: records })
    const sum = (table: string) => server.query(`SELECT md5(string_agg(t::text, '|' ORDER BY id)) AS sum FROM ${table} t`)
    assert.deepEqual(await sum('(SELECT id, customer_id FROM upserted)'), await sum('(SELECT id, customer_id FROM inserted)'))
  },
)
