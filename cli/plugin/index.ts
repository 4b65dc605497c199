import type { Command } from 'commander'
import { addAuthorCommands } from './author-commands.ts'
import { addInstallCommands } from './install-commands.ts'

/** `millrace plugin ...`: everything about plugin packages. Each subcommand is a module of this folder, imported when it is called. */
export function addPluginCommands(program: Command): void {
  const plugin = program.command('plugin').description('Write, test, install and remove plugin packages.')
  addAuthorCommands(plugin)
  addInstallCommands(plugin)
}
