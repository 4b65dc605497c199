import { ConfigProviders } from '../core/runtime/config-providers.ts'
import type { PreviewOrder } from '../core/runtime/control.ts'
import { Loggers } from '../core/runtime/loggers.ts'
import { Registry } from '../core/runtime/registry.ts'
import { Worker } from '../core/runtime/worker.ts'
import { MemoryStore } from '../core/store/memory.ts'
import { loadPlugins } from './plugins.ts'
import { clientSettings, taskDefaults, type WorkerSettings } from './settings.ts'

/**
 * Runs a preview without a worker: with the plugins, config providers and client settings that these worker settings name, in a process of its own.
 * Rejects as `Control.preview` does, and where a plugin cannot be loaded.
 */
export async function previewLocally(order: PreviewOrder, settings: WorkerSettings): Promise<string> {
  const { modules, faults } = await loadPlugins(settings.keys)
  if (faults[0]) throw new Error(faults[0].message)
  const providers = new ConfigProviders(settings.raw)
  await using worker = new Worker({
    store: new MemoryStore(),
    registry: new Registry(modules),
    loggers: new Loggers({ level: 'OFF' }),
    resolve: (config) => providers.resolve(config),
    defaults: taskDefaults(settings),
    clients: clientSettings(settings),
    hostOutput: 'ignore',
  })
  return await worker.preview(order)
}
