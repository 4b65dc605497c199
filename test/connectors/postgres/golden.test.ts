import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { DataError, type ConnectRecord, type Converter, type Schema } from '../../../core/index.ts'
import { converters } from '../../../core/converter/index.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../../postgres.ts'
import { expectedDifferences } from './golden-differences.ts'
import {
  differences,
  exactJson,
  fixtures,
  goldenTopics,
  shortened,
  stable,
  type GoldenRecord,
  type GoldenTopic,
  type Json,
} from './golden.ts'
import { Tail } from './tail.ts'

const skip = postgresMissing('15') ?? false
let server: PostgresServer
before(async () => {
  if (!skip) server = await startPostgres({ version: '15', settings: { max_replication_slots: 20, max_wal_senders: 20 } })
})
after(() => server?.stop())

for (const config of readdirSync(join(fixtures, 'golden')).filter((name) => !name.endsWith('.json'))) {
  test(`Values, schemas and keys are Debezium's in the configuration ${config}, except where Debezium is wrong`, { skip }, async () => {
    const topics = goldenTopics(config)
    const ours = await records(config, topics)
    const found = topics.flatMap((topic) => compareTopic(config, topic, ours.get(topic.topic) ?? []))
    const cells = [...new Map(found.map((cell) => [cell.place, cell])).values()]
    for (const cell of cells) seen.add(cell.place)
    const unexpected = cells.filter((cell) => !expectedDifferences.some(({ cells }) => cells.test(cell.place)))
    assert.equal(
      unexpected.length,
      0,
      `${unexpected.length} of ${cells.length} differences are not in golden-differences.ts:\n${unexpected.map(show).join('\n')}`,
    )
    const known = new Set(topics.map(({ topic }) => topic))
    assert.deepEqual(
      [...ours.keys()].filter((topic) => !known.has(topic)),
      [],
    )
  })
}

test('every listed difference to Debezium still exists', { skip }, () => {
  const idle = expectedDifferences.filter(({ cells }) => ![...seen].some((place) => cells.test(place)))
  assert.deepEqual(
    idle.map(({ cells }) => String(cells)),
    [],
  )
})

const seen = new Set<string>()

interface Cell {
  /** `config topic record path`. */
  readonly place: string
  readonly golden: Json | undefined
  readonly ours: Json | undefined
}

function show({ place, golden, ours }: Cell): string {
  const text = (value: Json | undefined) =>
    (JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? `${item}n` : item)) ?? 'nothing').slice(0, 300)
  return `${place}\n    Debezium ${text(golden)}\n    ours     ${text(ours)}`
}

function compareTopic(config: string, topic: GoldenTopic, ours: readonly ConnectRecord[]): readonly Cell[] {
  const at = `${config} ${topic.topic.replace('PREFIX.', '')}`
  if (ours.length === 0) return [{ place: `${at} all`, golden: topic.records.length, ours: 0 }]
  const rendered = ours.map(render)
  const named = (label: string, found: ReturnType<typeof differences>) =>
    found.map(({ path, ...cell }) => ({ place: `${at} ${label} ${path}`, ...cell }))
  const pairs = pairUp(topic.records, rendered)
  return pairs.flatMap(({ label, golden, mine }) => {
    if (mine?.refused !== undefined) return [{ place: `${at} ${label} refused`, golden: golden?.v, ours: mine.refused }]
    if (golden === undefined || mine === undefined) return [{ place: `${at} ${label} record`, golden: golden?.v, ours: mine?.v }]
    return [
      ...named(`${label} key`, differences(golden.k, mine.k)),
      ...named(label, differences(stable(golden.v), stable(mine.v))),
      ...named(`${label} headers`, differences(golden.h, mine.h)),
      ...named('keySchema', differences(golden.ks === null ? null : topic.schemas[golden.ks], mine.ks)),
      ...named('schema', differences(golden.vs === null ? null : topic.schemas[golden.vs], mine.vs)),
    ]
  })
}

