import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { boundToParent, orphanWatch, type OrphanWatch } from './orphan-watch.ts'
import type { PluginLoader } from './parts.ts'
import type { FromHost, ToHost } from './protocol.ts'
import { Session } from './session.ts'

/** How a host ended. */
export interface HostEnd {
  readonly code: number | null
  readonly signal: string | null
  /** The last of what it wrote to stderr. */
  readonly stderr: string
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
  /** It wrote this to stderr: for the worker's own. */
  stderr(text: string): void
  /** The host is gone; everything that it sent was delivered before. */
  ended(end: HostEnd): void
}

export type OpenHost = (heapMaxMb: number, listener: HostListener) => HostLink

/** Young generation of a host, MB: V8's own choice took 15% more memory at the peak of a snapshot, for the same CPU time (measured). */
const semiSpaceMb = 32
/** How much of a host's stderr is kept for the trace of a crash, in characters. */
const stderrMax = 16_384
/** A channel that is not read to its end this long after the process ended is given up, in milliseconds. */
const drainMs = 500

/** Runs hosts as child processes. Their log goes straight to this process's stdout, their stderr to the listener. `watch`: how an orphan ends; default: as the system can. */
export function processHosting(output: 'inherit' | 'ignore', watch?: OrphanWatch): OpenHost {
  const entry = fileURLToPath(new URL(`./host${extname(fileURLToPath(import.meta.url))}`, import.meta.url))
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  return (heapMaxMb, listener) => {
    const way = watch ?? orphanWatch()
    const bound = way === 'kernel' ? boundToParent(process.execPath) : { execPath: process.execPath, execArgv: [] }
    const child = fork(entry, [String(process.pid), way], {
      execPath: bound.execPath,
      execArgv: [
        ...bound.execArgv,
        `--max-old-space-size=${heapMaxMb}`,
        `--max-semi-space-size=${semiSpaceMb}`,
        '--disable-warning=ExperimentalWarning',
      ],
      serialization: 'advanced',
      stdio: ['ignore', output, 'pipe', 'ipc'],
      env,
    })
    let stderr = ''
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-stderrMax)
      if (output === 'inherit') listener.stderr(text)
    })
    child.on('message', (message: FromHost) => listener.message(message))
    whenOver(child, (code, signal) => listener.ended({ code, signal, stderr }))
    return {
      pid: child.pid ?? null,
      // A host that died takes no message any more; its end is told by `ended`.
      send: (message) => void (child.connected && child.send(message, () => {})),
      kill: () => void child.kill('SIGKILL'),
    }
  }
}

/** Calls back once: after the exit and after the channel is read to its end, so that no message comes later. */
function whenOver(child: ReturnType<typeof fork>, over: (code: number | null, signal: string | null) => void): void {
  let exit: { code: number | null; signal: string | null } | undefined
  let done = false
  const settle = () => {
    if (done || !exit) return
    done = true
    over(exit.code, exit.signal)
  }
  child.on('exit', (code, signal) => {
    exit = { code, signal }
    if (!child.connected) setImmediate(settle)
    setTimeout(settle, drainMs).unref()
  })
  child.on('disconnect', () => setImmediate(settle))
  child.on('error', (error) => {
    if (child.pid !== undefined) return // Only a failed send: the end itself is told by 'exit'.
    exit = { code: null, signal: error.message }
    settle()
  })
}

/** Runs tasks in this process: no isolation. Messages are copied, so that the code cannot come to depend on sharing objects. */
export function inlineHosting(loader: PluginLoader, write: (line: string) => void): OpenHost {
  return (_, listener) => {
    let open = true
    const close = () => {
      if (!open) return
      open = false
      session[Symbol.dispose]()
      queueMicrotask(() => listener.ended({ code: 0, signal: null, stderr: '' }))
    }
    const send = (message: FromHost) => {
      if (open) queueMicrotask(() => listener.message(structuredClone(message)))
    }
    const session = new Session({ send, loader, write, leave: close })
    return {
      pid: null,
      send: (message) => {
        if (open) queueMicrotask(() => session.receive(structuredClone(message)))
      },
      kill: () => {
        session.kill()
        close()
      },
    }
  }
}
