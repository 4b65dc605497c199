import type { Plugin } from '../../contract/plugin.ts'
import type { Registry } from '../registry.ts'
import { contractApi } from './api-range.ts'

/** Imports the plugin that a module exports as default. Runs foreign code: for hosts, and for what runs inline. */
export async function importPlugin(module: string): Promise<Plugin> {
  const imported = (await import(module).catch((error: unknown) => {
    throw new Error(`Plugin module ${module} could not be imported: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  })) as { readonly default?: Plugin }
  if (!imported.default) throw new Error(`Module ${module} has no default export: a plugin exports definePlugin({...}) as default`)
  const { api } = imported.default
  if (api !== contractApi) {
    const offered = `this Millrace offers version ${contractApi}`
    throw new Error(`The code of plugin module ${module} works with version ${String(api)} of the plugin contract; ${offered}`)
  }
  return imported.default
}

/** For tasks that run in the worker's own process: the plugin of a module that the registry knows, imported where only its manifest is here. */
export async function pluginOf(module: string, registry: Registry): Promise<Plugin> {
  const known = registry.module(module)
  return known && 'plugin' in known ? known.plugin : importPlugin(module)
}
