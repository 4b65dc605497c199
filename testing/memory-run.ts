import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import converters from '../core/converter/plugin.ts'
import { ConfigError, type ConnectRecord, type Offsets, type Plugin, type SinkTask } from '../core/index.ts'
import type { OffsetStore } from '../core/contract/offsets.ts'
import { isFlushKey } from '../core/runtime/task.ts'
import { FolderShelf } from '../core/runtime/letters/folder-shelf.ts'
import { planConnector } from '../core/runtime/plan.ts'
import type { TaskEnd, TaskSpec } from '../core/runtime/protocol.ts'
import { Registry } from '../core/runtime/registry.ts'
import { TaskRun } from '../core/runtime/task-run.ts'
import { validateConnector } from '../core/runtime/validation.ts'
import { MemoryStore } from '../core/store/memory.ts'
import { memoryClasses, memoryPlugin, type MemoryPlace } from './memory-parts.ts'

/** What is run in memory. */
export interface MemoryRunOptions {
  /**
   * A connector's config, as over REST. Where it names no sink (`sink.class`), records are kept in memory; where `records` are given, it needs no
   * source either: then it may be as short as its transforms.
   */
  readonly config: Readonly<Record<string, string>>
  /** The plugins whose parts the config names; built-in converters are there. */
  readonly plugins?: readonly Plugin[]
  /** Given records in place of a source. */
  readonly records?: readonly ConnectRecord[]
  /** Most time for `until` and `stop`, in milliseconds; default 10 s. */
  readonly timeoutMs?: number
}

/** A record that could not pass. */
export interface RejectedRecord {
  /** The record as the source gave it; null: it is known only as bytes. */
  readonly record: ConnectRecord | null
  /** Where it was rejected: TASK_POLL, TRANSFORMATION, TASK_PUT, VALUE_CONVERTER ... */
  readonly stage: string | null
  readonly error: string
  /** The error's class, such as DataError. */
  readonly errorClass: string | null
}

/** Where a crash comes. */
export type CrashPoint = 'before flush' | 'after flush'

const connector = 'in-memory'
const rejectedMax = 10_000

/**
 * Starts a task of a connector in this process, by the runtime's own loop (retries, tolerance, flushes, dead letters as in a worker), over a store in
 * memory. Rejects with a ConfigError that has all faults of the config. Close (or dispose) the run at the end of the test.
 */
export async function runInMemory(options: MemoryRunOptions): Promise<MemoryRun> {
  const place: MemoryPlace = { given: options.records ?? [], kept: [], committed: undefined }
  const modules = [converters, memoryPlugin(place), ...(options.plugins ?? [])].map((plugin) => ({ specifier: plugin.name, plugin }))
  const registry = new Registry(modules)
  const raw = withEnds(options, registry)
  const { issues } = await validateConnector(raw, { registry, clients: {}, resolve: async (config) => ({ config, secrets: [] }) })
  if (issues.length > 0) throw new ConfigError(issues)
  const letters = mkdtempSync(join(tmpdir(), 'millrace-in-memory-'))
  const plan = planConnector(raw, [], { registry, defaults: {}, clients: {}, deadLetters: letters })
  const spec = plan.task(0, {}, { generation: 0, paused: false, level: 'OFF' })
  const run = new MemoryRun(
    spec,
    new Map(modules.map(({ specifier, plugin }) => [specifier, plugin])),
    place,
    letters,
    options.timeoutMs ?? 10_000,
  )
  run.start()
  return run
}

/** A connector's task that runs in memory. It can be crashed and started again: what must survive a crash lies in the run, not in the task. */
export class MemoryRun implements AsyncDisposable {
  readonly #spec: TaskSpec
  readonly #plugins: ReadonlyMap<string, Plugin>
  readonly #place: MemoryPlace
  readonly #letters: string
  readonly #timeoutMs: number
  readonly #store = new MemoryStore()
  #run: TaskRun | undefined
  #end: Promise<TaskEnd> = Promise.resolve(null)
  #ended: { readonly end: TaskEnd } | undefined
  #crash: CrashPoint | undefined
  #changed: () => void = () => {}

  constructor(spec: TaskSpec, plugins: ReadonlyMap<string, Plugin>, place: MemoryPlace, letters: string, timeoutMs: number) {
    this.#spec = spec
    this.#plugins = plugins
    this.#place = place
    this.#letters = letters
    this.#timeoutMs = timeoutMs
  }

  /** Records that were flushed into the sink in memory, in order. */
  get records(): readonly ConnectRecord[] {
    return this.#place.kept
  }

  /** What the task did since it was started: records polled, put, filtered away by transforms, rejected; retries; flushes. */
  get counts(): {
    readonly polled: number
    readonly put: number
    readonly filtered: number
    readonly rejected: number
    readonly retries: number
    readonly flushes: number
  } {
    const { polled = 0, put = 0, filtered = 0, rejected = 0, retries = 0, flushes = 0 } = this.#run?.beat(false) ?? {}
    return { polled, put, filtered, rejected, retries, flushes }
  }

