import type { OffsetStore } from '../contract/offsets.ts'
import type { Offsets } from '../contract/record.ts'
import { failureOf } from './failure.ts'
import { loadSource, notOffered, type PluginLoader } from './parts.ts'
import { connectorLogger, JsonLog } from './json-log.ts'
import type { CallAnswer, CallRequest, FromHost, TaskEnd, ToHost } from './protocol.ts'
import { redactor } from './secrets.ts'
import { checkTasks } from './plugin-answers.ts'
import { TaskRun } from './task-run.ts'

/** How often a host says how its tasks stand, in milliseconds. */
export const beatMs = 500

/** Share of one processor from which a task counts as computing. */
const busyShare = 0.3

export interface SessionParts {
  readonly send: (message: FromHost) => void
  readonly loader: PluginLoader
  /** Writes one line to the log. */
  readonly write: (line: string) => void
  /** The worker asks the host to leave: nothing runs any more. */
  readonly leave: () => void
}

/** The host's side of the conversation with the worker: runs any number of tasks. The same code in a process of its own and inline. */
export class Session implements Disposable {
  readonly #parts: SessionParts
  readonly #runs = new Map<number, TaskRun>()
  readonly #waiting = new Map<number, { resolve: (offsets: Offsets | undefined) => void; reject: (error: Error) => void }>()
  readonly #beats: NodeJS.Timeout
  #calls = 0
  #cpu = process.cpuUsage()
  #beatMs = performance.now()

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#beats = setInterval(() => this.#beat(), beatMs)
  }

  receive(message: ToHost): void {
    switch (message.type) {
      case 'start':
        return this.#start(message)
      case 'pause':
        return this.#runs.get(message.id)?.pause()
      case 'resume':
        return this.#runs.get(message.id)?.resume()
      case 'stop':
        return this.#runs.get(message.id)?.stop()
      case 'kill':
        return this.#runs.get(message.id)?.kill()
      case 'forget-topics':
        return this.#runs.get(message.id)?.forgetTopics()
      case 'level':
        return this.#runs.get(message.id)?.setLevel(message.level)
      case 'redrive':
        return this.#runs.get(message.id)?.redrive(message.state)
      case 'offsets':
        return this.#settle(message)
      case 'call':
        return void this.#call(message.call, message.request, message.secrets)
      case 'leave':
        return this.#parts.leave()
      default:
        return message satisfies never
    }
  }

  /** Tells all tasks to stop at once; used when the worker is gone. */
  kill(): void {
    for (const run of this.#runs.values()) run.kill()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#beats)
  }

  #start({ id, spec }: Extract<ToHost, { type: 'start' }>): void {
    const { send, loader, write } = this.#parts
    let topics: string[] = []
    const events = {
      state: (state: 'RUNNING' | 'PAUSED') => {
        this.#beat()
        send({ type: 'state', id, state })
      },
      topic: (topic: string) => {
        // Told together: a first batch may bring hundreds.
        if (topics.length === 0) setImmediate(() => send({ type: 'topics', id, topics: topics.splice(0) }))
        topics.push(topic)
      },
      ended: (end: TaskEnd) => {
        if (topics.length > 0) send({ type: 'topics', id, topics })
        topics = []
        this.#beat()
        this.#runs.delete(id)
        send({ type: 'ended', id, end })
      },
    }
    const run = new TaskRun(id, spec, write, events)
    this.#runs.set(id, run)
    void run.run(loader, this.#offsets(), events)
  }

  #beat(): void {
    const busy = this.#isBusy()
    const beats = [...this.#runs.values()].map((run) => run.beat(busy))
    this.#parts.send({ type: 'beat', beats, residentBytes: process.memoryUsage.rss() })
  }

  /** Whose work it was can only be told where one task runs. */
  #isBusy(): boolean {
    const used = process.cpuUsage(this.#cpu)
    const now = performance.now()
    const share = (used.user + used.system) / 1000 / (now - this.#beatMs)
    this.#cpu = process.cpuUsage()
    this.#beatMs = now
    return this.#runs.size === 1 && share > busyShare
  }

  /** The worker's store, asked over the channel. */
  #offsets(): OffsetStore {
    const ask = (message: { type: 'load'; connector: string } | { type: 'save'; connector: string; offsets: Offsets }) => {
      const call = ++this.#calls
      return new Promise<Offsets | undefined>((resolve, reject) => {
        this.#waiting.set(call, { resolve, reject })
        this.#parts.send({ ...message, call })
      })
    }
    return {
      load: (connector) => ask({ type: 'load', connector }),
      save: async (connector, offsets) => void (await ask({ type: 'save', connector, offsets })),
      reset: () => Promise.reject(new Error('A task never resets offsets; people do, over the REST API')),
    }
  }

  #settle({ call, offsets, error }: Extract<ToHost, { type: 'offsets' }>): void {
    const waiting = this.#waiting.get(call)
    this.#waiting.delete(call)
    if (error === undefined) waiting?.resolve(offsets)
    else waiting?.reject(new Error(`The worker's store failed: ${error}`))
  }

  async #call(call: number, request: CallRequest, secrets: readonly string[]): Promise<void> {
    const redact = redactor(secrets)
    try {
      this.#parts.send({ type: 'answer', call, answer: await this.#answer(call, request, secrets, redact) })
    } catch (error) {
      this.#parts.send({ type: 'answer', call, failure: failureOf(error, redact) })
    }
  }

  async #answer(call: number, request: CallRequest, secrets: readonly string[], redact: (text: string) => string): Promise<CallAnswer> {
    const { loader, write } = this.#parts
    switch (request.kind) {
      case 'tasks': {
        const { part, config } = await loadSource(request.part, loader)
        return part.tasks ? checkTasks(part.tasks(config, request.max), part.class) : [{}]
      }
      case 'validate': {
        // Loaded only here: what checks configs is no part of a running task.
        const [{ checkParts }, { Registry }] = await Promise.all([import('./check-parts.ts'), import('./registry.ts')])
        const modules = await Promise.all(request.modules.map(async (name) => ({ ...name, plugin: await loader(name.specifier) })))
        const registry = new Registry(modules)
        for (const { specifier, taken } of modules) {
          const missing = taken.find(({ type, class: name }) => !registry.offers(specifier, type, name))
          if (missing) throw notOffered(specifier, missing.class)
        }
        const issues = await checkParts(request.config, registry, request.clients)
        return issues.map((issue) => ({ ...issue, message: redact(issue.message) }))
      }
      case 'describe': {
        const { describePlugin } = await import('./plugins/describe.ts')
        return describePlugin(await loader(request.module))
      }
      case 'checkOffsets': {
        const { part, config } = await loadSource(request.part, loader)
        part.checkOffsets?.(request.offsets, config)
        return null
      }
      case 'alterOffsets':
      case 'destroy': {
        const { part, config } = await loadSource(request.part, loader)
        const log = new JsonLog({ logger: connectorLogger(request.connector), connector: request.connector }, 'INFO', write, redact)
        const context = { connector: request.connector, log }
        if (request.kind === 'destroy') await part.destroy?.(config, context)
        else await part.alterOffsets?.(request.offsets, config, context)
        return null
      }
      case 'letters': {
        const log = new JsonLog({ logger: connectorLogger(request.connector), connector: request.connector }, 'WARN', write, redact)
        const { TopicReader } = await import('./letters/topic-reader.ts')
        const reader = new TopicReader(request.topic, request.connector, loader, log)
        return request.query ? reader.list(request.query) : reader.spans()
      }
      case 'preview': {
        const log = new JsonLog(
          { logger: connectorLogger(request.spec.connector), connector: request.spec.connector },
          'WARN',
          write,
          redact,
        )
        const { runPreview } = await import('./preview/run-preview.ts')
        return runPreview(request.spec, { loader, log, secrets, at: (place) => this.#parts.send({ type: 'at', call, place }) })
      }
      default:
        return request satisfies never
    }
  }
}
