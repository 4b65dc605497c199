import { resolve } from 'node:path'
import type { PartManifest } from '../../core/index.ts'
import type { ClientOptions } from '../client-options.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { addPackage } from './add-package.ts'
import { InstallFolder } from './install-folder.ts'
import { readPackageSpec } from './package-spec.ts'
import { findWorker, type PluginWorker } from './worker-plugins.ts'

export interface InstallOptions extends ClientOptions {
  readonly dir?: string
  readonly registry?: string
}

/** Where installs lie when neither the worker nor the caller says: the default of the worker's `plugin.install.path`. */
const defaultFolder = './millrace-plugins'

/** `millrace plugin install`: a package of the registry or a tarball, beside the versions that are there. */
export async function installPlugin(text: string, options: InstallOptions): Promise<void> {
  const spec = readPackageSpec(text)
  const worker = await findWorker(options)
  const folder = installFolder(options, worker)
  const { installed, parts, wasThere, scripts } = await addPackage(folder, spec, { registry: options.registry, worker })
  const { name, version } = installed
  if (options.output === 'json') {
    return printJson({
      name,
      version,
      folder: installed.folder,
      parts: parts.map(shownPart),
      wasThere,
      scripts,
      worker: worker?.client.url ?? null,
    })
  }
  printLines([`${wasThere ? 'Already installed' : 'Installed'}: ${name} ${version} in ${installed.folder}`, ...partLines(parts)])
  note(worker ? `The worker at ${worker.client.url} offers it now.` : 'No worker answers; one that starts here finds it.')
}

/** The folder that the caller names, or the worker's. */
export function installFolder({ dir }: { readonly dir?: string }, worker: PluginWorker | undefined): InstallFolder {
  return new InstallFolder(resolve(dir ?? worker?.installPath ?? defaultFolder))
}

/** "  source com.acme.PollSource (poll)" */
export function partLines(parts: readonly PartManifest[]): readonly string[] {
  return parts.map(
    ({ kind, class: name, aliases }) => `  ${kind} ${name}${aliases && aliases.length > 0 ? ` (${aliases.join(', ')})` : ''}`,
  )
}

function shownPart({ kind, class: name, aliases }: PartManifest): object {
  return { kind, class: name, aliases: aliases ?? [] }
}
