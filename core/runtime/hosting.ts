import { spawn, type ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Channel, hostDescriptors } from './host-channel.ts'
import { readLines } from './host-output.ts'
import { boundToParent, orphanWatch, type OrphanWatch } from './orphan-watch.ts'
import { failureOf } from './failure.ts'
import type { PluginLoader } from './parts.ts'
import type { FromHost, ToHost } from './protocol.ts'

/** How a host ended. */
export interface HostEnd {
  readonly code: number | null
  readonly signal: string | null
  /** The last of what it wrote to stderr. */
  readonly stderr: string
  /** Why the worker ended it: it spoke no language that the worker knows. */
  readonly broken?: string
}

/** The worker's end of the line to a host. */
export interface HostLink {
  /** Null: it is this process. */
  readonly pid: number | null
  send(message: ToHost): void
  /** Ends it at once, whatever it does. Inline nothing can be forced: its tasks are only told to stop. */
  kill(): void
}

export interface HostListener {
  message(message: FromHost): void
  /** A plugin in it printed this line; `left`: how many before it were left out, as there were too many. */
  printed(stream: 'stdout' | 'stderr', line: string, left: number): void
  /** The host is gone; everything that it sent was delivered before. */
  ended(end: HostEnd): void
}

export type OpenHost = (heapMaxMb: number, listener: HostListener) => HostLink

/** Young generation of a host, MB: V8's own choice took 15% more memory at the peak of a snapshot, for the same CPU time (measured). */
const semiSpaceMb = 32
/** How much of a host's stderr is kept for the trace of a crash, in characters. */
const stderrMax = 16_384
/** A channel or a stderr that is not read to its end this long after the process ended is given up, in milliseconds. */
const drainMs = 500

/**
 * Runs hosts as child processes. Their log goes straight to this process's stdout; what plugins print goes to the listener, so that it cannot
 * get in between. Each host leads a process group of its own: when it ends, however it ends, what it started ends with it.
 * `watch`: how an orphan ends; default: as the system can.
 */
export function processHosting(output: 'inherit' | 'ignore', watch?: OrphanWatch): OpenHost {
  const entry = fileURLToPath(new URL(`./host${extname(fileURLToPath(import.meta.url))}`, import.meta.url))
  const { NODE_TEST_CONTEXT: _, NODE_CHANNEL_FD: _channel, ...env } = process.env
  return (heapMaxMb, listener) => {
    const way = watch ?? orphanWatch()
    const bound = way === 'kernel' ? boundToParent(process.execPath) : { execPath: process.execPath, execArgv: [] }
    const flags = [`--max-old-space-size=${heapMaxMb}`, `--max-semi-space-size=${semiSpaceMb}`, '--disable-warning=ExperimentalWarning']
    const child = spawn(bound.execPath, [...bound.execArgv, ...flags, entry, String(process.pid), way], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', output === 'inherit' ? 1 : 'ignore'],
      detached: process.platform !== 'win32',
      env,
    })
    if (child.pid === undefined) {
      child.on('error', (error) => listener.ended({ code: null, signal: error.message, stderr: '' }))
      return { pid: null, send: () => {}, kill: () => {} }
    }
    let stderr = ''
    let broken: string | undefined
    child.stderr!.on('data', (chunk: Buffer) => (stderr = (stderr + chunk.toString('latin1')).slice(-stderrMax)))
    const printed = output === 'inherit' ? listener.printed : () => {}
    for (const stream of ['stdout', 'stderr'] as const) readLines(child[stream]!, (line, left) => printed(stream, line, left))
    const over = whenOver(child, (code, signal) => {
      // Where a pipe outlives the host, some process that left its group holds it.
      for (const pipe of [child.stdout, child.stderr] as Readable[]) pipe.destroy()
      channel.close()
      const last = Buffer.from(stderr, 'latin1').toString('utf8')
      listener.ended({ code, signal, stderr: last, ...(broken === undefined ? {} : { broken }) })
    })
    const channel = new Channel(child.stdio[hostDescriptors.channel] as Socket, {
      message: (message) => listener.message(message as FromHost),
      broken: (reason) => {
        broken = reason
        child.kill('SIGKILL')
      },
      closed: () => over.closed(),
    })
    return {
      pid: child.pid,
      // A host that died takes no message any more; its end is told by `ended`.
      send: (message) => channel.send(message),
      kill: () => void child.kill('SIGKILL'),
    }
  }
}

/** Calls back once: after the exit, and after the channel and stderr are read to their ends, so that nothing comes later. */
function whenOver(child: ChildProcess, over: (code: number | null, signal: string | null) => void): { closed(): void } {
  let exit: { code: number | null; signal: string | null } | undefined
  let open = 2
  let done = false
  const settle = () => {
    if (done || !exit) return
    done = true
    over(exit.code, exit.signal)
  }
  const closed = () => {
    if (--open === 0) setImmediate(settle)
  }
  child.on('exit', (code, signal) => {
    endGroup(child.pid!)
    exit = { code, signal }
    if (open === 0) setImmediate(settle)
    setTimeout(settle, drainMs).unref()
  })
  child.on('error', () => {}) // It could not be sent a signal: it is gone, and 'exit' tells so.
  child.stderr!.on('close', closed)
  return { closed }
}

/** Ends what a host started and left behind. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // There is nobody left in it, or the system knows no groups.
  }
}

/**
 * Runs tasks in this process: no isolation. Messages are copied, so that the code cannot come to depend on sharing objects. What runs tasks is
 * loaded with the first: a worker whose hosts are processes does without it.
 */
export function inlineHosting(loader: PluginLoader, write: (line: string) => void): OpenHost {
  return (_, listener) => {
    let open = true
    const send = (message: FromHost) => {
      if (open) queueMicrotask(() => listener.message(structuredClone(message)))
    }
    const close = () => {
      if (!open) return
      open = false
      session.then((one) => one[Symbol.dispose](), failed)
      queueMicrotask(() => listener.ended({ code: 0, signal: null, stderr: '' }))
    }
    const failed = (error: unknown) => send({ type: 'fatal', failure: failureOf(error, (text) => text) })
    const session = import('./session.ts').then(({ Session }) => new Session({ send, loader, write, leave: close }))
    return {
      pid: null,
      send: (message) => {
        const copy = structuredClone(message)
        if (open) session.then((one) => open && one.receive(copy), failed)
      },
      kill: () => {
        session.then((one) => one.kill(), failed)
        close()
      },
    }
  }
}
