import { converters } from '../core/converter/index.ts'
import {
  ConfigError,
  parseConfig,
  type ConfigDef,
  type Converter,
  type ConverterDef,
  type Plugin,
  type Predicate,
  type SinkTask,
  type SourceTask,
  type TaskContext,
  type Transform,
  type TransformContext,
} from '../core/index.ts'

type Raw = Readonly<Record<string, string>>

/** The context of a task under test: quiet, strict (a rejected record throws its error), with JSON converters without schemas. `options` replace parts of it. */
export function taskContext(options: Partial<TaskContext> = {}): TaskContext {
  const quiet = () => {}
  const json = builtinConverter('json', { 'schemas.enable': 'false' })
  return {
    connector: 'contract',
    task: 0,
    generation: 0,
    log: { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
    converters: { key: json, value: json, header: builtinConverter('simple', {}) },
    reject: (_, error) => Promise.reject(error),
    report: quiet,
    ...options,
  }
}

/** A source's task as a host makes it, not yet opened. Throws a ConfigError with all faults of the config. */
export async function sourceOf(plugin: Plugin, name: string, raw: Raw, context = taskContext()): Promise<SourceTask> {
  const part = partOf(plugin.sources, name)
  return part.create(parsed(part.config, raw), context)
}

/** A sink's task as a host makes it, not yet opened. Throws a ConfigError with all faults of the config. */
export async function sinkOf(plugin: Plugin, name: string, raw: Raw, context = taskContext()): Promise<SinkTask> {
  const part = partOf(plugin.sinks, name)
  return part.create(parsed(part.config, raw), context)
}

/** A transform as a host makes it. `context` is what it opens sources by, where it does. */
export function transformOf(plugin: Plugin, name: string, raw: Raw, context?: TransformContext): Transform {
  const part = partOf(plugin.transforms, name)
  return part.create(parsed(part.config, raw), context)
}

/** A predicate as a host makes it. */
export function predicateOf(plugin: Plugin, name: string, raw: Raw): Predicate {
  const part = partOf(plugin.predicates, name)
  return part.create(parsed(part.config, raw))
}

/** A converter as a host makes it. */
export function converterOf(plugin: Plugin, name: string, raw: Raw, use: 'key' | 'value' | 'header' = 'value'): Converter {
  const part = partOf(plugin.converters, name)
  return part.create(parsed(part.config, raw), use)
}

/** The part of that class or alias. Throws an Error that names those there are. */
export function partOf<P extends { readonly class: string; readonly aliases?: readonly string[] }>(
  list: readonly P[] | undefined,
  name: string,
): P {
  const part = list?.find((one) => one.class === name || one.aliases?.includes(name))
  if (part) return part
  const known = (list ?? []).map((one) => one.class).join(', ')
  throw new Error(`The plugin has no ${name}${known === '' ? '' : `: it has ${known}`}`)
}

/** The typed config. Throws a ConfigError with all faults. */
export function parsed(def: ConfigDef, raw: Raw): never {
  const { config, issues } = parseConfig(def, raw)
  if (issues.length > 0) throw new ConfigError(issues)
  return config as never
}

function builtinConverter(alias: string, raw: Raw): Converter {
  const def: ConverterDef = partOf(converters, alias)
  return def.create(parsed(def.config, raw), 'value')
}
