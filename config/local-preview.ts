import { ConfigProviders } from '../core/runtime/config-providers.ts'
import type { PreviewOrder } from '../core/runtime/control.ts'
import { Loggers } from '../core/runtime/loggers.ts'
import { Worker } from '../core/runtime/worker.ts'
import { MemoryStore } from '../core/store/memory.ts'
import { pluginCatalog } from './plugins.ts'
import { clientSettings, taskDefaults, type WorkerSettings } from './settings.ts'

/**
 * Runs a preview without a worker: with the plugins, config providers and client settings that these worker settings name, in a process of its own.
 * Rejects as `Control.preview` does; where a plugin package cannot be taken the error says that, too.
 */
export async function previewLocally(order: PreviewOrder, settings: WorkerSettings): Promise<string> {
  const catalog = pluginCatalog(settings.keys)
  const providers = new ConfigProviders(settings.raw)
  await using worker = new Worker({
    store: new MemoryStore(),
    registry: catalog.registry,
    catalog,
    loggers: new Loggers({ level: 'OFF' }),
    resolve: (config) => providers.resolve(config),
    defaults: taskDefaults(settings),
    clients: clientSettings(settings),
    hostOutput: 'ignore',
  })
  await worker.plugins.complete()
  try {
    return await worker.preview(order)
  } catch (error) {
    const faults = catalog.packages().flatMap(({ name, fault }) => (fault === null ? [] : [`Plugin ${name} was not taken: ${fault}`]))
    if (faults.length > 0 && error instanceof Error) error.message = [error.message, ...faults].join('\n')
    throw error
  }
}
