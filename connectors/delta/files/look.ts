import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ConnectRecord, TaskContext } from '../../../core/index.ts'
import { quoteText } from '../delta-types.ts'
import { Engine } from '../engine.ts'
import { type FilesConfig, formatOf, placeOf } from './config.ts'
import { FilesSinkTask } from './sink.ts'

/** What it would tell is about a task that stays. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/**
 * Where the records would go: the writing task itself writes them, into a temporary folder, so the place that the config names is neither read
 * nor written. One line for each folder and one for each record that is refused.
 */
export async function lookAhead(
  records: readonly ConnectRecord[],
  config: FilesConfig,
  { connector }: { readonly connector: string },
): Promise<readonly string[]> {
  const refused: string[] = []
  const path = await mkdtemp(join(tmpdir(), 'millrace-look-'))
  const context = {
    connector,
    task: 0,
    generation: 0,
    log: silent,
    async reject(record: ConnectRecord, error: Error) {
      refused.push(`REFUSED: record ${records.indexOf(record) + 1} of topic ${record.topic}: ${error.message}`)
    },
    report() {},
  } satisfies Omit<TaskContext, 'converters'>
  try {
    await using task = new FilesSinkTask({ ...config, path }, context as unknown as TaskContext)
    await task.open()
    const never = new AbortController().signal
    await task.put(records, never)
    await task.flush({}, never, true)
    return [...(await foldersIn(path, config)), ...refused]
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

async function foldersIn(path: string, config: FilesConfig): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
  const folders = Map.groupBy(names.filter((name) => !name.startsWith('_millrace/')).sort(), dirname)
  const lines: string[] = []
  for (const [folder, files] of folders) {
    const count = files.length === 1 ? '1 file' : `${files.length} files`
    const columns = formatOf(config['format.class']) === 'parquet' ? ` with columns ${await columnsOf(join(path, files.at(-1)!))}` : ''
    lines.push(`${placeOf(config)}/${folder}: ${count}, the first ${files[0]!.slice(folder.length + 1)}${columns}`)
  }
  return lines
}

async function columnsOf(file: string): Promise<string> {
  await using engine = await Engine.open({ memoryLimit: '64MB' })
  const rows = await engine.rows(
    `SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(${quoteText(file)}, hive_partitioning = false))`,
  )
  return (rows as readonly { readonly column_name: string; readonly column_type: string }[])
    .map((row) => `${row.column_name} ${row.column_type}`)
    .join(', ')
}
