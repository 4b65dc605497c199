import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CutProxy } from '../connectors/postgres/sink/cut-proxy.ts'
import { elasticsearchSkip, startElasticsearch, type TestElasticsearch } from '../elasticsearch.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../kafka.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const partitions = 4
const keys = 600
/** A search gives at most 10,000 documents. */
const recordsMax = 9000
const batch = 50
const killsMin = 2

interface Change {
  readonly id: number
  readonly value: Readonly<Record<string, unknown>> | null
}

/** By id: what a document is, and which version. */
type Documents = Map<string, { readonly version: number; readonly source: unknown }>

test(
  `changes of ${keys} keys go from Kafka into Elasticsearch by two tasks under kill -9, cut connections and a killed server: the same documents`,
  { skip: kafkaSkip(true) || elasticsearchSkip(), timeout: 300_000 },
  async (t) => {
    const [kafka, server] = await Promise.all([startKafka({ own: true }), startElasticsearch()])
    t.after(() => Promise.all([kafka.stop(), server.stop()]))
    await using proxy = await CutProxy.start(Number(new URL(server.url).port))
    await kafka.topic('orders', partitions)
    const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-es-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await using worker = await WorkerProcess.start(folder, { 'bootstrap.servers': kafka.bootstrap })
    const sink = {
      'connector.class': 'io.confluent.connect.elasticsearch.ElasticsearchSinkConnector',
      topics: 'orders',
      'flush.interval.ms': '300',
      'task.restart.backoff.ms': '100',
      'connection.url': `http://127.0.0.1:${proxy.port}`,
      'batch.size': '100',
      'key.converter': 'String',
      'value.converter': 'Json',
      'value.converter.schemas.enable': 'false',
    }
    const own = { mirror: { 'tasks.max': '2' }, merged: { 'write.method': 'upsert' }, log: { 'key.ignore': 'true' } }
    for (const [name, config] of Object.entries(own)) {
      const nulls = { 'behavior.on.null.values': name === 'log' ? 'ignore' : 'delete' }
      await worker.call('POST', '/connectors', { name, config: { ...sink, ...nulls, 'index.name.format': name, ...config } })
    }
    const expected = { mirror: new Map(), merged: new Map(), log: new Map() } satisfies Record<string, Documents>
    const stop = new AbortController()
    const produced = produce(kafka, expected, stop.signal)
    let kills = 0
    const disturb = async (kind: number): Promise<void> => {
      await sleep(200 + Math.random() * 1500)
      if (kind < 0.6) {
        await worker.kill()
        kills++
        await worker.restart()
      } else proxy.cutAfter(Math.floor(Math.random() * 30_000))
    }
    await disturb(1)
    await server.kill()
    const again = server.start()
    while (kills < killsMin) await disturb(Math.random())
    await again
    await worker.running('mirror', 60_000)
    while (proxy.cuts < 1) await disturb(1)
    await disturb(0)
    stop.abort()
    t.diagnostic(`${await produced} changes, ${kills} kills, ${proxy.cuts} cuts`)
    for (const [name, documents] of Object.entries(expected)) {
      let found: Documents = new Map()
      const same = async () => {
        found = await documentsOf(server, name)
        return found.size === documents.size && [...documents].every(([id, one]) => equal(found.get(id), one, name === 'mirror'))
      }
      await waitFor(same, 60_000, () => `${name} differs: ${differences(found, documents)}\n${worker.log.slice(-4000)}`)
    }
    // Nothing comes after it that would undo it.
    await sleep(500)
    assert.deepEqual(await documentsOf(server, 'mirror'), expected.mirror)
    assert.ok(expected.mirror.size > keys / 2 && expected.mirror.size < keys)
  },
)

/** Changes at random, a few at a time until it is told to stop, and what they come to. Gives their number. */
async function produce(kafka: TestKafka, expected: Record<'mirror' | 'merged' | 'log', Documents>, stop: AbortSignal): Promise<number> {
  const producer = kafka.client().producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const next = Array.from({ length: partitions }, () => 0)
  let made = 0
  for (; made < recordsMax && !stop.aborted; made += batch) {
    const changes = Array.from({ length: batch }, (_, n) => change(made + n))
    await producer.send({
      topic: 'orders',
      messages: changes.map(({ id, value }) => ({
        key: `k${id}`,
        partition: id % partitions,
        value: value === null ? null : JSON.stringify(value),
      })),
    })
    for (const { id, value } of changes) {
      const key = `k${id}`
      const offset = next[id % partitions]!++
      if (value === null) {
        expected.mirror.delete(key)
        expected.merged.delete(key)
        continue
      }
      const before = expected.merged.get(key)?.source as object | undefined
      expected.mirror.set(key, { version: offset, source: value })
      expected.merged.set(key, { version: 0, source: { ...before, ...value } })
      expected.log.set(`orders+${id % partitions}+${offset}`, { version: 1, source: value })
    }
    await sleep(200)
  }
  await producer.disconnect()
  return made
}

function change(n: number): Change {
  const id = Math.floor(Math.random() * keys)
  return { id, value: Math.random() < 0.2 ? null : { id, n, [`field${n % 3}`]: `text of ${n}`, nested: { list: ['ä', String(n)] } } }
}

function equal(a: { version: number; source: unknown } | undefined, b: { version: number; source: unknown }, versions: boolean): boolean {
  return a !== undefined && (!versions || a.version === b.version) && text(a.source) === text(b.source)
}

/** Members in order: a merge keeps the places of those that were there. */
function text(source: unknown): string {
  return JSON.stringify(Object.entries(source as object).sort(([a], [b]) => (a < b ? -1 : 1)))
}

async function documentsOf(server: TestElasticsearch, index: string): Promise<Documents> {
  await server.call('POST', `/${index}/_refresh`)
  const answer = await server.call('POST', `/${index}/_search`, { size: 10_000, version: true })
  const hits: readonly { readonly _id: string; readonly _version: number; readonly _source: unknown }[] = answer['hits']?.hits ?? []
  return new Map(hits.map((hit) => [hit._id, { version: hit._version, source: hit._source }]))
}

function differences(found: Documents, expected: Documents): string {
  const all = [...new Set([...found.keys(), ...expected.keys()])]
  const wrong = all.filter((id) => JSON.stringify(found.get(id)) !== JSON.stringify(expected.get(id)))
  return `${found.size} of ${expected.size}; ${wrong
    .slice(0, 3)
    .map((id) => `${id}: ${JSON.stringify(found.get(id))} for ${JSON.stringify(expected.get(id))}`)
    .join(', ')}`
}
