import { printJson, printLines } from '../output/print.ts'
import { table } from '../output/table.ts'
import { readPackage } from '../../core/runtime/plugins/plugin-package.ts'
import { installFolder, type InstallOptions } from './install.ts'
import { findWorker, type WorkerPackage } from './worker-plugins.ts'

/** `millrace plugin list`: the packages that the worker knows, and who uses them; without a worker those of the folder of installs. */
export async function listPlugins(options: InstallOptions): Promise<void> {
  const worker = options.dir === undefined ? await findWorker(options) : undefined
  const packages = worker ? worker.packages : inFolder(options)
  if (options.output === 'json') return printJson({ worker: worker?.client.url ?? null, packages })
  const rows = packages.map(({ name, version, parts, usedBy, fault }) => [
    name,
    version,
    parts.map((part) => `${part.kind} ${part.class}`).join(', '),
    usedBy.join(', '),
    fault === '' ? 'ok' : fault,
  ])
  printLines(rows.length === 0 ? [] : table(['NAME', 'VERSION', 'OFFERS', 'USED BY', 'STATE'], rows))
}

function inFolder(options: InstallOptions): readonly WorkerPackage[] {
  return installFolder(options, undefined)
    .list()
    .map(({ name, version, folder, root }) => {
      const { parts, fault } = readPackage(root, 'installed')
      const shown = (parts ?? []).map((part) => ({ kind: part.kind, class: part.class }))
      return { name, version, folder, parts: shown, fault: fault ?? '', usedBy: [] }
    })
}
