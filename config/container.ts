import { readFileSync } from 'node:fs'
import { createServer, type RestServer } from '../core/rest/server.ts'
import { ConfigProviders } from '../core/runtime/config-providers.ts'
import { Loggers } from '../core/runtime/loggers.ts'
import type { LevelName } from '../core/runtime/protocol.ts'
import type { Catalog } from '../core/runtime/plugins/catalog.ts'
import { Worker } from '../core/runtime/worker.ts'
import { SqliteStore } from '../core/store/sqlite.ts'
import { clientSettings, taskDefaults, type WorkerSettings } from './settings.ts'

/** A worker's parts, each once. Connectors and tasks are made by their plugins, never here. */
export interface WorkerParts {
  readonly loggers: Loggers
  readonly worker: Worker
  readonly server: RestServer
}

/**
 * The composition root: the only place that knows which class stands for which part. Wired by hand: a container library did the same in as
 * many lines for 15 MB and a quarter of the start-up time. Rejects where a setting is wrong, and where another worker holds the store.
 */
export async function createParts(settings: WorkerSettings, catalog: Catalog): Promise<WorkerParts> {
  const { keys } = settings
  const loggers = new Loggers({ level: keys['log.level'].toUpperCase() as LevelName })
  const providers = new ConfigProviders(settings.raw)
  const { registry } = catalog
  const store = new SqliteStore(keys['store.path'])
  const worker = new Worker({
    store,
    registry,
    catalog,
    loggers,
    resolve: (config) => providers.resolve(config),
    hosting: keys['host.mode'] as 'process' | 'shared' | 'inline',
    sharedHosts: keys['host.shared.processes'],
    defaults: taskDefaults(settings),
    clients: clientSettings(settings),
    deadLetters: keys['errors.deadletterqueue.path'],
  })
  try {
    const server = await createServer({
      control: worker,
      registry,
      validate: (config) => worker.validate(config),
      loggers,
      identity: { ...identity(), clusterId: store.id },
      log: loggers.logger('millrace.rest'),
      settings: restSettings(settings),
    })
    return { loggers, worker, server }
  } catch (error) {
    await worker.close()
    throw error
  }
}

function restSettings({ keys, raw }: WorkerSettings) {
  const advertisedHost = keys['rest.advertised.host.name']
  return {
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
  }
}

/** The package's version; the commit where the build recorded one. */
function identity(): { readonly version: string; readonly commit: string } {
  const place = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  const { version, gitHead } = JSON.parse(readFileSync(new URL(place, import.meta.url), 'utf8')) as { version: string; gitHead?: string }
  return { version, commit: gitHead?.slice(0, 16) ?? 'unknown' }
}
