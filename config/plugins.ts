import datagen from '../connectors/datagen/index.ts'
import delta from '../connectors/delta/index.ts'
import elasticsearch from '../connectors/elasticsearch/index.ts'
import file from '../connectors/file/index.ts'
import http from '../connectors/http/index.ts'
import kafka from '../connectors/kafka/index.ts'
import postgres from '../connectors/postgres/index.ts'
import converters from '../core/converter/plugin.ts'
import { Catalog } from '../core/runtime/plugins/catalog.ts'
import type { PluginModule } from '../core/runtime/registry.ts'
import transforms from '../transforms/index.ts'
import type { WorkerKeys } from './settings.ts'

const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js'

/** Nobody else may take their names; they have the version of their own. */
const own = { package: 'millrace', builtIn: true } as const

/** What every worker has. Their index modules carry definitions only: an end's code and its libraries load in the host that runs it. */
export const builtinPlugins: readonly PluginModule[] = [
  { specifier: at('../connectors/postgres/index'), plugin: postgres, ...own },
  { specifier: at('../connectors/delta/index'), plugin: delta, ...own },
  { specifier: at('../connectors/kafka/index'), plugin: kafka, ...own },
  { specifier: at('../connectors/elasticsearch/index'), plugin: elasticsearch, ...own },
  { specifier: at('../connectors/file/index'), plugin: file, ...own },
  { specifier: at('../connectors/http/index'), plugin: http, ...own },
  { specifier: at('../connectors/datagen/index'), plugin: datagen, ...own },
  { specifier: at('../transforms/index'), plugin: transforms, ...own },
  { specifier: at('../core/converter/plugin'), plugin: converters, ...own },
]

/** What a worker of these settings can run: the built-in plugins, and the packages that it finds. Reads files alone; never throws. */
export function pluginCatalog(keys: WorkerKeys): Catalog {
  const places = {
    plugins: keys.plugins,
    path: keys['plugin.path'],
    installPath: keys['plugin.install.path'],
    workingFolder: process.cwd(),
  }
  return new Catalog(places, builtinPlugins)
}

function at(path: string): string {
  return new URL(path + ending, import.meta.url).href
}
