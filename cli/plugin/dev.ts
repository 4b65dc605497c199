import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startWorker, type RunningWorker } from '../../config/main.ts'
import { readSettings } from '../../config/settings.ts'
import { FailedError, UsageError } from '../exit.ts'
import { DevSession } from './dev-session.ts'
import { moduleOf, readOwnPackage, type OwnPackage } from './own-package.ts'
import { onSaved } from './saved-files.ts'

export interface DevOptions {
  readonly dir: string
  /** 0: any free one. */
  readonly port: number
  /** Forget the connector's positions and states of the run before. */
  readonly fresh: boolean
  readonly built: boolean
}

/** How often connectors are looked at for what to tell, in milliseconds. */
const tellMs = 1_000

/**
 * Runs the plugin in a worker with the connector of a config file (default: `connector.json`, where there is one), until SIGINT or SIGTERM. When a source
 * file is saved, the connectors that use the plugin are restarted with the new code; code that cannot be imported is shown, and the code before goes
 * on. When the connector's file is saved, the connector gets the new config. The worker's store and the working folder lie in the package.
 */
export async function dev(config: string | undefined, options: DevOptions): Promise<void> {
  const own = readOwnPackage(options.dir)
  const module = moduleOf(own, options)
  const file = connectorFile(own, config)
  process.chdir(own.folder)
  const store = join(own.folder, 'dev', '.worker')
  if (options.fresh) rmSync(store, { recursive: true, force: true })
  mkdirSync(store, { recursive: true })

  const stopped = stopSignal()
  const session = new DevSession(own, module, file)
  using _watch = onSaved(own.folder, file === undefined ? [] : [file], (paths) => session.saved(paths))
  await Promise.race([session.begin(() => openWorker(own, module, store, options.port)), stopped])
  while (!stopped.aborted()) {
    await Promise.race([sleep(tellMs), stopped])
    if (!stopped.aborted()) await Promise.race([session.look(), stopped])
  }
  await session.end()
  process.exit(0)
}

function openWorker(own: OwnPackage, module: string, store: string, port: number): Promise<RunningWorker> {
  return startWorker(
    readSettings(undefined, {
      listeners: `http://127.0.0.1:${port}`,
      'store.path': join(store, 'millrace.db'),
      'errors.deadletterqueue.path': join(store, 'dead-letters'),
      plugins: `./${relative(own.folder, fileURLToPath(module))}`,
      'log.level': 'warn',
      // What the file sink writes is for people to read.
      'key.converter.schemas.enable': 'false',
      'value.converter.schemas.enable': 'false',
      // A failure stays in sight until the code is mended; saving starts the task again.
      'task.restart.max.attempts': '0',
    }),
  ).catch((error: unknown) => {
    const { message } = error as Error
    throw new FailedError(/in use/.test(message) ? `${message}; here that is --port` : message, { cause: error })
  })
}

function connectorFile(own: OwnPackage, config: string | undefined): string | undefined {
  if (config !== undefined) {
    const file = resolve(config)
    if (!existsSync(file))
      throw new UsageError(`${file} does not exist: name the file of a connector's config, or none for connector.json of the package`)
    return file
  }
  const usual = join(own.folder, 'connector.json')
  return existsSync(usual) ? usual : undefined
}

/** Resolves at the first SIGINT or SIGTERM; a second one ends the process at once. */
function stopSignal(): Promise<void> & { aborted(): boolean } {
  const { promise, resolve } = Promise.withResolvers<void>()
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(1)
      stopping = true
      resolve()
    })
  }
  return Object.assign(promise, { aborted: () => stopping })
}
