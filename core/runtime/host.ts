import { writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { failureOf } from './failure.ts'
import { Channel, exitCodes, hostDescriptors } from './host-channel.ts'
import { watchParent, type OrphanWatch } from './orphan-watch.ts'
import { serveOwnPackage } from './own-package.ts'
import { importPlugin } from './plugins/import-plugin.ts'
import type { FromHost, ToHost } from './protocol.ts'
import { Session } from './session.ts'

/**
 * The main module of a task's process. It imports only the plugin modules that its tasks name, lives as long as its channel to the
 * worker, and leaves signals to the worker: a Ctrl-C in a terminal reaches the whole process group, but stopping is the worker's to order.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
const worker = Number(process.argv[2])
watchParent(worker, process.argv[3] as OrphanWatch)
guardWorker(worker)
serveOwnPackage()

let leaving = false

const session = new Session({ send, loader: importPlugin, write: (line) => writeLog(line), leave: () => leave(exitCodes.left) })
const channel = new Channel(new Socket({ fd: hostDescriptors.channel }), {
  message: (message) => session.receive(message as ToHost),
  broken: () => leave(exitCodes.orphaned),
  closed: () => leave(exitCodes.orphaned),
})
process.on('uncaughtException', (error) => die(error))
process.on('unhandledRejection', (reason) => die(reason))
process.on('exit', (code) => {
  if (leaving) return
  // Some plugin ended the process: this stack, kept by the worker with the last of stderr, says which.
  writeSync(2, `process.exit(${code}) was called\n${new Error().stack?.split('\n').slice(2).join('\n') ?? ''}\n`)
})
send({ type: 'ready' })

function send(message: FromHost): void {
  channel.send(message)
}

function die(thrown: unknown): void {
  leaving = true
  const message: FromHost = { type: 'fatal', failure: failureOf(thrown, (text) => text) }
  channel.send(message, () => process.exit(exitCodes.fatal))
  setTimeout(() => process.exit(exitCodes.fatal), 500)
}

function leave(code: number): void {
  leaving = true
  process.exit(code)
}

const pause = new Int32Array(new SharedArrayBuffer(4))

/** Synchronous and unbuffered, so that the last lines before a crash are not lost. A pipe that stays full for 20 ms costs the line. */
function writeLog(line: string): void {
  for (let attempt = 0; attempt < 10; attempt++) {
    try {
      writeSync(hostDescriptors.log, line)
      return
    } catch (error) {
      // EPIPE and the like: nobody reads the log any more, and the work is worth more than the line.
      if ((error as { code?: string }).code !== 'EAGAIN') return
      Atomics.wait(pause, 0, 0, 2)
    }
  }
}

/**
 * A plugin that signals its parent, or everybody, by mistake does not end the worker. One that means to still can: it runs as the worker's user.
 */
function guardWorker(pid: number): void {
  const kill = process.kill.bind(process)
  process.kill = (target, signal) => {
    if (signal !== 0 && [pid, -pid, -1].includes(target)) throw new Error(`process.kill(${target}) would end the worker, and was refused`)
    return kill(target, signal)
  }
}
