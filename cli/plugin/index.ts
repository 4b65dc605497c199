import type { Command } from 'commander'

/** `millrace plugin ...`: everything about plugin packages. Each subcommand is a module of this folder, imported when it is called. */
export function addPluginCommands(program: Command): void {
  program.command('plugin').description('Write, test, install and remove plugin packages.')
}
