import { parseConfig, type ConfigDef } from '../contract/config-def.ts'
import type { TaskContext } from '../contract/context.ts'
import type { Converter } from '../contract/converter.ts'
import { ConfigError } from '../contract/errors.ts'
import type { Plugin } from '../contract/plugin.ts'
import type { SinkConnector, SinkTask } from '../contract/sink.ts'
import type { SourceConnector, SourceTask } from '../contract/source.ts'
import type { TransformContext } from '../contract/transform.ts'
import type { ChainStep } from './chain.ts'
import { CheckedSink, CheckedSource } from './checked-ends.ts'
import { withMethods } from './plugin-answers.ts'
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
  if (!part) throw notOffered(spec.module, spec.class)
  const { config, issues } = parseConfig(part.config, spec.config)
  if (issues.length > 0) throw new ConfigError(issues)
  return { part, config: config as never }
}

/** The fault of a module whose code has not what its manifest promised. */
export function notOffered(module: string, name: string): Error {
  return new Error(`Module ${module} does not offer ${name}: its manifest is wrong, or it was changed since the worker read it`)
}

export async function loadSource(spec: PartSpec, loader: PluginLoader) {
  return load<SourceConnector>(spec, loader, (plugin) => plugin.sources)
}

export async function loadSink(spec: PartSpec, loader: PluginLoader) {
  return load<SinkConnector>(spec, loader, (plugin) => plugin.sinks)
}

/** The transforms of a chain, with their predicates, in order. */
export async function createSteps(
  steps: readonly StepSpec[],
  loader: PluginLoader,
  task: Omit<TransformContext, 'openSource'>,
): Promise<readonly ChainStep[]> {
  const created: ChainStep[] = []
  for (const { alias, transform, predicate, negate, sources } of steps) {
    const { part, config } = await load(transform, loader, (plugin) => plugin.transforms)
    const context: TransformContext = { ...task, openSource: (name, keys) => openSource(name, sources[name], keys, loader, task) }
    const step = { name: alias, transform: withMethods(part.create(config, context), part.class, 'create', ['apply']) }
    if (predicate === null) {
      created.push(step)
      continue
    }
    const test = await load(predicate.part, loader, (plugin) => plugin.predicates)
    created.push({ ...step, predicate: withMethods(test.part.create(test.config), test.part.class, 'create', ['test']), negate })
  }
  return created
}

/** A source without offsets and converters, for a transform that looks things up in it: it gets keys and values as bytes. */
async function openSource(
  name: string,
  spec: PartSpec | undefined,
  keys: Readonly<Record<string, string>>,
  loader: PluginLoader,
  task: Omit<TransformContext, 'openSource'>,
): Promise<SourceTask> {
  if (!spec) throw new Error(`The transform's definition does not list the source "${name}"`)
  const { part, config } = await loadSource({ ...spec, config: { ...spec.config, ...keys } }, loader)
  const source = await part.create(config, {
    ...task,
    task: 0, // Every task that looks things up sees all of them: a source that deals partitions by number gives this one its all.
    generation: 0,
    converters: { key: asBytes, value: asBytes, header: asBytes },
    reject: (_record, error) => Promise.reject(error),
    report: () => {},
  })
  await source.open(undefined)
  return source
}

const asBytes: Converter = {
  writes: 'bytes',
  serialize: (_topic, { value }) => value as Uint8Array | null,
  deserialize: (_topic, bytes) => ({ schema: null, value: bytes }),
}

/** Closes what transforms opened, at the end of the task. */
export function disposing(steps: readonly ChainStep[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      for (const { transform } of steps) await transform[Symbol.asyncDispose]?.()
    },
  }
}

export async function createConverters(specs: TaskSpec['converters'], loader: PluginLoader): Promise<TaskContext['converters']> {
  const create = async (use: 'key' | 'value' | 'header'): Promise<Converter> => {
    const spec = specs[use]
    if (spec === null) return missingConverter(use)
    const { part, config } = await load(spec, loader, (plugin) => plugin.converters)
    return withMethods(part.create(config, use), part.class, 'create', ['serialize', 'deserialize'])
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
  const sourceTask = new CheckedSource(await source.part.create(source.config, context.source), source.part.class)
  try {
    return { source: sourceTask, sink: new CheckedSink(await sink.part.create(sink.config, context.sink), sink.part.class) }
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
