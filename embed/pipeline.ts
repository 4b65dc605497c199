import { builtinPlugins } from '../config/plugins.ts'
import { clientSettings, readSettings, taskDefaults } from '../config/settings.ts'
import { BadRequestError } from '../core/contract/errors.ts'
import { ConfigError, type Plugin } from '../core/index.ts'
import { Loggers } from '../core/runtime/loggers.ts'
import { takenName } from '../core/runtime/plugins/catalog.ts'
import { partsOf } from '../core/runtime/plugins/describe.ts'
import { findPackages } from '../core/runtime/plugins/discovery.ts'
import { importPlugin } from '../core/runtime/plugins/import-plugin.ts'
import { Registry, type DescribedModule, type PluginModule } from '../core/runtime/registry.ts'
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
    ...(await Promise.all((options.plugins ?? []).map((plugin, index) => moduleOf(plugin, index, hosting)))),
    ...(options.onRecords
      ? [
          embedded(
            callbackPlugin(options.onRecords, (error) => (thrown = error)),
            -1,
          ),
        ]
      : []),
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
    throw error instanceof BadRequestError ? refusal('connector.class', error.message) : error
  }
  pipeline = new Pipeline(worker, config['name']!, () => thrown)
  pipeline.follow(options.signal)
  return pipeline
}

/** The config as a worker stores it: all values as texts. Throws a ConfigError for a value that is none, and where config and options disagree. */
function configOf(given: Readonly<Record<string, unknown>>, options: RunOptions, hosting: string): Readonly<Record<string, string>> {
  const config: Record<string, string> = { name: 'connector' }
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') config[key] = String(value)
    else throw refusal(key, `Invalid value for configuration ${key}: it is a text, a number or a boolean, not ${shownKind(value)}`)
  }
  const { 'task.hosting': own, 'sink.class': other } = config
  if (own !== undefined) throw refusal('task.hosting', `The option "hosting" says where tasks run: leave out task.hosting (${own})`)
  if (!options.onRecords) return config
  if (hosting === 'process') throw refusal('hosting', 'onRecords is called in this process: it needs hosting "inline"')
  if (other !== undefined) throw refusal('sink.class', `onRecords makes the program the sink: leave out sink.class (${other})`)
  return { ...config, 'sink.class': callbackClass }
}

function refusal(key: string, message: string): ConfigError {
  return new ConfigError([{ key, message }])
}

function shownKind(value: unknown): string {
  if (Array.isArray(value)) return 'a list: write it as one text, its items separated by commas'
  return value === null ? 'null' : `a value of type ${typeof value}`
}

/** A package whose manifest names its parts is not imported before a task needs it. */
async function moduleOf(plugin: Plugin | string, index: number, hosting: string): Promise<PluginModule | DescribedModule> {
  if (typeof plugin !== 'string') {
    // What a program in JavaScript may hand over: a promise, a module in place of its default export.
    if ((plugin as Partial<Plugin> | null)?.api !== 1)
      throw refusal(
        'plugins',
        `Number ${index} of the plugins was not made by definePlugin: is it a promise, or a module in place of its default export?`,
      )
    if (hosting === 'inline') return embedded(plugin, index)
    const wayOut = 'name its package or module path, or use hosting "inline"'
    throw refusal('plugins', `Plugin ${plugin.name} is an object, which a process of its own cannot get: ${wayOut}`)
  }
  const places = { plugins: [plugin], path: [], installPath: './millrace-plugins', workingFolder: process.cwd() }
  const found = findPackages(places).find(({ origin }) => origin === 'setting')
  if (!found?.module || found.fault !== null)
    throw refusal('plugins', `Plugin ${plugin} cannot be taken: ${found?.fault ?? 'it was not found'}`)
  const { module: specifier, parts, name, version } = found
  if (parts === undefined || version === null) return { ...embedded(await importPlugin(specifier), index), specifier }
  const taken = takenName(parts, new Registry(builtinPlugins))
  if (taken !== undefined) throw refusal('plugins', `Plugin ${name} cannot be taken: ${taken}`)
  return { specifier, package: name, version, parts }
}

/** Two may have one name: the number tells them apart. */
function embedded(plugin: Plugin, index: number): PluginModule {
  const fault = takenName(partsOf(plugin), new Registry(builtinPlugins))
  if (fault !== undefined) throw refusal('plugins', `Plugin ${plugin.name} cannot be taken: ${fault}`)
  return { specifier: `embedded:${index}:${plugin.name}`, plugin }
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
