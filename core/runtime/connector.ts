import type { Logger } from '../contract/context.ts'
import { ConfigError } from '../contract/errors.ts'
import type { StoredTarget, WorkerStore } from '../store/store.ts'
import type { ResolvedConfig } from './config-providers.ts'
import type { ConnectorInfo, ConnectorStatus, State, TargetState, TaskInfo, TaskProgress } from './control.ts'
import { endsOf, type RawConfig } from './ends.ts'
import { failureOf, type Failure } from './failure.ts'
import { runtimeSettings } from './framework-config.ts'
import type { HostPool, Hosting } from './host-pool.ts'
import { planConnector, type Plan, type PlanParts } from './plan.ts'
import type { LevelName } from './protocol.ts'
import { SupervisedTask } from './supervised-task.ts'

export interface ConnectorParts extends PlanParts {
  readonly pool: HostPool
  readonly hosting: Hosting
  readonly store: WorkerStore
  readonly log: Logger
  resolve(config: RawConfig): Promise<ResolvedConfig>
  workerId(): string
  level(): LevelName
}

const stored: Readonly<Record<TargetState, StoredTarget>> = { RUNNING: 'STARTED', PAUSED: 'PAUSED', STOPPED: 'STOPPED' }

/** A connector as the worker holds it: its config, what it should be, and its tasks. Changes run one after another. */
export class Connector {
  readonly name: string
  readonly #parts: ConnectorParts
  #config: RawConfig
  #target: TargetState
  #overlays: readonly RawConfig[] | null
  #tasks: readonly SupervisedTask[] = []
  #failure: Failure | undefined
  #version: string | null = null
  #split: boolean
  #topics = new Set<string>()
  #queue: Promise<unknown> = Promise.resolve()
  #statusDue = false

  constructor(name: string, config: RawConfig, target: TargetState, overlays: readonly RawConfig[] | null, parts: ConnectorParts) {
    this.name = name
    this.#config = config
    this.#target = target
    this.#overlays = overlays
    this.#split = overlays !== null
    this.#parts = parts
  }

  get config(): RawConfig {
    return this.#config
  }
  get target(): TargetState {
    return this.#target
  }
  get topics(): readonly string[] {
    return [...this.#topics].sort()
  }

  /** Stores it as it is. */
  async save(): Promise<void> {
    const { name } = this
    await this.#parts.store.saveConnector({ name, config: this.#config, target: stored[this.#target], tasks: this.#overlays })
  }

  /** Brings its tasks to what its target asks for, in the background; a fault is seen in its status. */
  begin(): void {
    void this.#inTurn(async () => {
      for (const topic of await this.#parts.store.topics(this.name)) this.#topics.add(topic)
      // Created paused or stopped: no task exists before it is resumed. Found paused in the store: it had tasks, and they are shown.
      if (this.#target === 'RUNNING' || (this.#target === 'PAUSED' && this.#split)) await this.#startTasks()
    })
  }

  /** Takes the new config; resolves when it is stored. Running tasks are replaced in the background. */
  async reconfigure(config: RawConfig): Promise<void> {
    await this.#inTurn(async () => {
      if (sameConfig(config, this.#config)) return
      const had = this.#tasks.length > 0 || this.#failure !== undefined
      const old = this.#config
      this.#config = config
      this.#overlays = null
      try {
        await this.save()
      } catch (error) {
        this.#config = old
        throw error
      }
      void this.#inTurn(async () => {
        await this.#stopTasks(old)
        this.#failure = undefined
        if (this.#target === 'RUNNING' || (this.#target === 'PAUSED' && had)) await this.#startTasks()
      })
    })
  }

