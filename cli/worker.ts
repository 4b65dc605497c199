import { startWorker } from '../config/main.ts'
import { readSettings } from '../config/settings.ts'
import { faultText } from './configs/connector-file.ts'
import { readConfigFiles } from './configs/config-files.ts'
import { UsageError } from './exit.ts'

/** A worker that could not start: its store is taken, its port is in use ... The message says it all to the person who started it. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/**
 * Runs a worker in the foreground until SIGTERM or SIGINT: then it drains and exits 0; a second signal exits at once. Started by another
 * process over a channel, it ends with that process. Rejects, before anything runs, where a file or a setting is wrong.
 */
export async function runWorker(
  file: string | undefined,
  connectors: readonly string[],
  overrides: Readonly<Record<string, string>>,
): Promise<void> {
  const settings = readSettings(file, overrides)
  const { connectors: configs, faults } = readConfigFiles(connectors)
  const early = configs.find(({ state }) => state !== undefined)
  if (early)
    throw new UsageError(`${early.file}: initial_state: a worker starts what it is given; create it with "millrace create" instead`)
  if (faults.length > 0) throw new UsageError(faults.map(faultText).join('\n'))
  const worker = await startWorker(settings).catch((error: unknown) => {
    throw new StartError((error as Error).message, { cause: error })
  })
  let stopping = false
  const stop = (reason: string) => {
    if (stopping) {
      process.exit(1)
    }
    stopping = true
    worker.log.info({ reason }, 'Stopping: tasks drain; a second signal ends them at once')
    worker.close().then(
      () => process.exit(0),
      (error: unknown) => {
        worker.log.error({ err: error }, 'The worker did not stop cleanly')
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', () => stop('SIGTERM'))
  process.on('SIGINT', () => stop('SIGINT'))
  if (process.connected) process.once('disconnect', () => stop('the process that started it is gone'))
  for (const { name, config } of configs) await worker.apply(name, config)
}
