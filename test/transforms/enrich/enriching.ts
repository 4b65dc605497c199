import assert from 'node:assert/strict'
import { parseConfig, type ConnectRecord, type SourceTask, type Transform, type TransformContext } from '../../../core/index.ts'
import { enrich } from '../../../transforms/enrich/index.ts'

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** The context of a task without sources, unless `openSource` is given. */
export function taskContext(openSource?: TransformContext['openSource']): TransformContext {
  return {
    connector: 'test',
    task: 0,
    log: quiet,
    openSource: openSource ?? (() => Promise.reject<SourceTask>(new Error('no sources here'))),
  }
}

/** Enrich made from a raw config, as the worker makes it; throws what validation would say. */
export function enriching(
  raw: Readonly<Record<string, string>>,
  context?: TransformContext,
  side: 'Key' | 'Value' = 'Value',
): Transform & AsyncDisposable {
  const def = enrich.find((one) => one.class.endsWith(`$${side}`))!
  const { config, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
  return def.create(config, context ?? taskContext()) as Transform & AsyncDisposable
}

/** What becomes of a batch: records, null for those that are dropped, errors for those that are refused. */
export async function enrichedBatch(
  transform: Transform,
  records: readonly ConnectRecord[],
): Promise<readonly (ConnectRecord | null | Error)[]> {
  await transform.prepare!(records)
  return records.map((record) => {
    try {
      return transform.apply(record)
    } catch (error) {
      assert.equal((error as Error).name, 'DataError', (error as Error).stack)
      return error as Error
    }
  })
}

/** Values of what came out; messages of errors. */
export async function enrichedValues(transform: Transform, records: readonly ConnectRecord[]): Promise<readonly unknown[]> {
  return (await enrichedBatch(transform, records)).map((one) => (one instanceof Error ? one.message : one === null ? 'dropped' : one.value))
}
