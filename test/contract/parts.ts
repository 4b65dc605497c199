import assert from 'node:assert/strict'
import { parseConfig, type Plugin, type SinkTask, type SourceTask, type TaskContext, type Transform } from '../../core/index.ts'
import { converterOf } from '../core/converter/convert.ts'

/** The context of a task under test: quiet, strict (a rejected record throws), with plain JSON converters. */
export function taskContext(options: Partial<TaskContext> = {}): TaskContext {
  const quiet = () => {}
  const json = converterOf('json', { 'schemas.enable': 'false' })
  return {
    connector: 'contract',
    task: 0,
    generation: 0,
    log: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
    converters: { key: json, value: json, header: converterOf('simple') },
    reject: (_, error) => Promise.reject(error),
    report: quiet,
    ...options,
  }
}

/** A task as a host makes it: by class or alias, from raw config. */
export async function sourceOf(plugin: Plugin, name: string, raw: Record<string, string>, context = taskContext()): Promise<SourceTask> {
  const part = find(plugin.sources, name)
  return part.create(parsed(part.config, raw), context)
}

/** A sink as a host makes it. */
export async function sinkOf(plugin: Plugin, name: string, raw: Record<string, string>, context = taskContext()): Promise<SinkTask> {
  const part = find(plugin.sinks, name)
  return part.create(parsed(part.config, raw), context)
}

/** A transform as a host makes it. */
export function transformOf(plugin: Plugin, name: string, raw: Record<string, string>): Transform {
  const part = find(plugin.transforms, name)
  return part.create(parsed(part.config, raw))
}

function find<P extends { readonly class: string; readonly aliases?: readonly string[] }>(list: readonly P[] | undefined, name: string): P {
  const part = list?.find((one) => one.class === name || one.aliases?.includes(name))
  assert.ok(part, `the plugin offers ${name}`)
  return part
}

function parsed(def: Parameters<typeof parseConfig>[0], raw: Record<string, string>): never {
  const { config, issues } = parseConfig(def, raw)
  assert.deepEqual(issues, [])
  return config as never
}
