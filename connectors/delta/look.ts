import { ConfigError, type ConnectRecord, DataError, type Logger } from '../../core/index.ts'
import type { Change } from './changes.ts'
import { type DeltaConfig, normalized } from './config.ts'
import { type DeltaField, typeText } from './delta-types.ts'
import { Engine } from './engine.ts'
import { folderFault } from './folder.ts'
import type { Lake } from './lake.ts'
import { openStorage } from './open-storage.ts'
import { RecordReader } from './reader.ts'
import { s3Address } from './s3/address.ts'
import { LocalStorage, type Storage } from './storage.ts'
import { LakeTable } from './table.ts'
import { tablePath } from './table-path.ts'

interface Looked {
  readonly table: LakeTable
  readonly topic: string
  readonly changes: Change[]
}

/**
 * What the records would do to the lake's tables: the writing task's own reading, planning and staging of them, over storage that takes no writes.
 * One line for each table (DDL, or that it stays as it is) and one for each record that a table refuses. Throws where a table cannot be written at all.
 */
export async function lookAhead(
  records: readonly ConnectRecord[],
  given: DeltaConfig,
  { connector, log }: { readonly connector: string; readonly log: Logger },
): Promise<readonly string[]> {
  const config = normalized(given)
  await using storage = await readOnly(config)
  await using engine = await Engine.open({ memoryLimit: config['duckdb.memory.limit'] })
  const lake: Lake = { storage, engine, config, connector, generation: 0, log, alive: () => {} }
  const reader = new RecordReader(config['unavailable.value.placeholder'], log)
  const tables = new Map<string, Looked>()
  const refused: string[] = []
  const refuse = (record: ConnectRecord, error: Error): void => {
    refused.push(`REFUSED: record ${records.indexOf(record) + 1} of topic ${record.topic}: ${error.message}`)
  }
  try {
    for (const record of records) {
      try {
        const looked = await tableOf(record.topic, lake, tables)
        const change = reader.read(record, looked.table.holdsEnvelopes)
        if (!change) continue
        looked.table.saw(change)
        looked.changes.push({ ...change, record })
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        refuse(record, error)
      }
    }
    const lines: string[] = []
    for (const { table, changes } of tables.values()) {
      if (changes.length === 0) continue
      for (const { change, error } of table.apply(await table.prepare(changes))) refuse(change.record, error)
      lines.push(...ddl(table, config))
    }
    return [...lines, ...refused]
  } finally {
    for (const { table } of tables.values()) await table.dispose()
  }
}

async function tableOf(topic: string, lake: Lake, tables: Map<string, Looked>): Promise<Looked> {
  const name = tablePath(lake.config['table.name.format'], topic)
  const known = tables.get(name)
  if (known && known.topic !== topic && lake.config['table.name.format'] === '') {
    throw new DataError(`Topics ${known.topic} and ${topic} both belong to table ${name}; set table.name.format, for example to \${topic}`)
  }
  if (known) return known
  const looked = { table: await LakeTable.open(lake, name), topic, changes: [] }
  tables.set(name, looked)
  return looked
}

function ddl(table: LakeTable, config: DeltaConfig): readonly string[] {
  const { before, after, partitionBy, keys } = table.outlook
  const name = quoted(table.name)
  const added = after.fields.slice(before.fields.length)
  if (table.version >= 0) {
    return [added.length === 0 ? `Table ${name} stays as it is` : `ALTER TABLE ${name} ADD COLUMNS (${columns(added)})`]
  }
  if (added.length === 0) return []
  const partitions = partitionBy.length === 0 ? '' : ` PARTITIONED BY (${partitionBy.map(quoted).join(', ')})`
  const mode =
    config.mode === 'append'
      ? 'append: a row for each change'
      : keys.length === 0
        ? 'upsert: no key'
        : `upsert by ${keys.map(quoted).join(', ')}`
  return [`CREATE TABLE ${name} (${columns(added)}) USING DELTA${partitions} -- ${mode}`]
}

function columns(fields: readonly DeltaField[]): string {
  return fields.map((field) => `${quoted(field.name)} ${typeText(field.type)}`).join(', ')
}

/** Names of plain characters stand for themselves; others in Spark's back ticks. */
function quoted(name: string): string {
  return /^[\w/.-]+$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``
}

/** The lake, read and never written; a folder that is not there yet is not made, but empty. */
async function readOnly(config: DeltaConfig): Promise<Storage> {
  const refuse = (name: string): Promise<never> => Promise.reject(new Error(`A preview must not write, and wanted to write ${name}`))
  const writes = { putIfAbsent: refuse, put: refuse, create: refuse, createOnce: refuse, deleteClaimed: refuse, delete: async () => {} }
  const found = await existing(config)
  if (!found) {
    const nothing = async () => {}
    return {
      ...writes,
      list: async () => [],
      read: async () => undefined,
      readable: (name) => name,
      fetch: nothing,
      tidy: nothing,
      [Symbol.asyncDispose]: nothing,
    }
  }
  return {
    ...writes,
    list: (folder) => found.list(folder),
    read: (name) => found.read(name),
    readable: (name) => found.readable(name),
    fetch: (names) => found.fetch(names),
    tidy: () => found.tidy(),
    [Symbol.asyncDispose]: () => found[Symbol.asyncDispose](),
  }
}

/** undefined: no lake is there yet. */
async function existing(config: DeltaConfig): Promise<Storage | undefined> {
  if (s3Address(config.path)) return openStorage(config, () => {})
  const fault = await folderFault(config.path)
  if (fault !== undefined) throw new ConfigError([{ key: 'path', value: config.path, message: fault }])
  return LocalStorage.find(config.path)
}
