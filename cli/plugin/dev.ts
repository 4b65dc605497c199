import { mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startWorker, type RunningWorker } from '../../config/main.ts'
import { readConnectorFile, readSettings } from '../../config/settings.ts'
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
  using _watch = onSaved(own.folder, (paths) => session.saved(paths))
  await Promise.race([session.begin(() => openWorker(own, module, store, options.port)), stopped])
  while (!stopped.aborted()) {
    await Promise.race([sleep(tellMs), stopped])
    if (!stopped.aborted()) await session.look()
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
  )
}

function connectorFile(own: OwnPackage, config: string | undefined): string | undefined {
  if (config !== undefined) return join(process.cwd(), config)
  const usual = join(own.folder, 'connector.json')
  return readable(usual) ? usual : undefined
}

function readable(file: string): boolean {
  try {
    readConnectorFile(file)
    return true
  } catch (error) {
    if (/ENOENT/.test((error as Error).message)) return false
    throw error
  }
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
