import { Command, InvalidArgumentError, Option } from 'commander'
import { readFileSync } from 'node:fs'
import { clientOf, positive, withUrl, type ClientOptions } from './client-options.ts'
import { addConnectorCommands } from './connector-commands.ts'
import type { DemoOptions } from './demo/main.ts'
import { addPluginCommands } from './plugin/index.ts'
import type { PreviewOptions } from './preview.ts'

/** The whole command line as data: verbs, arguments, options. What a verb does is imported when it is called. */
export function createProgram(): Command {
  const program = new Command('millrace')
    .description('Moves data between systems behind the Kafka Connect REST API.')
    .version(version(), '-v, --version')
    // Inherited by every verb: main.ts decides about the exit code.
    .exitOverride()
    .showHelpAfterError('(--help shows how it is called)')
    .addHelpText(
      'after',
      '\nExit codes: 0 done; 1 it failed, or something is FAILED, or a dry run found something to do; 2 called wrongly, or a wrong file or config; 3 no worker to be reached.',
    )

  program
    .command('worker')
    .description('Run a worker in the foreground.')
    .argument('[settings]', 'worker settings: JSON or Java properties')
    .argument('[connectors...]', 'connector configs to create at start: JSON or Java properties, as with connect-standalone')
    .option('-s, --set <key=value>', 'override one setting (may be repeated)', collectSetting, {})
    .action(async (settings: string | undefined, connectors: readonly string[], options: { set: Record<string, string> }) => {
      const { runWorker } = await import('./worker.ts')
      await runWorker(settings, connectors, options.set)
    })

  program
    .command('demo')
    .description('Postgres into a Delta lake, live: starts a Postgres, a worker and traffic, and compares the lake with the database.')
    .option('--dir <folder>', 'where the demo lives; run again, it resumes there', './millrace-demo')
    .option('--rate <rows>', 'rows written per second', positive, 400)
    .option('--seconds <n>', 'how long to write', positive, 20)
    .option('--customers <n>', 'size of the shop: customers; all tables together hold about 12 rows for each', positive, 5000)
    .option('--port <n>', 'port of the REST API', positive, 8083)
    .option('--once', 'exit after the verdict instead of running on until Ctrl-C', false)
    .option('--fresh', 'forget what an earlier run left', false)
    .action(async (options: DemoOptions) => (await import('./demo/main.ts')).runDemo(options))

  addConnectorCommands(program)

  withUrl(program.command('top'))
    .description('Connectors and their tasks, live: rows/s, snapshot, lag.')
    .option('--once', 'print one picture and exit', false)
    .action(async (options: Partial<ClientOptions> & { once: boolean }) => (await import('./top.ts')).top(clientOf(options), options))

  withUrl(program.command('preview'))
    .description('Show what transforms do to records, step by step; nothing is written. Exits with 1 where a record is rejected.')
    .argument('[config]', 'connector config, or only its transforms: JSON or Java properties')
    .argument('[samples]', 'sample records: JSON, or a record on each line')
    .option('--connector <name>', 'take the config of this connector; [config] is laid over it')
    .option('--live <n>', 'read this many records from the source in place of samples', positive)
    .option('--dead-letters <n>', "take this many of the connector's newest dead letters in place of samples", positive)
    .option('--timeout <ms>', 'how long it may take', positive, 5000)
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .option('--local', 'without a worker, on this machine', false)
    .option('--settings <file>', 'worker settings for --local: plugins, config providers, Kafka')
    .action(async (config: string | undefined, samples: string | undefined, options: PreviewOptions & Pick<ClientOptions, 'url'>) => {
      const { preview } = await import('./preview.ts')
      await preview(clientOf(options.url === undefined ? {} : { url: options.url }), config, samples, options)
    })

  addPluginCommands(program)

  program
    .command('completion')
    .description('Print a script that completes verbs, options and connectors. For bash: source <(millrace completion bash)')
    .addArgument(program.createArgument('<shell>', 'whose script').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string) => (await import('./completion.ts')).printScript(shell))
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: readonly string[]) => (await import('./completion.ts')).complete(program, words))
  return program
}

function collectSetting(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('write it as key=value')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

function version(): string {
  const folder = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  return (JSON.parse(readFileSync(new URL(folder, import.meta.url), 'utf8')) as { version: string }).version
}
