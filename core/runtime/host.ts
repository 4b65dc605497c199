import { writeSync } from 'node:fs'
import { failureOf } from './failure.ts'
import { watchParent, type OrphanWatch } from './orphan-watch.ts'
import type { Plugin } from '../contract/plugin.ts'
import type { FromHost, ToHost } from './protocol.ts'
import { Session } from './session.ts'

/**
 * The main module of a task's process. It imports only the plugin modules that its tasks name, lives as long as its channel to the
 * worker, and leaves signals to the worker: a Ctrl-C in a terminal reaches the whole process group, but stopping is the worker's to order.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
watchParent(Number(process.argv[2]), process.argv[3] as OrphanWatch)

const exitCodes = { left: 0, orphaned: 75, fatal: 70 } as const
let leaving = false

const session = new Session({ send, loader: importPlugin, write: (line) => writeLog(line), leave: () => leave(exitCodes.left) })
process.on('message', (message: ToHost) => session.receive(message))
process.on('disconnect', () => leave(exitCodes.orphaned))
process.on('uncaughtException', (error) => die(error))
process.on('unhandledRejection', (reason) => die(reason))
process.on('exit', (code) => {
  if (leaving) return
  // Some plugin ended the process: this stack, kept by the worker with the last of stderr, says which.
  writeSync(2, `process.exit(${code}) was called\n${new Error().stack?.split('\n').slice(2).join('\n') ?? ''}\n`)
})
send({ type: 'ready' })

function send(message: FromHost): void {
  // A closed channel means that the worker is gone; 'disconnect' ends this process, so there is nobody left to tell.
  if (process.connected) process.send!(message, undefined, undefined, () => {})
}

function die(thrown: unknown): void {
  leaving = true
  const message: FromHost = { type: 'fatal', failure: failureOf(thrown, (text) => text) }
  if (process.connected) process.send!(message, undefined, undefined, () => process.exit(exitCodes.fatal))
  setTimeout(() => process.exit(exitCodes.fatal), 500)
}

function leave(code: number): void {
  leaving = true
  process.exit(code)
}

/** Synchronous and unbuffered, so that the last lines before a crash are not lost; a full pipe costs the line, never the task. */
function writeLog(line: string): void {
  try {
    writeSync(1, line)
  } catch {
    // EAGAIN or EPIPE: the reader of the log is slow or gone. The work is worth more than the line.
  }
}

async function importPlugin(module: string): Promise<Plugin> {
  const imported = (await import(module)) as { readonly default?: Plugin }
  if (!imported.default) throw new Error(`Module ${module} has no default export: a plugin exports definePlugin({...}) as default`)
  return imported.default
}
