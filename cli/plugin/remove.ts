import { FailedError, UsageError } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import type { InstalledPlugin } from './install-folder.ts'
import { installFolder, type InstallOptions } from './install.ts'
import { isVersion, nameFault } from './package-spec.ts'
import { segment } from '../rest-client.ts'
import { findWorker, refreshPlugins, type PluginWorker } from './worker-plugins.ts'

export interface RemoveOptions extends InstallOptions {
  readonly force: boolean
}

/** `millrace plugin remove NAME[@VERSION]`: refused while a connector uses the version, unless it is forced. */
export async function removePlugin(text: string, options: RemoveOptions): Promise<void> {
  const at = text.indexOf('@', 1)
  const [name, version] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
  const fault = nameFault(name) ?? (version !== undefined && !isVersion(version) ? `"${version}" is no version such as 1.2.3` : undefined)
  if (fault) throw new UsageError(`Cannot remove "${text}": ${fault}.`)
  const worker = await findWorker(options)
  const folder = installFolder(options, worker)
  const installed = theOne(folder.versions(name), name, version, folder.path)
  const users = usersOf(installed, worker)
  if (users.length > 0 && !options.force) {
    throw new FailedError(
      `${name} ${installed.version} was not removed: ${users.join(', ')} ${users.length === 1 ? 'uses' : 'use'} it. Move ${users.length === 1 ? 'it' : 'them'} to another version or delete ${users.length === 1 ? 'it' : 'them'} first, or give --force: tasks that run go on until they are restarted.`,
    )
  }
  if (worker?.installPath === folder.path) {
    await worker.client.call(
      'DELETE',
      `/api/v1/plugins/${segment(name)}/${segment(installed.version)}${options.force ? '?force=true' : ''}`,
    )
  } else {
    folder.remove(installed)
    if (worker) await refreshPlugins(worker.client)
  }
  folder.sweep()
  if (options.output === 'json') return printJson({ name, version: installed.version, folder: installed.folder, usedBy: users })
  printLines([`Removed: ${name} ${installed.version}`])
  if (!worker) note('No worker answers, so nobody could say whether a connector needs it.')
}

function theOne(versions: readonly InstalledPlugin[], name: string, version: string | undefined, folder: string): InstalledPlugin {
  const wanted = version === undefined ? versions : versions.filter((one) => one.version === version)
  if (wanted.length === 1) return wanted[0]!
  const all = versions.map((one) => one.version).join(', ')
  if (versions.length === 0) throw new FailedError(`${name} is not installed in ${folder}.`)
  if (wanted.length === 0) throw new FailedError(`${name} ${version} is not installed in ${folder}; there are: ${all}.`)
  throw new UsageError(
    `Several versions of ${name} are installed: ${all}. Say which: millrace plugin remove ${name}@${versions[0]!.version}`,
  )
}

function usersOf({ name, version }: InstalledPlugin, worker: PluginWorker | undefined): readonly string[] {
  return worker?.packages.find((one) => one.name === name && one.version === version)?.usedBy ?? []
}
