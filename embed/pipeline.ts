import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { builtinPlugins } from '../config/plugins.ts'
import { clientSettings, readSettings, taskDefaults } from '../config/settings.ts'
import { ConfigError, type Plugin } from '../core/index.ts'
import { Loggers } from '../core/runtime/loggers.ts'
import { Registry, type PluginModule } from '../core/runtime/registry.ts'
import { Worker } from '../core/runtime/worker.ts'
import { MemoryStore } from '../core/store/memory.ts'
import { SqliteStore } from '../core/store/sqlite.ts'
import type { WorkerStore } from '../core/store/store.ts'
import { callbackClass, callbackPlugin } from './callback-sink.ts'
import { Pipeline } from './running-pipeline.ts'
import type { RunningConnector, RunOptions } from './run-connector.ts'

/** `runConnector` itself: a worker of one connector, without its REST API. */
export async function startPipeline(given: Readonly<Record<string, unknown>>, options: RunOptions): Promise<RunningConnector> {
  const hosting = options.hosting ?? 'inline'
  const settings = readSettings(undefined, options.settings)
  const config = configOf(given, options, hosting)
  let thrown: unknown
  const modules = [
    ...builtinPlugins,
    ...(await Promise.all((options.plugins ?? []).map((plugin) => moduleOf(plugin, hosting)))),
    ...(options.onRecords ? [embedded(callbackPlugin(options.onRecords, (error) => (thrown = error)))] : []),
  ]
  const log = options.log
  let pipeline: Pipeline | undefined
  const worker = new Worker({
    store: watched(options.store === undefined ? new MemoryStore() : new SqliteStore(options.store), () => pipeline?.look()),
    registry: new Registry(modules),
    loggers: new Loggers({ level: log ? 'INFO' : 'WARN', destination: { write: log ?? ((line) => void process.stderr.write(line)) } }),
    hosting,
    inlineLog: log ?? ((line) => void process.stderr.write(line)),
    workerId: 'embedded',
    defaults: { 'task.restart.max.attempts': '0', ...taskDefaults(settings) },
    clients: clientSettings(settings),
    deadLetters: settings.keys['errors.deadletterqueue.path'],
  })
  try {
    await worker.start()
    await worker.create(config['name']!, config, 'RUNNING')
  } catch (error) {
    await worker.close()
    throw error
  }
  pipeline = new Pipeline(worker, config['name']!, () => thrown)
  pipeline.follow(options.signal)
  return pipeline
}

/** The config as a worker stores it: all values as texts. Throws a ConfigError for a value that is none, and for a second sink. */
function configOf(given: Readonly<Record<string, unknown>>, options: RunOptions, hosting: string): Readonly<Record<string, string>> {
  const config: Record<string, string> = { name: 'connector' }
  for (const [key, value] of Object.entries(given)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new ConfigError([
        { key, message: `Invalid value for configuration ${key}: it is a text, a number or a boolean, not ${shownKind(value)}` },
      ])
    }
    config[key] = String(value)
  }
  if (!options.onRecords) return config
  if (hosting === 'process')
    throw new ConfigError([{ key: 'task.hosting', message: 'onRecords is called in this process: it needs hosting "inline"' }])
  const other = config['sink.class']
  if (other !== undefined) {
    throw new ConfigError([
      { key: 'sink.class', value: other, message: `onRecords makes the program the sink: leave out sink.class (${other})` },
    ])
  }
  return { ...config, 'sink.class': callbackClass }
}

function shownKind(value: unknown): string {
  if (Array.isArray(value)) return 'a list: write it as one text, its items separated by commas'
  return value === null ? 'null' : `a value of type ${typeof value}`
}

async function moduleOf(plugin: Plugin | string, hosting: string): Promise<PluginModule> {
  if (typeof plugin !== 'string') {
    if (hosting === 'inline') return embedded(plugin)
    const message = `Plugin ${plugin.name} is an object, which a process of its own cannot get: name its package or module path, or use hosting "inline"`
    throw new ConfigError([{ key: 'plugins', value: plugin.name, message }])
  }
  const path = createRequire(resolve('package.json')).resolve(/^[./]/.test(plugin) ? resolve(plugin) : plugin)
  const specifier = pathToFileURL(path).href
  const { default: loaded } = (await import(specifier)) as { readonly default?: Plugin }
  if (loaded?.api === 1) return { specifier, plugin: loaded }
  const message = `Plugin ${plugin} has no default export made by definePlugin`
  throw new ConfigError([{ key: 'plugins', value: plugin, message }])
}

function embedded(plugin: Plugin): PluginModule {
  return { specifier: `embedded:${plugin.name}`, plugin }
}

/** The same store, telling when a status is saved. What it holds of connectors is not started: the program says what runs. */
function watched(store: WorkerStore, onStatus: () => void): WorkerStore {
  const save = store.saveStatus.bind(store)
  const saveStatus: WorkerStore['saveStatus'] = async (...status) => {
    await save(...status)
    onStatus()
  }
  return Object.assign(store, { load: async () => [], saveStatus })
}
