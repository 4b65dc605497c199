import type { Logger } from '../contract/context.ts'
import { BadRequestError, ConflictError } from '../contract/errors.ts'
import type { StoredConnector, WorkerStore } from '../store/store.ts'
import { connectorStatus, taskInfos } from './connector-status.ts'
import type { ConnectorInfo, ConnectorStatus, TargetState, TaskInfo, TaskProgress } from './control.ts'
import { typeOf, type RawConfig } from './ends.ts'
import { failureOf, type Failure } from './failure.ts'
import type { HostPool, Hosting } from './host-pool.ts'
import { reportOf, type LetterDesk, type RedriveOrder, type RedriveReport } from './letters/letter-desk.ts'
import { openDesk } from './letters/open-desk.ts'
import { withFields } from './log-fields.ts'
import { Planning, type PlanningParts } from './planning.ts'
import { ConnectorVersions, wentBackText } from './plugins/connector-versions.ts'
import type { LevelName } from './protocol.ts'
import { sameConfig } from './same-config.ts'
import { SupervisedTask } from './supervised-task.ts'
import { StatusJournal } from './status-journal.ts'
import { stored, targets } from './target-states.ts'
import { Turns } from './turns.ts'
import { Upstream } from './upstream.ts'
import { splitWork } from './work-split.ts'

export interface ConnectorParts extends PlanningParts {
  readonly pool: HostPool
  readonly hosting: Hosting
  readonly store: WorkerStore
  readonly log: Logger
  workerId(): string
  level(): LevelName
}

/** A connector as the worker holds it: its config, what it should be, and its tasks. Changes run one after another. */
export class Connector {
  readonly name: string
  readonly #parts: ConnectorParts
  #config: RawConfig
  #target: TargetState
  #overlays: readonly RawConfig[] | null
  #tasks: readonly SupervisedTask[] = []
  #final: readonly TaskProgress[] = []
  #failure: Failure | undefined
  #split: boolean
  /** It is deleted, or the worker ends: nothing of it starts any more. */
  #ended = false
  #completed: boolean
  #topics = new Set<string>()
  readonly #turns: Turns
  readonly #journal: StatusJournal
  readonly upstream: Upstream
  readonly #versions: ConnectorVersions
  readonly #planning: Planning

