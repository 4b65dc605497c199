import { parseConfig, type ConfigDef } from '../contract/config-def.ts'
import type { TaskContext } from '../contract/context.ts'
import type { Converter } from '../contract/converter.ts'
import { ConfigError } from '../contract/errors.ts'
import type { Plugin } from '../contract/plugin.ts'
import type { SinkConnector, SinkTask } from '../contract/sink.ts'
import type { SourceConnector, SourceTask } from '../contract/source.ts'
import type { ChainStep } from './chain.ts'
import type { PartSpec, StepSpec, TaskSpec } from './protocol.ts'

/** Gets the plugin that a module offers: by `import()` in a host, from the registry inline. */
export type PluginLoader = (module: string) => Promise<Plugin>

type Definition = { readonly class: string; readonly config: ConfigDef }

/** A plugin's part and its parsed config. Throws a ConfigError with every fault of the config. */
async function load<P extends Definition>(
  spec: PartSpec,
  loader: PluginLoader,
  list: (plugin: Plugin) => readonly P[] | undefined,
): Promise<{ readonly part: P; readonly config: never }> {
  const plugin = await loader(spec.module)
  const part = list(plugin)?.find((one) => one.class === spec.class)
  if (!part) throw new Error(`Module ${spec.module} does not offer ${spec.class} any more; was it changed since the worker started?`)
  const { config, issues } = parseConfig(part.config, spec.config)
  if (issues.length > 0) throw new ConfigError(issues)
  return { part, config: config as never }
}

export async function loadSource(spec: PartSpec, loader: PluginLoader) {
  return load<SourceConnector>(spec, loader, (plugin) => plugin.sources)
}

export async function loadSink(spec: PartSpec, loader: PluginLoader) {
  return load<SinkConnector>(spec, loader, (plugin) => plugin.sinks)
}

/** The transforms of a chain, with their predicates, in order. */
export async function createSteps(steps: readonly StepSpec[], loader: PluginLoader): Promise<readonly ChainStep[]> {
  const created: ChainStep[] = []
  for (const { alias, transform, predicate, negate } of steps) {
    const { part, config } = await load(transform, loader, (plugin) => plugin.transforms)
    const step = { name: alias, transform: part.create(config) }
    if (predicate === null) {
      created.push(step)
      continue
    }
    const test = await load(predicate.part, loader, (plugin) => plugin.predicates)
    created.push({ ...step, predicate: test.part.create(test.config), negate })
  }
  return created
}

export async function createConverters(specs: TaskSpec['converters'], loader: PluginLoader): Promise<TaskContext['converters']> {
  const create = async (use: 'key' | 'value' | 'header'): Promise<Converter> => {
    const spec = specs[use]
    if (spec === null) return missingConverter(use)
    const { part, config } = await load(spec, loader, (plugin) => plugin.converters)
    return part.create(config, use)
  }
  return { key: await create('key'), value: await create('value'), header: await create('header') }
}

export interface Ends {
  readonly source: SourceTask
  readonly sink: SinkTask
}

/** Both ends of a task. If the second cannot be created, the first is disposed. */
export async function createEnds(spec: TaskSpec, loader: PluginLoader, context: { source: TaskContext; sink: TaskContext }): Promise<Ends> {
  const source = await loadSource(spec.source, loader)
  const sink = await loadSink(spec.sink, loader)
  const sourceTask = await source.part.create(source.config, context.source)
  try {
    return { source: sourceTask, sink: await sink.part.create(sink.config, context.sink) }
  } catch (error) {
    await sourceTask[Symbol.asyncDispose]()
    throw error
  }
}

/** Stands where no converter is configured; an end that speaks bytes learns what to set. */
function missingConverter(use: 'key' | 'value' | 'header'): Converter {
  const fail = (): never => {
    const key = `${use}.converter`
    const message = `Missing required configuration "${key}": this connector speaks bytes, and neither it nor the worker names a converter.`
    throw new ConfigError([{ key, value: null, message }])
  }
  return { serialize: fail, deserialize: fail }
}
