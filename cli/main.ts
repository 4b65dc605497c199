import { Command, InvalidArgumentError, Option } from 'commander'
import { readFileSync } from 'node:fs'
import type { DemoOptions } from './demo/main.ts'
import { addPluginCommands } from './plugin/index.ts'
import type { PreviewOptions } from './preview.ts'
import { restClient, type RestClient } from './rest-client.ts'

/** The `millrace` command. Exit codes: 0 done, 1 it failed, 2 it was called or configured wrongly. */
async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('millrace')
    .description('Moves data between systems behind the Kafka Connect REST API.')
    .version(version(), '-v, --version')
    .showHelpAfterError()

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

  const url = ['--url <url>', 'address of the worker', process.env['MILLRACE_URL'] ?? 'http://127.0.0.1:8083'] as const
  program
    .command('top')
    .description('Connectors and their tasks, live: rows/s, snapshot, lag.')
    .option(...url)
    .option('--once', 'print one picture and exit', false)
    .action(async (options: { url: string; once: boolean }) => (await import('./top.ts')).top(restClient(options.url), options))

  program
    .command('preview')
    .description('Show what transforms do to records, step by step; nothing is written. Exits with 1 where a record is rejected.')
    .argument('[config]', 'connector config, or only its transforms: JSON or Java properties')
    .argument('[samples]', 'sample records: JSON, or a record on each line')
    .option(...url)
    .option('--connector <name>', 'take the config of this connector; [config] is laid over it')
    .option('--live <n>', 'read this many records from the source in place of samples', positive)
    .option('--dead-letters <n>', "take this many of the connector's newest dead letters in place of samples", positive)
    .option('--timeout <ms>', 'how long it may take', positive, 5000)
    .addOption(new Option('--output <format>', 'text or json').choices(['text', 'json']).default('text'))
    .option('--local', 'without a worker, on this machine', false)
    .option('--settings <file>', 'worker settings for --local: plugins, config providers, Kafka')
    .action(async (config: string | undefined, samples: string | undefined, options: PreviewOptions & { url: string }) => {
      const { preview } = await import('./preview.ts')
      await preview(restClient(options.url), config, samples, options)
    })

  const call = (
    name: string,
    description: string,
    act: (client: RestClient, argument: string) => Promise<unknown>,
    argument = '<connector>',
  ) =>
    program
      .command(name)
      .description(description)
      .argument(argument)
      .option(...url)
      .action(async (given: string, options: { url: string }) => print(await act(restClient(options.url), given)))
  const path = (name: string, rest = '') => `/connectors/${encodeURIComponent(name)}${rest}`

  program
    .command('list')
    .description('Names of the connectors.')
    .option(...url)
    .action(async (options: { url: string }) => print(await restClient(options.url).call('GET', '/connectors')))
  call('apply', 'Create the connector that a file describes, or change it to that.', (client, file) => apply(client, file), '<file>')
  call('status', 'States of a connector and its tasks.', (client, name) => client.call('GET', path(name, '/status')))
  call('config', 'Config of a connector.', (client, name) => client.call('GET', path(name, '/config')))
  call('offsets', 'Where a connector stands.', (client, name) => client.call('GET', path(name, '/offsets')))
  call('pause', 'Pause a connector; its tasks stay.', (client, name) => client.call('PUT', path(name, '/pause')))
  call('resume', 'Resume a paused or stopped connector.', (client, name) => client.call('PUT', path(name, '/resume')))
  call('stop', 'Stop a connector; its tasks end.', (client, name) => client.call('PUT', path(name, '/stop')))
  call('restart', 'Restart a connector and all its tasks.', (client, name) => client.call('POST', path(name, '/restart?includeTasks=true')))
  call('delete', 'Delete a connector; its offsets stay.', (client, name) => client.call('DELETE', path(name)))

  addPluginCommands(program)
  await program.parseAsync(argv)
}

async function apply(client: RestClient, file: string): Promise<unknown> {
  const { readConnectorFile } = await import('../config/settings.ts')
  const { name, config } = readConnectorFile(file)
  return client.call('PUT', `/connectors/${encodeURIComponent(name)}/config`, config)
}

function print(answer: unknown): void {
  if (answer !== undefined) process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}

function collectSetting(text: string, before: Record<string, string>): Record<string, string> {
  const at = text.indexOf('=')
  if (at <= 0) throw new InvalidArgumentError('write it as key=value')
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) }
}

function positive(text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number <= 0) throw new InvalidArgumentError('a whole number above 0 is needed')
  return number
}

function version(): string {
  const folder = import.meta.url.endsWith('.ts') ? '../package.json' : '../../package.json'
  return (JSON.parse(readFileSync(new URL(folder, import.meta.url), 'utf8')) as { version: string }).version
}

try {
  await main(process.argv)
} catch (error) {
  const { name, message, stack, cause } = error as Error
  if (['RestError', 'ConfigError', 'StartError', 'BadRequestError', 'PreviewBrokenError'].includes(name))
    process.stderr.write(`millrace: ${message}\n`)
  else process.stderr.write(`millrace: ${stack ?? String(error)}\n`)
  process.exitCode = name === 'ConfigError' || (cause as Error | undefined)?.name === 'ConfigError' ? 2 : 1
}
