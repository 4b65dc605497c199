import { Argument, Option, type Command } from 'commander'
import type { TemplateKind } from './new.ts'
import type { TestOptions } from './test.ts'

/** The commands of people who write plugins: `new`, `test`, `manifest` and `dev`. Each module is imported when it is called. */
export function addAuthorCommands(plugin: Command): void {
  const dir = ['--dir <folder>', 'folder of the package', '.'] as const
  const built = ['--built', 'take the module that is published instead of its source', false] as const

  plugin
    .command('new')
    .description('Write a complete plugin package in TypeScript, with tests that pass, into a new folder.')
    .addArgument(new Argument('<kind>', 'what it offers').choices(['source', 'sink', 'transform', 'converter']))
    .argument('<name>', 'name of the package, such as millrace-plugin-acme')
    .option('--dir <folder>', 'the new folder; default: named after the package')
    .action(async (kind: TemplateKind, name: string, options: { dir?: string }) =>
      (await import('./new.ts')).newPlugin(kind, name, options),
    )

  plugin
    .command('test')
    .description("Put the plugin to the contract's laws, in a process of its own, and say what fails, why, and how to mend it.")
    .option(...dir)
    .option(...built)
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .action(async ({ dir: folder, ...options }: TestOptions & { dir: string }) => (await import('./test.ts')).testPlugin(folder, options))

  plugin
    .command('manifest')
    .description('Write package.json#millrace from what the code offers: what a worker lists without running it.')
    .option(...dir)
    .option(...built)
    .option('--check', 'write nothing; exit with 1 where something would be written', false)
    .action(async ({ dir: folder, ...options }: { dir: string; built: boolean; check: boolean }) =>
      (await import('./manifest.ts')).manifest(folder, options),
    )
}
