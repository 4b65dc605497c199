import { ConfigError, type Logger } from '../core/index.ts'
import { createParts } from './container.ts'
import { pluginCatalog } from './plugins.ts'
import type { WorkerSettings } from './settings.ts'

/** A worker that runs. */
export interface RunningWorker {
  /** Addresses of its REST API, real ports in them. */
  readonly urls: readonly string[]
  readonly log: Logger
  /** Creates the connector, or changes it to this config; a ConfigError names every fault. */
  apply(name: string, config: Readonly<Record<string, string>>): Promise<void>
  /** Drains all tasks within the graceful timeout, then closes the REST API and the store. */
  close(): Promise<void>
}

/** Starts a worker: stores, REST API, then the connectors of its last run. Rejects where a setting is wrong, the store is taken or a port is in use. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { loggers, worker, server } = await createParts(settings, pluginCatalog(settings.keys))
  const log = loggers.logger('millrace.worker')
  for (const key of settings.unknown) log.warn({ key }, `Nothing reads the worker setting "${key}"`)
  try {
    // Before anybody can ask for a connector: who asks the moment that a port answers is not told that its class is unknown.
    await worker.prepare()
    const urls = await server.listen()
    worker.workerId = workerId(settings, urls)
    await worker.start()
    log.info({ urls }, `Listening on ${urls.join(', ')}`)
    return {
      urls,
      log,
      apply: async (name, config) => void (await worker.put(name, config)),
      close: async () => {
        await worker.close()
        await server.close()
      },
    }
  } catch (error) {
    await worker.close()
    await server.close()
    throw error
  }
}

/** `host:port` as statuses show it: advertised where the settings say so, else the first listener's. */
function workerId({ keys }: WorkerSettings, urls: readonly string[]): string {
  const first = urls[0]
  if (first === undefined)
    throw new ConfigError([{ key: 'listeners', message: 'Invalid value [] for configuration listeners: at least one address is needed' }])
  const { hostname, port } = new URL(first)
  return `${keys['rest.advertised.host.name'] ?? hostname}:${keys['rest.advertised.port'] ?? port}`
}
