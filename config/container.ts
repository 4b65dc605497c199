import 'reflect-metadata'
import { readFileSync } from 'node:fs'
import { Container, type ServiceIdentifier } from 'inversify'
import { createServer, type RestServer } from '../core/rest/server.ts'
import { ConfigProviders } from '../core/runtime/config-providers.ts'
import { Loggers } from '../core/runtime/loggers.ts'
import type { LevelName } from '../core/runtime/protocol.ts'
import { Registry, type PluginModule } from '../core/runtime/registry.ts'
import { Worker } from '../core/runtime/worker.ts'
import { SqliteStore } from '../core/store/sqlite.ts'
import type { WorkerStore } from '../core/store/store.ts'
import { taskDefaults, type WorkerSettings } from './settings.ts'

/** What the container holds: the worker's singletons, each once. Connectors and tasks are made by their plugins, never here. */
export const parts = {
  settings: Symbol('settings') as ServiceIdentifier<WorkerSettings>,
  modules: Symbol('modules') as ServiceIdentifier<readonly PluginModule[]>,
  registry: Symbol('registry') as ServiceIdentifier<Registry>,
  loggers: Symbol('loggers') as ServiceIdentifier<Loggers>,
  providers: Symbol('providers') as ServiceIdentifier<ConfigProviders>,
  store: Symbol('store') as ServiceIdentifier<WorkerStore>,
  worker: Symbol('worker') as ServiceIdentifier<Worker>,
  server: Symbol('server') as ServiceIdentifier<RestServer>,
}

/**
 * The composition root: the only place that knows which class stands for which part. Classes stay plain; nothing is decorated.
 * Resolving `store` opens the file: it throws where another worker holds it.
 */
export function createContainer(settings: WorkerSettings, modules: readonly PluginModule[]): Container {
  const container = new Container({ defaultScope: 'Singleton' })
  container.bind(parts.settings).toConstantValue(settings)
  container.bind(parts.modules).toConstantValue(modules)
  container.bind(parts.registry).toResolvedValue((list) => new Registry(list), [parts.modules])
  container
    .bind(parts.loggers)
    .toResolvedValue(({ keys }) => new Loggers({ level: keys['log.level'].toUpperCase() as LevelName }), [parts.settings])
  container.bind(parts.providers).toResolvedValue(({ raw }) => new ConfigProviders(raw), [parts.settings])
  container.bind(parts.store).toResolvedValue(({ keys }) => new SqliteStore(keys['store.path']), [parts.settings])
  container.bind(parts.worker).toResolvedValue(createWorker, [parts.settings, parts.store, parts.registry, parts.loggers, parts.providers])
  container.bind(parts.server).toResolvedValue(createRest, [parts.settings, parts.worker, parts.registry, parts.loggers, parts.store])
  return container
}

function createWorker(
  settings: WorkerSettings,
  store: WorkerStore,
  registry: Registry,
  loggers: Loggers,
  providers: ConfigProviders,
): Worker {
  const { keys } = settings
  return new Worker({
    store,
    registry,
    loggers,
    resolve: (config) => providers.resolve(config),
    hosting: keys['host.mode'] as 'process' | 'shared' | 'inline',
    sharedHosts: keys['host.shared.processes'],
    defaults: taskDefaults(settings),
    deadLetters: keys['errors.deadletterqueue.path'],
  })
}

function createRest(
  { keys, raw }: WorkerSettings,
  worker: Worker,
  registry: Registry,
  loggers: Loggers,
  store: WorkerStore,
): Promise<RestServer> {
  const { version, commit } = identity()
  const advertisedHost = keys['rest.advertised.host.name']
  return createServer({
    control: worker,
    registry,
    validate: (config) => worker.validate(config),
    loggers,
    identity: { version, commit, clusterId: store.id },
    log: loggers.logger('millrace.rest'),
    settings: {
      listeners: keys.listeners,
      allowedHosts: keys['rest.allowed.hosts'],
      ...(advertisedHost === undefined ? {} : { advertisedHost }),
      allowedOrigins: keys['access.control.allow.origin'],
      allowedMethods: keys['access.control.allow.methods'],
      responseHeaders: keys['response.http.headers.config'],
      admin: keys['admin.listeners'] === undefined || keys['admin.listeners'].length > 0,
      topicTracking: keys['topic.tracking.enable'],
      topicReset: keys['topic.tracking.allow.reset'],
      https: Object.fromEntries(Object.entries(raw).filter(([key]) => key.startsWith('listeners.https.') || key.startsWith('ssl.'))),
    },
  })
}

/** The package's version; the commit where the build recorded one. */
export function identity(): { readonly version: string; readonly commit: string } {
  const place = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  const { version, gitHead } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string; gitHead?: string }
  return { version, commit: gitHead?.slice(0, 16) ?? 'unknown' }
}
