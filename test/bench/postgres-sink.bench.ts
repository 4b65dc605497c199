import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kafkaSkip, type TestKafka } from '../kafka.ts'
import { postgresMissing, startPostgres, type PostgresServer } from '../postgres.ts'
import { registrySkip, startRegistry } from '../registry.ts'
import { startBenchKafka } from './kafka-peers.ts'
import { report } from './measure.ts'
import { capture, PipelineRun } from './pipeline-run.ts'
import { serverCpuSeconds } from './process-usage.ts'

// Rows of ten columns into a table with a primary key, through a whole worker, fsync on; beside psql's \copy of the same rows into the same table.
const total = Number(process.env['BENCH_ROWS'] ?? 1_000_000)
const partitions = 4
const psql = '/usr/lib/postgresql/15/bin/psql'
const ddl = `(id bigint PRIMARY KEY, quantity int NOT NULL, amount bigint NOT NULL, price numeric(18,4) NOT NULL, ratio double precision NOT NULL, code text NOT NULL,
  name text NOT NULL, created_at timestamp NOT NULL, active boolean NOT NULL, attributes jsonb NOT NULL)`

/** What datagen's rows are, for topics whose records do not say it. */
const columns = [
  ['id', 'int64'],
  ['quantity', 'int32'],
  ['amount', 'int64'],
  ['price', 'bytes', 'org.apache.kafka.connect.data.Decimal', { scale: '4' }],
  ['ratio', 'double'],
  ['code', 'string'],
  ['name', 'string'],
  ['created_at', 'int64', 'io.debezium.time.MicroTimestamp'],
  ['active', 'boolean'],
  ['attributes', 'string', 'io.debezium.data.Json'],
] as const
const content = (list: readonly (readonly unknown[])[]) =>
  JSON.stringify({ type: 'struct', fields: list.map(([field, type, name, parameters]) => ({ field, type, name, parameters })) })
const schemaless = {
  'key.converter': 'Json',
  'key.converter.schemas.enable': 'false',
  'value.converter': 'Json',
  'value.converter.schemas.enable': 'false',
}
const typed = {
  'key.converter': 'Json',
  'value.converter': 'Json',
  'key.converter.schema.content': content([columns[0]]),
  'value.converter.schema.content': content(columns),
}

interface Ceiling {
  readonly name: string
  readonly recordsPerSecond: number
}

/** Converters of both ends. */
type Format = Readonly<Record<string, string>>

let groups = 0

const skip =
  postgresMissing('15') ?? (existsSync(psql) ? undefined : `no psql at ${psql}`) ?? (kafkaSkip(true) || registrySkip() || undefined)
if (skip) process.stdout.write(`${JSON.stringify({ bench: 'postgres sink', skipped: skip })}\n`)
else await main()

async function main(): Promise<void> {
  const settings = { shared_buffers: "'512MB'", max_wal_size: "'8GB'", fsync: 'on' }
  await using server = await startPostgres({ version: '15', settings })
  await server.query(`CREATE TABLE copied ${ddl}; CREATE TABLE inserted ${ddl}; CREATE TABLE upserted ${ddl}`)
  await using kafka = await startBenchKafka()
  await using registry = await startRegistry()
  const url = { 'key.converter.schema.registry.url': registry.url, 'value.converter.schema.registry.url': registry.url }
  const avro = { 'key.converter': 'Avro', 'value.converter': 'Avro', ...url }
  await fill(kafka, 'avro', avro)
  await fill(kafka, 'json', schemaless)
  const insert = { 'sink.insert.mode': 'insert' }
  const upsert = { 'sink.insert.mode': 'upsert' }
  // The first run is slower than those behind it, whatever it is: this one does not count.
  await run(server, kafka, '', 'avro', avro, 'inserted', insert)
  const ceiling = await copy(server)
  await run(server, kafka, 'kafka -> avro -> postgres, upsert of new rows', 'avro', avro, 'upserted', upsert, ceiling)
  await run(server, kafka, 'kafka -> avro -> postgres, upsert of rows that are there', 'avro', avro, 'upserted', upsert, ceiling)
  await run(server, kafka, 'kafka -> avro -> postgres, insert', 'avro', avro, 'inserted', insert, ceiling)
  await run(server, kafka, 'kafka -> json -> postgres, upsert of rows that are there', 'json', typed, 'upserted', upsert, ceiling)
  await mirror(server, ceiling)
}

