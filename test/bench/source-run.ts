import postgres from '../../connectors/postgres/index.ts'
import { parseConfig, type Converter, type Offsets, type SourceTask, type TaskContext } from '../../core/index.ts'
import type { PostgresServer } from '../postgres.ts'

const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const noConverter: Converter = {
  serialize: () => null,
  deserialize: () => ({ schema: null, value: null }),
}

/** The Postgres source alone, as a task would create it, for benchmarks that count what it hands out. */
export async function createSource(server: PostgresServer, extra: Readonly<Record<string, string>>): Promise<SourceTask> {
  const raw = {
    ...server.connectorConfig(),
    'topic.prefix': 'bench',
    'schema.include.list': 'public',
    'publication.autocreate.mode': 'filtered',
    ...extra,
  }
  const connector = postgres.sources![0]!
  const { config, issues } = parseConfig(connector.config, raw)
  if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
  const context: TaskContext = {
    connector: 'bench',
    task: 0,
    generation: 0,
    log: silent,
    converters: { key: noConverter, value: noConverter, header: noConverter },
    reject: async (_, error) => {
      throw error
    },
    report() {},
  }
  return connector.create(config, context)
}

/**
 * Polls until `records` are counted and their transaction is over, committing as a loop with an instant sink would. Resolves to the offsets
 * after the last batch. Throws where more than `records` came: then something was counted that should not have been.
 */
export async function drain(source: SourceTask, records: number): Promise<Offsets> {
  let offsets: Offsets = {}
  for (let counted = 0, open = true; counted < records || open;) {
    const batch = await source.poll(never)
    counted += batch.records.length
    open = batch.open ?? false
    offsets = { ...offsets, ...batch.offsets }
    if (!open && Object.keys(batch.offsets).length > 0) await source.commit?.(batch.offsets)
    if (counted > records) throw new Error(`${counted} records came instead of ${records}`)
  }
  return offsets
}

const never = new AbortController().signal
