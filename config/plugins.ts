import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import datagen from '../connectors/datagen/index.ts'
import delta from '../connectors/delta/index.ts'
import elasticsearch from '../connectors/elasticsearch/index.ts'
import file from '../connectors/file/index.ts'
import http from '../connectors/http/index.ts'
import kafka from '../connectors/kafka/index.ts'
import postgres from '../connectors/postgres/index.ts'
import converters from '../core/converter/plugin.ts'
import type { Plugin } from '../core/index.ts'
import type { PluginModule } from '../core/runtime/registry.ts'
import transforms from '../transforms/index.ts'
import type { WorkerKeys } from './settings.ts'

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** What every worker has. Their index modules carry definitions only: an end's code and its libraries load in the host that runs it. */
export const builtinPlugins: readonly PluginModule[] = [
  { specifier: at('../connectors/postgres/index'), plugin: postgres },
  { specifier: at('../connectors/delta/index'), plugin: delta },
  { specifier: at('../connectors/kafka/index'), plugin: kafka },
  { specifier: at('../connectors/elasticsearch/index'), plugin: elasticsearch },
  { specifier: at('../connectors/file/index'), plugin: file },
  { specifier: at('../connectors/http/index'), plugin: http },
  { specifier: at('../connectors/datagen/index'), plugin: datagen },
  { specifier: at('../transforms/index'), plugin: transforms },
  { specifier: at('../core/converter/plugin'), plugin: converters },
]

/** A plugin that could not be taken, for the log: the worker starts without it. */
export interface PluginFault {
  readonly name: string
  readonly message: string
}

/** Imports the plugins that the settings name. One that fails to load costs only its own connectors. */
export async function loadPlugins(
  keys: WorkerKeys,
): Promise<{ readonly modules: readonly PluginModule[]; readonly faults: readonly PluginFault[] }> {
  const names = [...keys.plugins, ...keys['plugin.path'].flatMap(packagesIn)]
  const loaded = await Promise.all(names.map(load))
  return {
    modules: [...builtinPlugins, ...loaded.flatMap((one) => ('plugin' in one ? [one] : []))],
    faults: loaded.flatMap((one) => ('message' in one ? [one] : [])),
  }
}

async function load(name: string): Promise<PluginModule | PluginFault> {
  try {
    const specifier = pathToFileURL(createRequire(resolve('package.json')).resolve(/^[./]/.test(name) ? resolve(name) : name)).href
    const { default: plugin } = (await import(specifier)) as { default?: Plugin }
    if (plugin?.api !== 1) return { name, message: `Plugin ${name} has no default export made by definePlugin` }
    return { specifier, plugin }
  } catch (error) {
    return { name, message: `Plugin ${name} could not be loaded: ${(error as Error).message}` }
  }
}

/** A folder of `plugin.path`: a package itself, or the packages in it. Java archives and other folders in it are passed over. */
function packagesIn(folder: string): readonly string[] {
  const root = resolve(folder)
  if (existsSync(join(root, 'package.json'))) return [root]
  if (!existsSync(root)) return []
  return readdirSync(root)
    .map((name) => join(root, name))
    .filter((path) => isPlugin(join(path, 'package.json')))
}

function isPlugin(manifest: string): boolean {
  if (!existsSync(manifest)) return false
  const { keywords, millrace } = JSON.parse(readFileSync(manifest, 'utf8')) as { keywords?: readonly string[]; millrace?: unknown }
  return millrace !== undefined || (keywords ?? []).includes('millrace-plugin')
}

function at(path: string): string {
  return new URL(path + ending, import.meta.url).href
}