interface Rendered {
  readonly k: Json
  readonly ks: Json
  readonly v: Json
  readonly vs: Json
  readonly h: { readonly [name: string]: Json }
  /** Why the converter could not write it. */
  readonly refused?: string
}

/** Records in their order; where the operation and key differ, the side that lacks the record is passed over. */
function pairUp(golden: readonly GoldenRecord[], ours: readonly Rendered[]): { label: string; golden?: GoldenRecord; mine?: Rendered }[] {
  const name = (record: { readonly k: Json; readonly v: Json }) =>
    `${(record.v as { op?: string } | null)?.op ?? '-'} ${JSON.stringify(record.k)}`
  const pairs: { label: string; golden?: GoldenRecord; mine?: Rendered }[] = []
  let place = 0
  for (const record of golden) {
    const label = name(record)
    const found = ours.findIndex((mine, index) => index >= place && name(mine) === label)
    if (found < 0) {
      pairs.push({ label, golden: record })
      continue
    }
    for (; place < found; place++) pairs.push({ label: name(ours[place]!), mine: ours[place]! })
    pairs.push({ label, golden: record, mine: ours[place++]! })
  }
  for (; place < ours.length; place++) pairs.push({ label: name(ours[place]!), mine: ours[place]! })
  return pairs
}

const json = converterOf('org.apache.kafka.connect.json.JsonConverter', { 'schemas.enable': true, 'replace.null.with.default': false })

function converterOf(name: string, settings: Readonly<Record<string, unknown>>): Converter {
  const definition = converters.find((one) => one.class === name)!
  const defaults = Object.fromEntries(Object.entries(definition.config).map(([key, { default: value }]) => [key, value ?? undefined]))
  return definition.create({ ...defaults, ...settings } as never, 'value')
}

/** A record as Kafka Connect's converters would write it. */
function render(record: ConnectRecord): Rendered {
  const key = written(record.topic, record.keySchema, record.key)
  let value: ReturnType<typeof written>
  let refused: string | undefined
  try {
    value = written(record.topic, record.valueSchema, record.value)
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    value = { payload: { op: (record.value as { op: string }).op }, schema: null }
    refused = error.message
  }
  // Structs and arrays in headers are JSON without schemas, as SimpleHeaderConverter writes them.
  const headers = record.headers.map(({ key: name, value: content }) => [name, JSON.stringify(content)] as const)
  return {
    k: key.payload,
    ks: key.schema,
    v: value.payload,
    vs: value.schema,
    h: Object.fromEntries(headers),
    ...(refused === undefined ? {} : { refused }),
  }
}

function written(topic: string, schema: Schema | null, value: unknown): { readonly payload: Json; readonly schema: Json } {
  const bytes = json.serialize(topic, { schema, value })
  if (bytes === null) return { payload: null, schema: null }
  const parsed = exactJson(Buffer.from(bytes).toString()) as { readonly payload: Json; readonly schema: Json }
  return { payload: shortened(parsed.payload), schema: parsed.schema }
}

