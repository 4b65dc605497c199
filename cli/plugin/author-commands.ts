import { Argument, InvalidArgumentError, Option, type Command } from 'commander'
import type { DevOptions } from './dev.ts'
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

  plugin
    .command('dev')
    .description('Run the plugin in a worker, and the new code whenever a file is saved.')
    .argument('[config]', 'config of the connector to run; default: connector.json of the package')
    .option(...dir)
    .option(...built)
    .option('--port <n>', 'port of the REST API; 0: any that is free', port, 8083)
    .option('--fresh', 'forget where the connector stood', false)
    .action(async (config: string | undefined, options: DevOptions) => (await import('./dev.ts')).dev(config, options))
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('a port is a number from 0 to 65535')
  return Number(text)
}
