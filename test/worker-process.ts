import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './postgres.ts'

const root = resolve(import.meta.dirname, '..')

/** A worker in a process of its own, as a user starts it, from source. Killing it leaves its hosts to their own devices, as in life. */
export class WorkerProcess implements AsyncDisposable {
  readonly url: string
  readonly #settings: Readonly<Record<string, string>>
  readonly #port: number
  #process: ChildProcess | undefined
  /** The last of what it wrote. */
  log = ''

  readonly #more: { readonly file?: string; readonly env?: NodeJS.ProcessEnv }

  private constructor(
    port: number,
    settings: Readonly<Record<string, string>>,
    more: { readonly file?: string; readonly env?: NodeJS.ProcessEnv },
  ) {
    this.#port = port
    this.#settings = settings
    this.#more = more
    this.url = `http://127.0.0.1:${port}`
  }

  /** Starts one on a free port; `folder` holds its store. `file` is its settings file, `env` is added to its environment. */
  static async start(
    folder: string,
    settings: Readonly<Record<string, string>> = {},
    more: { readonly file?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Promise<WorkerProcess> {
    const worker = new WorkerProcess(await freePort(), { 'store.path': join(folder, 'millrace.db'), ...settings }, more)
    await worker.restart()
    return worker
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts the process (again) on the same port and store; resolves when its REST API is ready. */
  async restart(): Promise<void> {
    const settings = { listeners: this.url, ...this.#settings }
    const args = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(root, 'bin/millrace.cjs'),
        'worker',
        ...(this.#more.file === undefined ? [] : [this.#more.file]),
        ...args,
      ],
      {
        env: { ...process.env, MILLRACE_FROM_SOURCE: '1', ...this.#more.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    this.#process = child
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8')
      stream.on('data', (text: string) => (this.log = (this.log + text).slice(-50_000)))
    }
    const deadline = Date.now() + 30_000
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`The worker ended with ${child.exitCode} before it was ready:\n${this.log}`)
      if (Date.now() > deadline) throw new Error(`The worker on port ${this.#port} was not ready after 30 s:\n${this.log}`)
      await sleep(20)
    }
  }

  /** SIGKILL to the worker alone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  /** A REST call; the parsed answer. Rejects with the worker's message for anything but a 2xx. */
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const response = await fetch(this.url + path, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  /** Waits until every task of the connector runs; rejects at once with its trace when one FAILED. */
  async running(connector: string, timeoutMs = 30_000): Promise<void> {
    await waitFor(
      async () => {
        const status = await this.call('GET', `/connectors/${encodeURIComponent(connector)}/status`).catch(() => undefined)
        const failed = [status?.connector, ...(status?.tasks ?? [])].find((part) => part?.state === 'FAILED')
        if (failed) throw new Error(`${connector} FAILED: ${failed.trace}`)
        return status?.tasks.length > 0 && status.tasks.every((task: { state: string }) => task.state === 'RUNNING')
      },
      timeoutMs,
      () => `${connector} does not run:\n${this.log.slice(-5000)}`,
    )
  }

  /** Waits until the Postgres connector streams and its saved position has passed this LSN (a number); rejects at once when a task FAILED for good. */
  async passed(connector: string, lsn: number, timeoutMs = 60_000): Promise<void> {
    let last: unknown
    await waitFor(
      async () => {
        const name = encodeURIComponent(connector)
        const status = await this.call('GET', `/connectors/${name}/status`)
        const failed = status.tasks.find(
          (task: { state: string; trace?: string }) => task.state === 'FAILED' && !task.trace?.includes('starts again'),
        )
        if (failed) throw new Error(`${connector} FAILED: ${failed.trace}`)
        const { tasks } = await this.call('GET', `/api/v1/connectors/${name}/progress`)
        last = tasks[0]?.phase
        if (!tasks[0]?.phase?.startsWith('streaming')) return false
        last = (await this.call('GET', `/connectors/${name}/offsets`)).offsets
        return (last as { offset: { lsn?: number } | null }[]).some(({ offset }) => Number(offset?.lsn ?? 0) >= lsn)
      },
      timeoutMs,
      () => `${connector} has not passed ${lsn}, it is at ${JSON.stringify(last)}:\n${this.log.slice(-5000)}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill('SIGKILL')
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/connectors`)).ok
    } catch {
      return false // Not listening yet.
    }
  }
}

/** Polls until the condition holds; rejects with the reason after the time. What the condition throws is passed on. */
export async function waitFor(condition: () => Promise<boolean> | boolean, timeoutMs: number, reason: () => string): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${reason()}`)
    await sleep(50)
  }
}
