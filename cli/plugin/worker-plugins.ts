import { asObject } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { UsageError } from '../exit.ts'
import { RestError, type RestClient } from '../rest-client.ts'

/** One package that a worker knows, taken or not. */
export interface WorkerPackage {
  readonly name: string
  readonly version: string
  readonly folder: string
  readonly parts: readonly { readonly kind: string; readonly class: string }[]
  /** Why the worker does not offer it; empty: it does. */
  readonly fault: string
  /** Connectors that run with this version, or would. */
  readonly usedBy: readonly string[]
}

/** What a worker says of its plugin packages. */
export interface WorkerPlugins {
  /** Where it looks for installs: absolute, on its machine. */
  readonly installPath: string
  readonly packages: readonly WorkerPackage[]
}

/** A worker of ours that answers. */
export interface PluginWorker extends WorkerPlugins {
  readonly client: RestClient
}

/**
 * The worker that the options name, and its plugins; undefined: none answers, which is told where somebody named one. Throws a UsageError
 * for a worker that is not ours, and for one on another machine unless `--dir` names a folder that both see.
 */
export async function findWorker(options: ClientOptions & { readonly dir?: string }): Promise<PluginWorker | undefined> {
  const client = clientOf(options)
  let plugins: WorkerPlugins
  try {
    plugins = await pluginsOf(client)
  } catch (error) {
    if (!(error instanceof RestError)) throw error
    if (error.status === 0 && options.url === undefined && !process.env['MILLRACE_URL']) return undefined
    if (error.status !== 404) throw error
    throw new UsageError(`The worker at ${client.url} does not install npm plugins: it is another Kafka Connect's, or an older Millrace's`)
  }
  if (options.dir === undefined && !isLocal(client.url)) {
    const text = `The worker at ${client.url} is on another machine, with its plugins in ${plugins.installPath}`
    throw new UsageError(`${text}: run this command there, or name a folder that both see with --dir`)
  }
  return { client, ...plugins }
}

export async function pluginsOf(client: RestClient): Promise<WorkerPlugins> {
  const answer = asObject(await client.call('GET', '/api/v1/plugins'))
  return { installPath: String(answer['installPath'] ?? ''), packages: packagesOf(answer['plugins']) }
}

/** Has the worker look for packages again; what it refuses now. */
export async function refreshPlugins(client: RestClient): Promise<readonly WorkerPackage[]> {
  return packagesOf(asObject(await client.call('POST', '/api/v1/plugins/refresh'))['refused'])
}

function packagesOf(value: unknown): readonly WorkerPackage[] {
  return (Array.isArray(value) ? value : []).map((one) => {
    const { name, version, folder, parts, fault, usedBy } = asObject(one)
    return {
      name: String(name),
      version: typeof version === 'string' ? version : '',
      folder: typeof folder === 'string' ? folder : '',
      fault: typeof fault === 'string' ? fault : '',
      parts: (Array.isArray(parts) ? parts : []).map((part) => ({
        kind: String(asObject(part)['kind']),
        class: String(asObject(part)['class']),
      })),
      usedBy: (Array.isArray(usedBy) ? usedBy : []).map(String),
    }
  })
}

function isLocal(url: string): boolean {
  const { hostname } = new URL(url)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.') || hostname === '0.0.0.0'
}