/** datagen's rows into a topic. */
async function fill(kafka: TestKafka, topic: string, format: Format): Promise<void> {
  await kafka.topic(topic, partitions)
  const source = { 'connector.class': 'datagen', template: 'rows', topic, count: String(total), 'sink.class': 'kafka' }
  await using pipeline = await PipelineRun.of(() => ({ ...source, ...format }), { 'bootstrap.servers': kafka.bootstrap })
  await pipeline.pid()
  await pipeline.flushed(total)
}

async function run(
  server: PostgresServer,
  kafka: TestKafka,
  bench: string,
  topic: string,
  format: Format,
  table: string,
  sink: Readonly<Record<string, string>>,
  ceiling?: Ceiling,
): Promise<void> {
  await server.query('VACUUM')
  await server.query('CHECKPOINT')
  const config = {
    'connector.class': 'kafka',
    topics: topic,
    // Each run is new to the broker and to the database.
    'consumer.override.group.id': `bench-${++groups}`,
    'sink.offsets.table': `offsets_${groups}`,
    ...format,
    'sink.class': 'postgres',
    'sink.connection.url': server.url(),
    'sink.table.name.format': table,
    ...sink,
  }
  await measured(server, bench, config, { 'bootstrap.servers': kafka.bootstrap }, ceiling)
}

/** A table's snapshot into another database of the same server. */
async function mirror(server: PostgresServer, ceiling: Ceiling): Promise<void> {
  await server.query('DROP TABLE copied, inserted')
  await server.query('CREATE DATABASE mirror')
  const config = { ...capture(server), 'sink.class': 'postgres', 'sink.connection.url': server.url('mirror') }
  await measured(server, 'postgres -> postgres, snapshot', config, {}, ceiling)
}

async function measured(
  server: PostgresServer,
  bench: string,
  config: Readonly<Record<string, string>>,
  worker: Readonly<Record<string, string>>,
  ceiling: Ceiling | undefined,
): Promise<void> {
  const serverCpu = serverCpuSeconds(server.pid!)
  await using pipeline = await PipelineRun.of(() => config, worker)
  await pipeline.pid()
  const began = performance.now()
  await pipeline.flushed(total)
  const seconds = (performance.now() - began) / 1000
  const { cpuSeconds, peakRssMb } = await pipeline.usage()
  if (ceiling === undefined) return
  report({
    bench,
    records: total,
    seconds,
    cpuUsPerRecord: (cpuSeconds * 1e6) / total,
    serverCpuUsPerRecord: Math.round(((serverCpuSeconds(server.pid!) - serverCpu) * 1e7) / total) / 10,
    peakRssMb,
    ceiling,
    aim: '100,000 rows/s, 0.4 of \\copy, 250 MB',
  })
}

/** What psql takes for the rows of `inserted`, which is emptied. */
async function copy(server: PostgresServer): Promise<Ceiling> {
  const file = join(tmpdir(), `millrace-bench-${process.pid}.copy`)
  try {
    await tell(server, `\\copy inserted to '${file}'`)
    await server.query('TRUNCATE inserted; CHECKPOINT')
    const cpu = serverCpuSeconds(server.pid!)
    const began = performance.now()
    await tell(server, `\\copy copied from '${file}'`)
    const seconds = (performance.now() - began) / 1000
    const serverCpuUsPerRecord = ((serverCpuSeconds(server.pid!) - cpu) * 1e6) / total
    const ceiling = { name: 'psql \\copy into the same table', recordsPerSecond: total / seconds }
    report({ bench: ceiling.name, records: total, seconds, cpuUsPerRecord: 0, serverCpuUsPerRecord, peakRssMb: 0 })
    return ceiling
  } finally {
    rmSync(file, { force: true })
  }
}

async function tell(server: PostgresServer, command: string): Promise<void> {
  const child = spawn(psql, [server.url(), '-q', '-c', command], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`psql ${command} ended with ${String(code)}`)
}
