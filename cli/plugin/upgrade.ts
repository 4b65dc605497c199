import { setTimeout as sleep } from 'node:timers/promises'
import { asObject, connectorPath, statusOf } from '../answers.ts'
import { compareVersions } from '../../core/runtime/version-range.ts'
import { FailedError, UsageError } from '../exit.ts'
import { segment, type RestClient } from '../rest-client.ts'
import { awaitState } from '../waiting.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { addPackage } from './add-package.ts'
import { installFolder, partLines, type InstallOptions } from './install.ts'
import { readPackageSpec } from './package-spec.ts'
import { findWorker, pluginsOf, type PluginWorker } from './worker-plugins.ts'

export interface UpgradeOptions extends InstallOptions {
  readonly connector: readonly string[]
}

/** How long a connector may take to run with the new version before its restart counts as failed, in milliseconds. */
const restartMs = 60_000
/** How long a connector that failed is looked at for having gone back to its former version, and how often; milliseconds. */
const backMs = 5_000
const lookMs = 250

/**
 * `millrace plugin upgrade NAME[@RANGE]`: installs the newest version of the range beside those that are there, and restarts the connectors
 * that the caller names. The others keep their version until they are restarted.
 */
export async function upgradePlugin(text: string, options: UpgradeOptions): Promise<void> {
  const spec = readPackageSpec(text)
  const worker = await findWorker(options)
  if (!worker && options.connector.length > 0)
    throw new FailedError(`No worker answers that could restart ${options.connector.join(', ')}.`)
  for (const name of options.connector) await statusOf(worker!.client, name)
  const folder = installFolder(options, worker)
  const before = spec.kind === 'registry' ? folder.versions(spec.name) : []
  if (spec.kind === 'registry' && before.length === 0) {
    throw new UsageError(`${spec.name} is not installed in ${folder.path}: millrace plugin install ${spec.name}`)
  }
  const { installed, parts, wasThere, scripts } = await addPackage(folder, spec, { registry: options.registry, worker })
  const { name, version } = installed
  const newer = before.filter((one) => compareVersions(one.version, version) > 0)
  const restarts = worker ? await restartAll(worker, options.connector, installed) : []
  const uses = worker ? await usesOf(worker, name) : []
  const failures = restarts.flatMap(({ connector, fault }) => fault ?? unmoved(connector, installed, uses) ?? [])
  if (options.output === 'json') {
    printJson({ name, version, folder: installed.folder, wasThere, scripts, restarted: options.connector, uses, failures })
  } else {
    printLines([`${wasThere ? 'Up to date' : 'Installed'}: ${name} ${version}`, ...(wasThere ? [] : partLines(parts))])
    printLines(uses.map((one) => `  ${one.connector} uses ${one.version}`))
    if (newer.length > 0)
      note(
        `Note: ${newer.map((one) => one.version).join(', ')} is newer, is installed, too, and is what connectors take that name no version.`,
      )
    const waiting = uses.filter((one) => one.version !== version && !options.connector.includes(one.connector))
    if (waiting.length > 0) note(`Connectors move to ${version} when they are restarted: millrace restart ${waiting[0]!.connector}`)
  }
  if (failures.length > 0) throw new FailedError(failures.join('\n'))
}

/** Which version of the package each connector uses that uses any. */
async function usesOf(
  { client }: PluginWorker,
  name: string,
): Promise<readonly { readonly connector: string; readonly version: string }[]> {
  const { packages } = await pluginsOf(client)
  return packages
    .filter((one) => one.name === name)
    .flatMap(({ version, usedBy }) => usedBy.map((connector) => ({ connector, version })))
    .sort((a, b) => (a.connector < b.connector ? -1 : 1))
}

/** A sentence where a connector runs well after its restart, but not with this version. */
function unmoved(
  connector: string,
  { name, version }: { readonly name: string; readonly version: string },
  uses: readonly { readonly connector: string; readonly version: string }[],
): string | undefined {
  const used = uses.filter((one) => one.connector === connector).map((one) => one.version)
  if (used.includes(version)) return undefined
  const what = used.length === 0 ? `nothing of ${name}` : `${name} ${used.join(', ')}`
  return `Connector ${connector} was restarted and uses ${what}, not ${version}: a *.plugin.version of its config wants that, another version is newer, or ${version} has not the class that it runs`
}

/** Restarts one after the other; each gets its time to run. What went wrong with each, as a sentence. */
async function restartAll(
  { client }: PluginWorker,
  names: readonly string[],
  upgraded: { readonly name: string; readonly version: string },
): Promise<readonly { readonly connector: string; readonly fault: string | undefined }[]> {
  const restarts: { readonly connector: string; readonly fault: string | undefined }[] = []
  for (const name of names) {
    const before = await statusOf(client, name)
    await client.call('POST', connectorPath(name, '/restart?includeTasks=true'))
    const fault = await awaitState(client, name, 'RUNNING', restartMs, before).then(
      () => undefined,
      (error: Error) => error.message,
    )
    const back = await wentBack(client, name, upgraded, fault === undefined ? 0 : backMs)
    restarts.push({ connector: name, fault: back ?? fault })
  }
  return restarts
}

/** A sentence where the connector went back from this version; looked for again until `waitMs` are over. */
async function wentBack(
  client: RestClient,
  connector: string,
  { name, version }: { readonly name: string; readonly version: string },
  waitMs: number,
): Promise<string | undefined> {
  for (const deadline = Date.now() + waitMs; ; await sleep(lookMs)) {
    const went = asObject(asObject(await client.call('GET', `/api/v1/connectors/${segment(connector)}/progress`))['wentBack'])
    const failed = Object.entries(asObject(went['failed'])).find(
      ([, pin]) => asObject(pin)['package'] === name && asObject(pin)['version'] === version,
    )
    if (failed) {
      const to = String(asObject(asObject(went['to'])[failed[0]])['version'])
      return `Connector ${connector} failed with ${name} ${version} and went back to ${to}: ${String(went['reason'])}`
    }
    if (Date.now() >= deadline) return undefined
  }
}