/** Plays the fixture in a database of its own and gives the records by topic, without those of the end mark. */
async function records(config: string, topics: readonly GoldenTopic[]): Promise<ReadonlyMap<string, readonly ConnectRecord[]>> {
  await server.query(`CREATE DATABASE ${config}`)
  await using client = Object.assign(await server.connect({ database: config }), {
    async [Symbol.asyncDispose]() {
      await client.end()
    },
  })
  const text = (name: string) => readFileSync(join(fixtures, name), 'utf8')
  await client.query(text('schema.sql'))
  const tables = readdirSync(join(fixtures, 'rows')).map((file) => {
    const name = file.replace('.jsonl', '')
    const lines = text(`rows/${file}`).trim().split('\n')
    return {
      name,
      rows: withHeldOut(
        lines.map((line) => JSON.parse(line) as Row),
        topics.find(({ topic }) => topic === `PREFIX.tc.${name}`)!,
      ),
    }
  })
  for (const { name, rows } of tables) for (const row of rows) await client.query(insert(name, row, 0))
  // The rows of t_net are in rows/, too.
  await client.query(text('snapshot.sql').replace(/INSERT INTO t_net [^;]*;/, ''))
  const overrides = {
    'database.dbname': config,
    'topic.prefix': 'PREFIX',
    'slot.name': config,
    'publish.via.partition.root': String(config !== 'micro_leaf'),
    'publication.autocreate.mode': 'all_tables',
    ...topics[0]!.config,
  }
  await using tail = await Tail.open(server, overrides)
  // The snapshot holds locks until its end.
  await tail.until(({ entries }) => entries.some(({ message }) => message === 'Streaming changes'), 20_000)
  for (const { name, rows } of tables) {
    await client.query(`BEGIN; ${rows.map((row) => insert(name, row, 1000)).join(';')}; COMMIT`)
    await client.query(`DELETE FROM tc.${name} WHERE id = 1001`)
  }
  const stream = text('stream.sql').replace(/^\\copy .*$/m, "INSERT INTO t_tx VALUES (300, 'copied'), (301, 'copied'), (302, 'copied');")
  const mark = (record: ConnectRecord) => (record.key as { prefix?: string } | null)?.prefix === 'mark'
  let marks = 0
  const catchUp = async () => {
    await client.query("SELECT pg_logical_emit_message(true, 'mark', '')")
    marks++
    await tail.until(({ records: read }) => read.filter(mark).length === marks, 20_000)
  }
  for (const line of stream.split('\n').filter((one) => one !== '' && !one.startsWith('--'))) {
    // Debezium had read everything before when an enum got a label.
    if (line.startsWith('ALTER TYPE')) await catchUp()
    await client.query(line)
  }
  await catchUp()
  assert.deepEqual(
    tail.rejected.map(({ error }) => error.message).filter((message) => !expectedRejects.test(message)),
    [],
  )
  return Map.groupBy(
    tail.records.filter((record) => !mark(record) && !isHeldOut(record) && !record.topic.endsWith('.transaction')),
    (record) => record.topic,
  )
}

/** Rows that the source refuses on purpose: see golden-differences.ts. */
const expectedRejects = /^Table tc\.t_user, column "(da|ea)", key \{"id":"(1005|5)"\}/

type Row = Readonly<Record<string, string | null>>

const heldOut = 'held out'

/** The fixture has every second row only; others stand in for the rest, so that the order in transactions and the marks of last rows agree. */
function withHeldOut(rows: readonly Row[], topic: GoldenTopic): readonly Row[] {
  const byId = new Map(rows.map((row) => [Number(row.id), row]))
  const lastMark = topic.records
    .map(({ v }) => (v as { source?: { snapshot: string } } | null)?.source?.snapshot)
    .findLast((one) => one !== undefined && one !== 'false')
  const last = Math.max(...byId.keys()) + (lastMark?.startsWith('last') ? 0 : 1)
  return Array.from({ length: last }, (_, place) => byId.get(place + 1) ?? { id: String(place + 1), note: heldOut })
}

function isHeldOut(record: ConnectRecord): boolean {
  return (record.value as { after?: { note?: unknown } | null } | null)?.after?.note === heldOut
}

/** Generated columns are left out. */
function insert(table: string, row: Row, add: number): string {
  const cells = Object.entries({ ...row, id: String(Number(row.id) + add) }).filter(
    ([name]) => !(table === 't_gen' && (name === 'twice' || name === 'up')),
  )
  const literals = cells.map(([, value]) => (value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`))
  return `INSERT INTO tc.${table} (${cells.map(([name]) => `"${name}"`).join(', ')}) VALUES (${literals.join(', ')})`
}