  constructor({ name, config, target, tasks: overlays, versions }: StoredConnector, parts: ConnectorParts) {
    this.name = name
    this.#config = config
    this.#target = targets[target]
    this.#completed = target === 'COMPLETED'
    this.#overlays = overlays
    this.#split = overlays !== null
    this.#parts = parts
    this.#turns = new Turns(parts.log)
    this.#journal = new StatusJournal(() => this.status(), parts.store, parts.log)
    this.#versions = new ConnectorVersions(parts.registry, parts.defaults, versions)
    this.#planning = new Planning(name, () => this.#config, this.#versions, parts)
    this.upstream = new Upstream(name, parts.pool, this.#planning)
  }

  get config(): RawConfig {
    return this.#config
  }
  get target(): TargetState {
    return this.#target
  }
  /** It stopped by itself: its source has no more. */
  get completed(): boolean {
    return this.#completed && this.#target === 'STOPPED'
  }
  get topics(): readonly string[] {
    return [...this.#topics].sort()
  }

  /** Stores it as it is. */
  async save(): Promise<void> {
    const { name } = this
    const target = this.#completed && this.#target === 'STOPPED' ? 'COMPLETED' : stored[this.#target]
    const versions = this.#versions.stored
    const kept = { name, config: this.#config, target, tasks: this.#overlays, ...(versions && { versions }) }
    await this.#parts.store.saveConnector(kept)
  }

  /** Brings its tasks to what its target asks for, in the background; a fault is seen in its status. */
  begin(): void {
    void this.#turns.take(async () => {
      for (const topic of await this.#parts.store.topics(this.name)) this.#topics.add(topic)
      // Created paused or stopped: no task exists before it is resumed. Found paused in the store: it had tasks, and they are shown.
      if (this.#target === 'RUNNING' || (this.#target === 'PAUSED' && this.#split)) await this.#startTasks()
    })
  }

  /** Takes the new config; resolves when it is stored. Running tasks are replaced in the background. */
  async reconfigure(config: RawConfig): Promise<void> {
    await this.#turns.take(async () => {
      if (sameConfig(config, this.#config)) return
      const had = this.#tasks.length > 0 || this.#failure !== undefined
      const old = this.#config
      this.#config = config
      this.#overlays = null
      this.#versions.reconsider()
      try {
        await this.save()
      } catch (error) {
        this.#config = old
        throw error
      }
      void this.#turns.take(async () => {
        await this.#stopTasks(old)
        this.#failure = undefined
        if (this.#target === 'RUNNING' || (this.#target === 'PAUSED' && had)) await this.#startTasks()
      })
    })
  }

  /** Resolves when no task writes any more, at the latest after the graceful timeout. */
  async pause(): Promise<void> {
    await this.#turns.take(async () => {
      await this.#aim('PAUSED')
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#planning.graceMs(this.#config))))
      await Promise.race([Promise.all(this.#tasks.map((task) => task.pause())), late])
      clearTimeout(timer)
    })
  }

  async resume(): Promise<void> {
    await this.#turns.take(async () => {
      await this.#aim('RUNNING')
      if (this.#tasks.length > 0) for (const task of this.#tasks) task.resume()
      else if (!this.#failure) void this.#turns.take(() => this.#startTasks())
    })
  }

  /** Resolves when all tasks are gone. */
  async stop(): Promise<void> {
    await this.#turns.take(() => this.#halt(false))
  }

  /** Ends the tasks because the worker ends: what the connector should be stays as it is. */
  async close(): Promise<void> {
    this.#ended = true
    await this.#turns.take(() => this.#stopTasks(this.#config))
  }

  /** Stops the tasks, then lets the source release what it holds upstream. */
  async destroy(): Promise<void> {
    this.#ended = true
    await this.#turns.take(async () => {
      await this.#stopTasks(this.#config)
      try {
        await this.upstream.release()
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
      void this.#turns.take(() => (this.#target === 'RUNNING' && this.#tasks.length === 0 ? this.#startTasks() : Promise.resolve()))
    }
    const planned = before.tasks.map((status, index) => {
      const { trace: _, ...rest } = status
      return chosen.includes(this.#tasks[index]!) ? { ...rest, state: 'RESTARTING' as const } : status
    })
    if (chosen.length > 0) void this.#turns.take(() => this.#restartTasks(chosen))
    const { trace: _, ...rest } = before.connector
    return { ...before, connector: itself ? { ...rest, state: 'RESTARTING' } : before.connector, tasks: planned }
  }

  /** False: no such task. Resolves when the restart is ordered. */
  restartTask(number: number): boolean {
    const task = this.#tasks[number]
    if (!task) return false
    void this.#turns.take(() => this.#restartTasks([task]))
    return true
  }

  info(): ConnectorInfo {
    const tasks = this.#tasks.map((_, task) => ({ connector: this.name, task }))
    return { name: this.name, config: this.#config, tasks, type: this.type }
  }

  get type(): 'source' | 'sink' | 'unknown' {
    return typeOf(this.#config, this.#parts.registry) ?? 'unknown'
  }

  taskInfos(): readonly TaskInfo[] {
    return taskInfos(this.name, this.#config, (this.#overlays ?? []).slice(0, this.#tasks.length))
  }

  status(): ConnectorStatus {
    return connectorStatus({
      name: this.name,
      type: this.type,
      target: this.#target,
      failure: this.#failure,
      split: this.#split,
      workerId: this.#parts.workerId(),
      version: this.#planning.version,
      tasks: this.#tasks,
    })
  }

  progress(): readonly TaskProgress[] {
    return this.completed ? this.#final : this.#tasks.map((task) => task.progress())
  }

  forgetTopics(): void {
    this.#topics.clear()
    for (const task of this.#tasks) task.tell({ type: 'forget-topics' })
  }

  setLevel(level: LevelName): void {
    for (const task of this.#tasks) task.tell({ type: 'level', level })
  }

  /** The versions of plugins that it runs with, or would if it were started. */
  versions(): ReturnType<ConnectorVersions['shown']> {
    return this.#versions.shown(this.#config)
  }

  /** Its dead letters, and what removes the config's secrets from them. */
  async letters(): Promise<{ readonly desk: LetterDesk; readonly redact: (text: string) => string }> {
    return openDesk(this.name, await this.#planning.plan(), this.#parts)
  }

  /** Has its first task replay dead letters, at the latest when it runs again. */
  async redrive(order: RedriveOrder): Promise<RedriveReport & { readonly letters: number | null }> {
    const { desk } = await this.letters()
    return this.#turns.take(async () => {
      if (this.#target === 'STOPPED') throw new ConflictError(`Connector ${this.name} is stopped: resume it, as its task does the redrive`)
      const { state, letters } = await desk.order(order)
      this.#tasks[0]?.tell({ type: 'redrive', state })
      return { ...reportOf(state), letters }
    })
  }

  /** Does something that only a STOPPED connector bears; no task can start meanwhile. */
  whileStopped(work: () => Promise<void>): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#target !== 'STOPPED') throw new BadRequestError(notStopped(this.name))
      await work()
    })
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
    this.#journal.changed()
  }

  async #startTasks(): Promise<void> {
    // An order that was queued before this one may have started them already, or a stop or the end may have overtaken it.
    if (this.#ended || this.#tasks.length > 0 || this.#target === 'STOPPED') return
    try {
      this.#versions.begin(await this.#planning.resolved())
      this.#overlays ??= await splitWork(this.name, await this.#planning.plan(), this.#parts.pool)
      await this.save()
      this.#split = true
      this.#tasks = this.#overlays.map((_, number) => this.#task(number))
      for (const task of this.#tasks) task.start({ paused: this.#target === 'PAUSED', restarting: false })
    } catch (error) {
      this.#failure = failureOf(error, (text) => text)
      this.#goesBack(this.#failure, false)
      this.#parts.log.error({ err: error }, `The connector could not be started: ${this.#failure.message}`)
    }
    this.#journal.changed()
  }

  // A change that was ordered before may have replaced them. All at once: the connector takes the versions that are the newest now.
  async #restartTasks(tasks: readonly SupervisedTask[]): Promise<void> {
    const there = tasks.filter((task) => this.#tasks.includes(task))
    if (there.length > 0 && there.length === this.#tasks.length && (await this.#hasOtherVersions())) return this.#startAnew()
    const graceMs = this.#planning.graceMs(this.#config)
    await Promise.all(there.map((task) => task.restart(graceMs)))
  }

  /** False also where the config cannot be resolved now: then the tasks say so. */
  async #hasOtherVersions(): Promise<boolean> {
    try {
      return this.#versions.begin(await this.#planning.resolved())
    } catch {
      return false
    }
  }

  /** Ends all tasks and splits the work anew: other versions of the plugins may split it otherwise. */
  async #startAnew(): Promise<void> {
    await this.#stopTasks(this.#config)
    this.#overlays = null
    this.#failure = undefined
    if (this.#target !== 'STOPPED') await this.#startTasks()
  }

  /** New versions failed before they did any work: the connector starts with those before them. False: they are not new, or not to blame yet. */
  #goesBack(failed: Failure, restarts: boolean): boolean {
    if (restarts && (failed.code === 'RETRIABLE' || failed.code === 'FENCED')) return false
    const went = this.#versions.failed(this.#config, failed.message)
    if (!went) return false
    this.#parts.log.warn({ failed: went.failed, back: went.to }, wentBackText(went))
    void this.#turns.take(() => this.#startAnew())
    return true
  }

  #ranWell(): void {
    if (!this.#versions.ranWell()) return
    void this.#turns.take(async () => {
      if (!this.#ended) await this.save()
    })
  }

  async #stopTasks(config: RawConfig): Promise<void> {
    const graceMs = this.#planning.graceMs(config)
    await Promise.all(this.#tasks.map((task) => task.stop(graceMs)))
    this.#tasks = []
    this.#split = false
    this.#versions.end()
  }

  #task(number: number): SupervisedTask {
    const { pool, hosting, log, store, workerId } = this.#parts
    return new SupervisedTask(number, {
      pool,
      hosting,
      log: withFields(log, { task: number }),
      workerId,
      prepare: async (paused) => {
        const plan = await this.#planning.plan()
        const generation = await store.generation(this.name)
        return { plan, spec: plan.task(number, this.#overlays?.[number] ?? {}, { generation, paused, level: this.#parts.level() }) }
      },
      topics: (topics) => this.#sawTopics(topics),
      changed: () => this.#journal.changed(),
      ranWell: () => this.#ranWell(),
      takesOver: (failed, restarts) => this.#goesBack(failed, restarts),
      completed: () => void this.#turns.take(() => this.#complete()),
    })
  }

  /** Stops by itself once the sources of all tasks have no more. */
  async #complete(): Promise<void> {
    if (this.#target !== 'RUNNING' || this.#tasks.length === 0 || !this.#tasks.every((task) => task.completed)) return
    await this.#halt(true)
    this.#parts.log.info({}, 'The connector is complete and STOPPED: its source has no more')
  }

  async #halt(completed: boolean): Promise<void> {
    if (completed) this.#final = this.progress()
    this.#target = 'STOPPED'
    await this.#stopTasks(this.#config)
    this.#overlays = null
    this.#failure = undefined
    this.#completed = completed
    await this.save()
    this.#journal.changed()
  }

  #sawTopics(topics: readonly string[]): void {
    const fresh = topics.filter((topic) => !this.#topics.has(topic))
    if (fresh.length === 0) return
    for (const topic of fresh) this.#topics.add(topic)
    this.#parts.store
      .addTopics(this.name, fresh)
      .catch((error: unknown) => this.#parts.log.error({ err: error }, 'Topics could not be stored'))
  }
}

/** Connect's text. */
export const notStopped = (name: string) =>
  `Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified connector by issuing a 'PUT' request to the '/connectors/${name}/stop' endpoint`
