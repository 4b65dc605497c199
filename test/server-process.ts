import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ServerProgram {
  readonly program: string
  readonly args: readonly string[]
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  /** Asked every 20 ms with the last 20,000 characters that it printed. */
  ready(log: string): boolean | Promise<boolean>
  readonly timeoutMs?: number
}

/** Says why a server ended before it was ready; `log` is what it printed. */
export class NotStartedError extends Error {
  override readonly name = 'NotStartedError'
}

/**
 * A server that lives no longer than this process: a shell that waits for the end of its standard input kills it, and removes its folder,
 * also when this process was killed with SIGKILL and could do nothing itself.
 */
export class ServerProcess {
  readonly #child: ChildProcess
  #log = ''
  #exited = false

  private constructor(program: ServerProgram) {
    this.#child = spawn(program.program, program.args, {
      cwd: program.folder,
      env: { ...process.env, ...program.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => (this.#log = (this.#log + text).slice(-20_000)))
    }
    const watch = watchOver(this.#child.pid, program.folder)
    this.#child.on('error', (error) => (this.#log += error.message))
    const ended = () => {
      this.#exited = true
      watch?.kill('SIGKILL')
    }
    this.#child.on('exit', ended)
    this.#child.on('error', ended)
  }

  /** Resolves when the server is ready; rejects with a NotStartedError. */
  static async start(program: ServerProgram): Promise<ServerProcess> {
    const server = new ServerProcess(program)
    const deadline = Date.now() + (program.timeoutMs ?? 60_000)
    while (!server.#exited) {
      if (await program.ready(server.#log)) return server
      if (Date.now() > deadline) break
      await sleep(20)
    }
    const fault = server.#exited ? 'ended while it started' : 'was not ready in time'
    await server.end('SIGKILL')
    throw new NotStartedError(`${program.program} ${fault}:\n${server.#log}`)
  }

  /** What it printed last, at most 20,000 characters. */
  get log(): string {
    return this.#log
  }

  get pid(): number {
    return this.#child.pid!
  }

  get running(): boolean {
    return !this.#exited
  }

  /** Resolves when it has ended; at once if it has already. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#exited) return
    const exited = once(this.#child, 'exit')
    this.#child.kill(signal)
    await exited
  }
}

function watchOver(pid: number | undefined, folder: string): ChildProcess | undefined {
  if (pid === undefined) return undefined
  const watch = spawn('sh', ['-c', 'read -r end; kill -9 "$1"; rm -rf "$2"', 'sh', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  })
  watch.unref()
  // A pipe is a socket, which the types do not say.
  ;(watch.stdin as unknown as { unref(): void }).unref()
  return watch
}