  /** Resolves when no task writes any more, at the latest after the graceful timeout. */
  async pause(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#aim('PAUSED')
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#graceMs())))
      await Promise.race([Promise.all(this.#tasks.map((task) => task.pause())), late])
      clearTimeout(timer)
    })
  }

  async resume(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#aim('RUNNING')
      if (this.#tasks.length > 0) for (const task of this.#tasks) task.resume()
      else if (!this.#failure) void this.#inTurn(() => this.#startTasks())
    })
  }

  /** Resolves when all tasks are gone. */
  async stop(): Promise<void> {
    await this.#inTurn(async () => {
      this.#target = 'STOPPED'
      await this.#stopTasks(this.#config)
      this.#overlays = null
      this.#failure = undefined
      await this.save()
      this.#changed()
    })
  }

  /** Ends the tasks because the worker ends: what the connector should be stays as it is. */
  async close(): Promise<void> {
    await this.#inTurn(() => this.#stopTasks(this.#config))
  }

  /** Stops the tasks, then lets the source release what it holds upstream. */
  async destroy(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#stopTasks(this.#config)
      try {
        const plan = await this.#plan()
        if (!plan.ends.source.part.destroy) return
        await this.#parts.pool.call({ kind: 'destroy', part: plan.source, connector: this.name }, plan.secrets)
      } catch (error) {
        this.#parts.log.error({ err: error }, 'The connector is deleted, but its source could not release what it holds upstream')
      }
    })
  }

  /** Restarts what the flags choose; answers the planned states. */
  restart({ includeTasks, onlyFailed }: { readonly includeTasks: boolean; readonly onlyFailed: boolean }): ConnectorStatus {
    const before = this.status()
    const itself = !onlyFailed || this.#failure !== undefined
    const chosen = this.#tasks.filter((task) => includeTasks && (!onlyFailed || task.state === 'FAILED'))
    if (itself && this.#failure) {
      this.#failure = undefined
      void this.#inTurn(() => (this.#target === 'RUNNING' && this.#tasks.length === 0 ? this.#startTasks() : Promise.resolve()))
    }
    const planned = before.tasks.map((status, index) => {
      const { trace: _, ...rest } = status
      return chosen.includes(this.#tasks[index]!) ? { ...rest, state: 'RESTARTING' as const } : status
    })
    if (chosen.length > 0) void this.#inTurn(() => this.#restartTasks(chosen))
    const { trace: _, ...rest } = before.connector
    return { ...before, connector: itself ? { ...rest, state: 'RESTARTING' } : before.connector, tasks: planned }
  }

  /** False: no such task. Resolves when the restart is ordered. */
  restartTask(number: number): boolean {
    const task = this.#tasks[number]
    if (!task) return false
    void this.#inTurn(() => this.#restartTasks([task]))
    return true
  }

  info(): ConnectorInfo {
    const tasks = this.#tasks.map((_, task) => ({ connector: this.name, task }))
    return { name: this.name, config: this.#config, tasks, type: this.type }
  }

  get type(): 'source' | 'sink' | 'unknown' {
    const ends = endsOf(this.#config, this.#parts.registry)
    return 'issues' in ends ? 'unknown' : ends.type
  }

  taskInfos(): readonly TaskInfo[] {
    return (this.#overlays ?? []).slice(0, this.#tasks.length).map((overlay, task) => ({
      id: { connector: this.name, task },
      config: { ...this.#config, ...overlay, 'task.class': taskClass(this.#config['connector.class'] ?? '') },
    }))
  }

  status(): ConnectorStatus {
    const state: State =
      this.#target === 'STOPPED'
        ? 'STOPPED'
        : this.#failure
          ? 'FAILED'
          : this.#target === 'RUNNING' && !this.#split
            ? 'UNASSIGNED'
            : this.#target
    const connector = { state, worker_id: this.#parts.workerId(), version: this.#version }
    return {
      name: this.name,
      connector: state === 'FAILED' ? { ...connector, trace: this.#failure!.trace } : connector,
      tasks: this.#tasks.map((task) => task.status()),
      type: this.type,
    }
  }

  progress(): readonly TaskProgress[] {
    return this.#tasks.map((task) => task.progress())
  }

  forgetTopics(): void {
    this.#topics.clear()
    for (const task of this.#tasks) task.tell({ type: 'forget-topics' })
  }

  setLevel(level: LevelName): void {
    for (const task of this.#tasks) task.tell({ type: 'level', level })
  }

  /** Waits for its turn and then checks positions that a person wrote. */
  async checkOffsets(offsets: Parameters<WorkerStore['alterOffsets']>[1]): Promise<void> {
    const plan = await this.#plan()
    if (!plan.ends.source.part.checkOffsets) return
    await this.#parts.pool.call({ kind: 'checkOffsets', part: plan.source, offsets }, plan.secrets)
  }

  /** Runs work after all that was ordered before, whether that went well or not. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work)
    // The order of work goes on after a fault; the fault itself is seen by whoever ordered the work, or here for background work.
    this.#queue = turn.catch((error: unknown) => {
      this.#parts.log.error({ err: error }, `A change of the connector failed: ${error instanceof Error ? error.message : String(error)}`)
    })
    turn.catch(() => {})
    return turn
  }

  async #aim(target: TargetState): Promise<void> {
    if (target === this.#target) return
    const old = this.#target
    this.#target = target
    try {
      await this.save()
    } catch (error) {
      this.#target = old
      throw error
    }
    this.#changed()
  }

  async #startTasks(): Promise<void> {
    try {
      this.#overlays ??= await this.#splitWork()
      await this.save()
      this.#split = true
      this.#tasks = this.#overlays.map((_, number) => this.#task(number))
      for (const task of this.#tasks) task.start({ paused: this.#target === 'PAUSED', restarting: false })
    } catch (error) {
      this.#failure = failureOf(error, (text) => text)
      this.#parts.log.error({ err: error }, `The connector could not be started: ${this.#failure.message}`)
    }
    this.#changed()
  }

  // A change that was ordered before may have replaced them.
  async #restartTasks(tasks: readonly SupervisedTask[]): Promise<void> {
    const graceMs = this.#graceMs()
    await Promise.all(tasks.filter((task) => this.#tasks.includes(task)).map((task) => task.restart(graceMs)))
  }

  async #stopTasks(config: RawConfig): Promise<void> {
    const graceMs = this.#graceMs(config)
    await Promise.all(this.#tasks.map((task) => task.stop(graceMs)))
    this.#tasks = []
    this.#split = false
  }

  async #splitWork(): Promise<readonly RawConfig[]> {
    const plan = await this.#plan()
    this.#version = plan.version
    if (!plan.ends.source.part.tasks) return [{}]
    const max = plan.settings['tasks.max']
    const overlays = (await this.#parts.pool.call({ kind: 'tasks', part: plan.source, max }, plan.secrets)) as readonly RawConfig[]
    if (overlays.length <= max || !plan.settings['tasks.max.enforce']) return overlays
    const message =
      `The connector ${this.name} has generated ${overlays.length} tasks, which is greater than ${max}, the maximum number of tasks it is configured to create. ` +
      `This behaviour should be considered a bug and is disallowed. If necessary, it can be permitted by reconfiguring the connector with 'tasks.max.enforce' set to false.`
    throw new ConfigError([{ key: 'tasks.max', value: String(max), message }])
  }

  #task(number: number): SupervisedTask {
    const { pool, hosting, log, store, workerId } = this.#parts
    return new SupervisedTask(number, {
      pool,
      hosting,
      log: withFields(log, { task: number }),
      workerId,
      prepare: async (paused) => {
        const plan = await this.#plan()
        const generation = await store.generation(this.name)
        return { plan, spec: plan.task(number, this.#overlays?.[number] ?? {}, { generation, paused, level: this.#parts.level() }) }
      },
      topics: (topics) => this.#sawTopics(topics),
      changed: () => this.#changed(),
    })
  }

  async #plan(): Promise<Plan> {
    const { config, secrets } = await this.#parts.resolve(this.#config)
    const plan = planConnector({ ...config, name: this.name }, secrets, this.#parts)
    this.#version = plan.version
    return plan
  }

  #graceMs(config: RawConfig = this.#config): number {
    try {
      return runtimeSettings({ ...config, name: this.name }, this.#parts.defaults)['task.shutdown.graceful.timeout.ms']
    } catch {
      return 5_000 // A config that does not parse (any more) still has to be stopped: Connect's default.
    }
  }

  #sawTopics(topics: readonly string[]): void {
    const fresh = topics.filter((topic) => !this.#topics.has(topic))
    if (fresh.length === 0) return
    for (const topic of fresh) this.#topics.add(topic)
    this.#parts.store
      .addTopics(this.name, fresh)
      .catch((error: unknown) => this.#parts.log.error({ err: error }, 'Topics could not be stored'))
  }

  // Several changes of one moment are stored once.
  #changed(): void {
    if (this.#statusDue) return
    this.#statusDue = true
    setImmediate(() => {
      this.#statusDue = false
      const { connector, tasks } = this.status()
      const rows = [{ id: null, ...connector }, ...tasks]
      for (const { id, state, trace, worker_id: workerId } of rows) {
        const status = { task: id, state, trace: trace ?? null, workerId, sinceMs: Date.now() }
        this.#parts.store
          .saveStatus(this.name, id, status)
          .catch((error: unknown) => this.#parts.log.error({ err: error }, 'A status could not be stored'))
      }
    })
  }
}

/** True where both say the same, in whatever order of keys. */
export function sameConfig(a: RawConfig, b: RawConfig): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key])
}

function taskClass(connectorClass: string): string {
  return connectorClass.replace(/Connector$/, 'Task')
}

function withFields(log: Logger, fields: object): Logger {
  return {
    trace: (more, message) => log.trace({ ...fields, ...more }, message),
    debug: (more, message) => log.debug({ ...fields, ...more }, message),
    info: (more, message) => log.info({ ...fields, ...more }, message),
    warn: (more, message) => log.warn({ ...fields, ...more }, message),
    error: (more, message) => log.error({ ...fields, ...more }, message),
  }
}