  /** The saved positions: what a restart begins from. */
  async offsets(): Promise<Offsets> {
    const saved = (await this.#store.offsets.load(connector)) ?? {}
    return Object.fromEntries(Object.entries(saved).filter(([partition]) => !isFlushKey(partition)))
  }

  /** The records that were rejected (`errors.tolerance=all`), oldest first: all that were flushed, at most 10,000. */
  async rejected(): Promise<readonly RejectedRecord[]> {
    const shelf = new FolderShelf(this.#spec.tolerance.deadLetters.folder, connector)
    const { letters } = await shelf.list({ filter: {}, limit: rejectedMax, cursor: null })
    return letters.toReversed().map(({ record, stage, error }) => ({ record, stage, error: error.message, errorClass: error.class }))
  }

  /** Starts the task (again) from the saved positions. Throws where it still runs. */
  start(): void {
    if (this.#run && !this.#ended) throw new Error('The task still runs: stop or crash it first')
    this.#crash = undefined
    this.#ended = undefined
    const over = Promise.withResolvers<TaskEnd>()
    this.#end = over.promise
    const events = { state: () => {}, topic: () => {}, ended: over.resolve }
    const run = new TaskRun(0, this.#spec, () => {}, events)
    this.#run = run
    void over.promise.then((end) => {
      if (this.#run === run) this.#ended = { end }
      this.#changed()
    })
    void run.run(async (module) => this.#plugin(module), this.#offsetStore(), events)
  }

  /**
   * Waits until so many records were flushed into the sink in memory, or, given a function, until it answers true; answers those records. Rejects
   * where the task fails (with its trace), ends before, or the time is over.
   */
  async until(wanted: number | (() => boolean | Promise<boolean>)): Promise<readonly ConnectRecord[]> {
    const deadline = performance.now() + this.#timeoutMs
    const reached = async () => (typeof wanted === 'number' ? this.records.length >= wanted : await wanted())
    while (!(await reached())) {
      if (this.#ended) {
        if (await reached()) break
        throw this.#failure() ?? new Error(`The task ended before that, with ${this.records.length} records in the sink in memory`)
      }
      if (performance.now() > deadline)
        throw new Error(`Not within ${this.#timeoutMs} ms; ${this.records.length} records are in the sink in memory`)
      await this.#tick()
    }
    return this.records
  }

  /** Waits for the end of a source that has one. Rejects where the task fails. */
  async done(): Promise<readonly ConnectRecord[]> {
    await this.until(() => this.#ended !== undefined)
    const failed = this.#failure()
    if (failed) throw failed
    return this.records
  }

  /** Stops the task as a worker does: what was put is flushed. Rejects where the task has failed. */
  async stop(): Promise<void> {
    this.#run?.stop()
    await this.#over()
    const failed = this.#failure()
    if (failed) throw failed
  }

  /**
   * Ends the task as a crash of its process would: `before flush`, what was put since the last flush is lost; `after flush`, the sink has it, and the
   * positions are not saved. In one process nothing can be ended by force: the task's ends are disposed, which a crash would not do.
   */
  async crash(point: CrashPoint = 'before flush'): Promise<void> {
    this.#crash = point
    this.#run?.kill()
    await this.#over()
  }

  /** Ends whatever still runs, and removes the dead letters. The same as disposing it. */
  async close(): Promise<void> {
    this.#crash = 'before flush'
    this.#run?.kill()
    await this.#over()
    rmSync(this.#letters, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #failure(): Error | undefined {
    const end = this.#ended?.end
    if (!end || end === 'complete') return undefined
    const error = new Error(end.message)
    error.name = end.name
    error.stack = end.trace
    return error
  }

  async #over(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`The task did not end within ${this.#timeoutMs} ms: a poll, put or flush does not obey its signal`)),
        this.#timeoutMs,
      )
    })
    try {
      await Promise.race([this.#end, late])
    } finally {
      clearTimeout(timer)
    }
  }

  #tick(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, 5)
      this.#changed = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #offsetStore(): OffsetStore {
    const { offsets } = this.#store
    return {
      load: () => offsets.load(connector),
      save: (_, moved) => (this.#crash ? Promise.reject(new Error('Crashed')) : offsets.save(connector, moved)),
      reset: () => offsets.reset(connector),
    }
  }

  #plugin(module: string): Plugin {
    const plugin = this.#plugins.get(module)!
    const sinks = plugin.sinks?.map((part) => ({
      ...part,
      create: async (...args: Parameters<typeof part.create>) => this.#crashable(await part.create(...args)),
    }))
    return sinks ? { ...plugin, sinks } : plugin
  }

  /** A proxy, since what a sink lacks (`flush`, `committed`, `forward`) tells the loop as much as what it has. */
  #crashable(task: SinkTask): SinkTask {
    return new Proxy(task, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        if (name !== 'flush') return member.bind(target) as unknown
        return (...args: unknown[]) =>
          this.#crash === 'before flush' ? Promise.reject(new Error('Crashed')) : (member.apply(target, args) as unknown)
      },
    })
  }
}

/** The config with the ends that it leaves out, in memory. */
function withEnds({ config, records }: MemoryRunOptions, registry: Registry): Record<string, string> {
  const named = config['connector.class'] ?? ''
  const isSink = registry.sink(named) !== undefined && registry.source(named) === undefined
  const sink: Record<string, string> = isSink || config['sink.class'] !== undefined ? {} : { 'sink.class': memoryClasses.sink }
  const source: Record<string, string> =
    records === undefined ? {} : isSink ? { 'source.class': memoryClasses.source } : { 'connector.class': memoryClasses.source }
  return { name: connector, 'flush.interval.ms': '20', 'errors.retry.delay.max.ms': '50', ...config, ...source, ...sink }
}
