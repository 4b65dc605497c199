import { Option, type Command } from 'commander'
import { duration, natural, withClient, type ClientOptions } from './client-options.ts'
import type { ApplyOptions } from './commands/apply.ts'
import type { CreateOptions } from './commands/create.ts'
import type { LoggerOptions } from './commands/loggers.ts'
import type { OffsetChangeOptions } from './commands/offsets.ts'
import type { PluginOptions } from './commands/plugins.ts'
import type { RestartOptions, StateOptions } from './commands/states.ts'
import type { StatusOptions } from './commands/status.ts'

type Names = readonly string[]
const waitOption = [
  '--wait <time>',
  'until it runs (or is in its state), such as 30s; exits with 1 and the trace when it fails',
  duration,
] as const
const filesText = 'JSON or Java properties; a folder: all in it and below; -: standard input'

/** The verbs that ask a worker about connectors, or change them: ours or Kafka Connect's. */
export function addConnectorCommands(program: Command): void {
  addReading(program)
  addFiles(program)
  addStates(program)
  addOffsets(program)
}

function addReading(program: Command): void {
  withClient(program.command('get'))
    .description('List things: connectors, plugins, loggers, worker; or of one connector its offsets, config, topics.')
    .argument('<kind>', 'connectors, plugins, loggers, worker, offsets, config or topics')
    .argument('[name]', 'one of them; for offsets, config and topics: the connector')
    .option('--all', 'with plugins: transforms, predicates and converters, too')
    .action(async (kind: string, name: string | undefined, options: PluginOptions) => {
      const { get } = await import('./commands/get.ts')
      await get(kind, name, options)
    })
  withClient(program.command('list'))
    .description('Names of the connectors, one a line.')
    .action(async (options: ClientOptions) => (await import('./commands/get.ts')).list(options))
  withClient(program.command('status'))
    .description('States of all connectors, or of some with their tasks and why they failed. Exits with 1 where something is FAILED.')
    .argument('[connector...]', 'connectors')
    .option('-w, --watch', 'again every two seconds, until interrupted')
    .action(async (names: Names, options: StatusOptions) => (await import('./commands/status.ts')).status(names, options))
  withClient(program.command('describe'))
    .description('Everything about a connector, or the settings of a plugin class.')
    .argument('<kind-or-connector>', 'connector or plugin; or straight the name of a connector')
    .argument('[name]', 'of the connector, or the class')
    .action(async (kind: string, name: string | undefined, options: ClientOptions) => {
      const { describe } = await import('./commands/describe.ts')
      await describe(kind, name, options)
    })
  withClient(program.command('config'))
    .description('Config of a connector, as JSON that `apply` takes.')
    .argument('<connector>', 'connector')
    .action(async (name: string, options: ClientOptions) => (await import('./commands/get.ts')).config(name, options))
  withClient(program.command('plugins'))
    .description('Connector classes that the worker can run; with a class, its settings.')
    .argument('[class]', 'class')
    .option('--all', 'transforms, predicates and converters, too')
    .action(async (name: string | undefined, options: PluginOptions) => (await import('./commands/plugins.ts')).plugins(name, options))
  withClient(program.command('loggers'))
    .description('Log levels of the worker; with a name and a level, sets one.')
    .argument('[logger]', 'logger')
    .argument('[level]', 'trace, debug, info, warn, error or off')
    .option('--cluster', 'set it on all workers of a cluster')
    .action(async (name: string | undefined, level: string | undefined, options: LoggerOptions) => {
      const { loggers } = await import('./commands/loggers.ts')
      await loggers(name, level, options)
    })
}

function addFiles(program: Command): void {
  withClient(program.command('create'))
    .description('Create connectors from files. All are validated first; where one exists nothing is created, and the exit code is 1.')
    .argument('<file...>', filesText)
    .addOption(new Option('--state <state>', 'in which they begin').choices(['running', 'paused', 'stopped']))
    .option(...waitOption)
    .action(async (files: Names, options: CreateOptions) => (await import('./commands/create.ts')).create(files, options))
  withClient(program.command('apply'))
    .description(
      'Make the worker equal to files: create what is missing, change what differs. All are validated before anything is changed.',
    )
    .argument('<file...>', filesText)
    .option('-n, --dry-run', 'print the difference and change nothing; exits with 1 where there is one')
    .option('--prune', 'delete connectors that the folder does not have (at a terminal it asks first)')
    .option('-y, --yes', 'do not ask')
    .option(...waitOption)
    .action(async (files: Names, options: ApplyOptions) => (await import('./commands/apply.ts')).apply(files, options))
  withClient(program.command('validate'))
    .description('Have the worker check configs; prints every fault, and exits with 2 where there is one.')
    .argument('<file...>', filesText)
    .action(async (files: Names, options: ClientOptions) => (await import('./commands/validate.ts')).validate(files, options))
}

function addStates(program: Command): void {
  const verb = (name: 'pause' | 'resume' | 'stop', description: string) =>
    withClient(program.command(name))
      .description(description)
      .argument('<connector...>', 'connectors')
      .option(...waitOption)
      .action(async (names: Names, options: StateOptions) => (await import('./commands/states.ts'))[name](names, options))
  verb('pause', 'Pause connectors; their tasks stay.')
  verb('resume', 'Resume paused or stopped connectors.')
  verb('stop', 'Stop connectors; their tasks end.')
  withClient(program.command('restart'))
    .description('Restart connectors and all their tasks.')
    .argument('<connector...>', 'connectors')
    .option('--task <n>', 'this task alone', natural)
    .option('--only-failed', 'only what is FAILED')
    .option(...waitOption)
    .action(async (names: Names, options: RestartOptions) => (await import('./commands/states.ts')).restart(names, options))
  withClient(program.command('delete'))
    .description('Delete connectors; their offsets stay.')
    .argument('<connector...>', 'connectors')
    .action(async (names: Names, options: ClientOptions) => (await import('./commands/states.ts')).remove(names, options))
}

function addOffsets(program: Command): void {
  const offsets = program.command('offsets').description('Where a connector stands: show, set, reset.')
  withClient(offsets.command('show', { isDefault: true }))
    .description('Print them. `millrace offsets <connector>` does the same.')
    .argument('<connector>', 'connector')
    .action(async (name: string, options: ClientOptions) => (await import('./commands/offsets.ts')).showOffsets(name, options))
  withClient(offsets.command('set'))
    .description('Set them from a file. The connector must be stopped.')
    .argument('<connector>', 'connector')
    .argument('<file>', 'JSON as `offsets show --output json` prints it; a null offset forgets its partition; -: standard input')
    .option('--stop', 'stop the connector for it, and bring it back')
    .action(async (name: string, file: string, options: OffsetChangeOptions) => {
      const { setOffsets } = await import('./commands/offsets.ts')
      await setOffsets(name, file, options)
    })
  withClient(offsets.command('reset'))
    .description('Forget them: the connector begins anew. It must be stopped.')
    .argument('<connector>', 'connector')
    .option('--stop', 'stop the connector for it, and bring it back')
    .option('-y, --yes', 'do not ask')
    .action(async (name: string, options: OffsetChangeOptions) => (await import('./commands/offsets.ts')).resetOffsets(name, options))
}
