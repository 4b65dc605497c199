import { InvalidArgumentError, Option, type Command } from 'commander'
import { withClient } from '../client-options.ts'
import type { InstallOptions } from './install.ts'
import type { RemoveOptions } from './remove.ts'
import type { UpgradeOptions } from './upgrade.ts'

const wants = 'package, package@range, or a tarball (.tgz) on this machine'
const collect = (one: string, before: readonly string[]) => [...before, one]

/** Adds install, upgrade, remove and list to `millrace plugin`. */
export function addInstallCommands(plugin: Command): void {
  const dir = () => new Option('--dir <folder>', "folder of installs (default: the worker's plugin.install.path, else ./millrace-plugins)")
  const registry = () => new Option('--registry <url>', 'registry in place of the one that npm is configured for').argParser(registryUrl)

  withClient(plugin.command('install').argument('<package>', wants))
    .description('Install a plugin package, beside other versions of it, while the worker runs. No script of any package is run.')
    .addOption(dir())
    .addOption(registry())
    .action(async (spec: string, options: InstallOptions) => (await import('./install.ts')).installPlugin(spec, options))

  withClient(plugin.command('upgrade').argument('<package>', wants))
    .description('Install the newest version of a package; connectors take it when they are restarted.')
    .option('--connector <name>', 'restart this connector (may be repeated)', collect, [])
    .addOption(dir())
    .addOption(registry())
    .action(async (spec: string, options: UpgradeOptions) => (await import('./upgrade.ts')).upgradePlugin(spec, options))

  withClient(plugin.command('remove').argument('<package>', 'package, or package@version where several are installed'))
    .description('Remove a version of a plugin package that no connector uses.')
    .option('--force', 'even where connectors use it', false)
    .addOption(dir())
    .action(async (spec: string, options: RemoveOptions) => (await import('./remove.ts')).removePlugin(spec, options))

  withClient(plugin.command('list'))
    .description('Plugin packages, their versions, and which connectors use them.')
    .addOption(dir())
    .action(async (options: InstallOptions) => (await import('./list.ts')).listPlugins(options))
}

function registryUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) throw new InvalidArgumentError('an http or https address is needed')
  return text
}
