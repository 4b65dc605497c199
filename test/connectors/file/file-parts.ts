import assert from 'node:assert/strict'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import plugin from '../../../connectors/file/index.ts'
import { FileSinkTask } from '../../../connectors/file/sink.ts'
import { FileSourceTask } from '../../../connectors/file/source.ts'
import { parseConfig, type ConnectRecord, type Converter, type SinkTask, type SourceTask, type TaskContext } from '../../../core/index.ts'
import { converterOf } from '../../core/converter/convert.ts'

/** What a task was given, and what it said. */
export interface Heard {
  readonly rejected: { readonly record: ConnectRecord; readonly error: Error }[]
  readonly warnings: string[]
}

const folders: string[] = []
process.once('exit', () => folders.forEach((path) => rmSync(path, { recursive: true, force: true })))

/** A folder of its own; removed when the test process ends. */
export function folder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'file-')))
  folders.push(path)
  return path
}

/** A file source as a worker makes it. */
export function fileSource(raw: Readonly<Record<string, string>>, heard: Heard = { rejected: [], warnings: [] }): SourceTask {
  return new FileSourceTask(parsed(plugin.sources![0]!.config, { topic: 't', ...raw }), context(heard))
}

/** A file sink as a worker makes it. */
export function fileSink(
  raw: Readonly<Record<string, string>>,
  { heard = { rejected: [], warnings: [] }, ...extras }: { heard?: Heard } & Partial<TaskContext> = {},
): SinkTask {
  return new FileSinkTask(parsed(plugin.sinks![0]!.config, raw), { ...context(heard), ...extras })
}

/** Converters by alias; the header one is Connect's default. */
export function convertersOf(key: Converter, value: Converter): TaskContext['converters'] {
  return { key, value, header: converterOf('simple') }
}

function context(heard: Heard): TaskContext {
  const quiet = () => {}
  const plainJson = converterOf('json', { 'schemas.enable': 'false' })
  return {
    connector: 'c',
    task: 0,
    generation: 0,
    log: { trace: quiet, debug: quiet, info: quiet, warn: (_, message) => heard.warnings.push(message), error: quiet },
    converters: convertersOf(plainJson, plainJson),
    reject: async (record, error) => {
      heard.rejected.push({ record, error })
    },
    report: quiet,
  }
}

function parsed(def: Parameters<typeof parseConfig>[0], raw: Readonly<Record<string, string>>): never {
  const { config, issues } = parseConfig(def, raw)
  assert.deepEqual(issues, [])
  return config as never
}
