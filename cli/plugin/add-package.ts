import { realpathSync, rmSync } from 'node:fs'
import type { PartManifest } from '../../core/index.ts'
import { FailedError } from '../exit.ts'
import { note } from '../output/print.ts'
import { checkPackage } from './check-package.ts'
import type { InstalledPlugin, InstallFolder } from './install-folder.ts'
import { nearNames } from './near-names.ts'
import type { PackageSpec } from './package-spec.ts'
import { stagePackage } from './stage-package.ts'
import { refreshPlugins, type PluginWorker } from './worker-plugins.ts'

/** A version that is in the folder of installs and that the worker, if there is one, offers. */
export interface AddedPackage {
  readonly installed: InstalledPlugin
  readonly parts: readonly PartManifest[]
  /** It was there before, and stayed as it was. */
  readonly wasThere: boolean
  /** Packages in it that wanted to run a script when they were installed. */
  readonly scripts: readonly string[]
}

/**
 * Installs a version beside those that are there: fetched, checked and tried in a folder that does not count, then moved to its place in one
 * step, then told to the worker. Whatever fails leaves the folder of installs as it was; the rejection says what failed.
 */
export async function addPackage(
  folder: InstallFolder,
  spec: PackageSpec,
  options: { readonly registry?: string | undefined; readonly worker: PluginWorker | undefined },
): Promise<AddedPackage> {
  folder.sweep()
  if (spec.kind === 'registry') warnOfNearNames(spec.name, folder, options.worker)
  const interrupt = new AbortController()
  const stop = () => interrupt.abort()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  const staged = realpathSync(folder.stage())
  try {
    const { name, root, scripts } = await stagePackage(staged, spec, { registry: options.registry, signal: interrupt.signal })
    const { version, parts, isDescribed } = await checkPackage(name, root)
    if (interrupt.signal.aborted) throw new FailedError('It was interrupted, and nothing was installed.')
    const there = folder.versions(name).find((one) => one.version === version)
    if (there) {
      checkSame(spec, there)
      return { installed: there, parts, wasThere: true, scripts }
    }
    const installed = folder.accept(staged, name, version)
    if (!installed) throw new FailedError(`${name} ${version} was installed by another command meanwhile.`)
    if (options.worker) await offer(folder, installed, options.worker)
    for (const one of scripts) note(`Warning: ${one} wants to run a script when it is installed; it was not run.`)
    if (!isDescribed) {
      note(
        `Note: the manifest of ${name} does not name its parts, so workers run its code when they start; "millrace plugin manifest" writes it.`,
      )
    }
    return { installed, parts, wasThere: false, scripts }
  } finally {
    rmSync(staged, { recursive: true, force: true })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop)
  }
}

/** A version never changes: a tarball that was packed anew needs another. */
function checkSame(spec: PackageSpec, there: InstalledPlugin): void {
  if (spec.kind === 'registry') return
  note(
    `${there.name} ${there.version} is installed already and stays as it is. If the tarball holds other code, give it another version, or first: millrace plugin remove ${there.name}@${there.version}`,
  )
}

/** Has the worker look again; what it does not take is taken back. */
async function offer(folder: InstallFolder, installed: InstalledPlugin, { client, installPath }: PluginWorker): Promise<void> {
  const refused = await refreshPlugins(client).catch((error: Error) => {
    throw new FailedError(
      `${installed.name} ${installed.version} was installed into ${installed.folder}, but the worker could not be told: ${error.message}. It offers it when it starts again.`,
      { cause: error },
    )
  })
  const own = refused.find((one) => one.name === installed.name && one.version === installed.version)
  if (own) {
    folder.remove(installed)
    await refreshPlugins(client)
    throw new FailedError(
      `The worker at ${client.url} refused ${installed.name} ${installed.version}, and it was removed again: ${own.fault}`,
    )
  }
  if (installPath !== folder.path) {
    note(
      `Note: the worker at ${client.url} takes installs from ${installPath}; for it to find ${folder.path}, add that to its plugin.path.`,
    )
  }
}

function warnOfNearNames(name: string, folder: InstallFolder, worker: PluginWorker | undefined): void {
  const known = [...folder.list(), ...(worker?.packages ?? [])].map((one) => one.name)
  const near = nearNames(name, known)
  if (near.length > 0)
    note(`Warning: ${name} is not installed, and differs by one letter from ${near.join(', ')}, which is. Is it the one you mean?`)
}
