import type { Logger, Progress } from '../contract/context.ts'
import type { TaskProgress, TaskStatus } from './control.ts'
import { failure, failureOf, type Failure } from './failure.ts'
import type { HostPool, Hosting } from './host-pool.ts'
import type { RedriveState } from './letters/redrive-job.ts'
import type { Plan } from './plan.ts'
import type { Beat, TaskEnd, TaskSpec } from './protocol.ts'
import { RateWindow } from './rate-window.ts'
import { RestartPolicy } from './restart-policy.ts'
import { hostLimits, type TaskHost } from './task-host.ts'

export interface SupervisionParts {
  readonly pool: HostPool
  readonly hosting: Hosting
  readonly log: Logger
  /** Reads the connector's config anew (providers may give other values) and makes this task's spec. */
  prepare(paused: boolean): Promise<{ readonly plan: Plan; readonly spec: TaskSpec }>
  workerId(): string
  topics(topics: readonly string[]): void
  /** The state changed: for the store. */
  changed(): void
  /** A run did work, or stood for a while: its code is fit to run. Told once for each run. */
  ranWell?(): void
  /** A run failed; `restarts`: it starts again by itself. True: the connector does something about it, and this task waits. */
  takesOver?(failed: Failure, restarts: boolean): boolean
  /** The source came to its end and all of it is durable. */
  completed(): void
}

/** What a running task is told besides how to run. */
export type TaskOrder =
  | { readonly type: 'level'; readonly level: TaskSpec['level'] }
  | { readonly type: 'forget-topics' }
  | { readonly type: 'redrive'; readonly state: RedriveState }

/** A task without a sign of life for this long is said to be stalled, long before it is failed for it. Milliseconds. */
const stalledMs = 5_000
/** A task that ran this long without a failure is fit to run, whether or not there was anything to do. Milliseconds. */
const fitMs = 10_000
let runs = 0
/** What fails before a task runs is redacted where it is thrown. */
const keep = (text: string) => text

interface Run {
  readonly id: number
  readonly host: TaskHost
  readonly over: Promise<void>
  stopping: boolean
  startedMs: number
  well: boolean
}

/** One task of a connector, over all its runs: starts it, watches it, decides what its end means. */
export class SupervisedTask {
  readonly #number: number
  readonly #parts: SupervisionParts
  readonly #policy = new RestartPolicy()
  readonly #rate = new RateWindow()
  #state: TaskStatus['state'] = 'UNASSIGNED'
  #failure: Failure | undefined
  #plan: Plan | undefined
  #paused = false
  #completed = false
  #run: Run | undefined
  /** Rises with every order to start or stop; a start that was overtaken gives up. */
  #order = 0
  #restart: { readonly timer: NodeJS.Timeout; readonly atMs: number } | undefined
  #restartDue = false
  #restarts = 0
  #beat: Beat | undefined
  #before = { polled: 0, put: 0, filtered: 0, rejected: 0, flushes: 0 }
  #stalled: TaskProgress['stalled'] = null
  #onQuiet: (() => void)[] = []

  constructor(number: number, parts: SupervisionParts) {
    this.#number = number
    this.#parts = parts
  }

  /** Starts it, unless it runs. A paused task is only noted as such: it costs nothing until it is resumed. */
  start(options: { readonly paused: boolean; readonly restarting: boolean }): void {
    this.#paused = options.paused
    this.#policy.reset()
    if (options.paused) return this.#become('PAUSED')
    this.#begin(options.restarting ? 'RESTARTING' : 'UNASSIGNED')
  }

  /** Resolves when it writes no more: paused, failed or gone. The caller bounds the wait. */
  pause(): Promise<void> {
    this.#paused = true
    if (this.#restart) {
      clearTimeout(this.#restart.timer)
      this.#restart = undefined
      this.#restartDue = true
    }
    if (!this.#run) {
      if (this.#state !== 'FAILED') {
        this.#order++
        this.#become('PAUSED')
      }
      return Promise.resolve()
    }
    this.#run.host.tell({ type: 'pause', id: this.#run.id })
    if (this.#state === 'PAUSED') return Promise.resolve()
    return new Promise((resolve) => this.#onQuiet.push(resolve))
  }

  resume(): void {
    this.#paused = false
    if (this.#run) {
      this.#run.host.tell({ type: 'resume', id: this.#run.id })
      // At once, so that a pause right after this one waits for its own answer.
      if (this.#state === 'PAUSED') this.#become('RUNNING')
      return
    }
    if (this.#state === 'PAUSED' || this.#restartDue) this.#begin(this.#restartDue ? 'RESTARTING' : 'UNASSIGNED')
  }

  /** Drains within `graceMs`, then kills. Resolves when nothing of it runs any more. */
  async stop(graceMs: number): Promise<void> {
    this.#order++
    this.#cancelRestart()
    const run = this.#run
    if (!run) return
    run.stopping = true
    run.host.tell({ type: 'stop', id: run.id })
    const kill = setTimeout(() => run.host.tell({ type: 'kill', id: run.id }), graceMs * 0.8)
    const end = setTimeout(() => {
      this.#parts.log.warn(
        { step: this.#beat?.step },
        `The task did not stop within ${graceMs} ms (task.shutdown.graceful.timeout.ms) and was killed`,
      )
      run.host.fail(failure('STALL', 'The task did not stop in time and was killed'))
    }, graceMs)
    await run.over
    clearTimeout(kill)
    clearTimeout(end)
  }

  /** Shows RESTARTING at once; the new run begins when nothing of the old one is left. */
  async restart(graceMs: number): Promise<void> {
    this.#become('RESTARTING')
    const stopped = this.stop(graceMs)
    const order = this.#order
    await stopped
    if (order !== this.#order) return
    this.start({ paused: this.#paused, restarting: true })
  }

  get state(): TaskStatus['state'] {
    return this.#state
  }
  /** Its last run came to the end of its source. */
  get completed(): boolean {
    return this.#completed
  }
  get trace(): string | null {
    return this.#failure?.trace ?? null
  }

  status(): TaskStatus {
    const base = { id: this.#number, state: this.#state, worker_id: this.#parts.workerId(), version: this.#plan?.version ?? null }
    if (this.#state !== 'FAILED') return base
    const again = this.#restart
      ? `\n(This task starts again by itself at ${new Date(this.#restart.atMs).toISOString()}, attempt ${this.#policy.attempts}.)`
      : ''
    return { ...base, trace: (this.#failure?.trace ?? 'The task failed') + again }
  }

  progress(): TaskProgress {
    const beat = this.#beat
    const total = (key: 'polled' | 'put' | 'filtered' | 'rejected' | 'flushes') => this.#before[key] + (beat?.[key] ?? 0)
    const progress: Progress = beat?.progress ?? {}
    return {
      ...progress,
      task: this.#number,
      state: this.#state,
      pid: this.#run?.host.pid ?? null,
      stalled: this.#stalled,
      records: { polled: total('polled'), put: total('put'), filtered: total('filtered'), rejected: total('rejected') },
      rate: this.#run ? this.#rate.perSecond() : 0,
      flushes: total('flushes'),
      lastFlushMs: beat?.lastFlushMs ?? null,
      restarts: this.#restarts,
      residentBytes: this.#run?.host.residentBytes ?? null,
      failure: this.#shownFailure(),
    }
  }

  /** The log's level changed, a person reset the topics, or ordered a redrive. */
  tell(message: TaskOrder): void {
    if (this.#run) this.#run.host.tell({ ...message, id: this.#run.id })
  }

  #shownFailure(): TaskProgress['failure'] {
    if (this.#state !== 'FAILED' || !this.#failure) return null
    const { code, message } = this.#failure
    return { code, message, restartsAtMs: this.#restart?.atMs ?? null }
  }

  #begin(state: TaskStatus['state']): void {
    if (this.#run) return
    this.#cancelRestart()
    const order = ++this.#order
    this.#failure = undefined
    this.#completed = false
    this.#become(state)
    void this.#prepare(order)
  }

  async #prepare(order: number): Promise<void> {
    const leave = await this.#parts.pool.enter()
    try {
      if (order !== this.#order) return leave()
      const { plan, spec } = await this.#parts.prepare(this.#paused)
      if (order === this.#order) this.#launch(plan, spec, leave)
      else leave()
    } catch (error) {
      leave()
      if (order === this.#order) this.#fail(failureOf(error, keep), 0)
    }
  }

  #launch(plan: Plan, spec: TaskSpec, leave: () => void): void {
    const { settings } = plan
    this.#plan = plan
    const hosting = (settings['task.hosting'] as Hosting | undefined) ?? this.#parts.hosting
    const host = this.#parts.pool.acquire(hosting, hostLimits(settings), leave)
    const { promise, resolve } = Promise.withResolvers<void>()
    const run: Run = { id: ++runs, host, over: promise, stopping: false, startedMs: performance.now(), well: false }
    this.#run = run
    this.#beat = undefined
    host.run(run.id, spec, {
      state: (state) => this.#become(state),
      beat: (beat) => this.#onBeat(run, beat),
      topics: (topics) => this.#parts.topics(topics),
      ended: (end) => {
        this.#onEnded(run, end)
        resolve()
        this.#parts.pool.release(host)
      },
    })
  }

  #onBeat(run: Run, beat: Beat): void {
    this.#beat = beat
    this.#rate.add(this.#before.put + beat.put)
    this.#judge(run, beat)
    const limit = this.#plan!.settings['task.stall.timeout.ms']
    if (beat.quietMs < Math.min(stalledMs, limit)) {
      if (this.#stalled) this.#parts.log.info({ step: beat.step }, 'The task makes progress again')
      this.#stalled = null
      return
    }
    if (!this.#stalled) this.#parts.log.warn({ step: beat.step, quietMs: beat.quietMs }, `The task makes no progress while ${beat.step}`)
    this.#stalled = { step: beat.step, sinceMs: Date.now() - beat.quietMs }
    if (beat.quietMs <= limit || run.stopping) return
    run.host.fail(
      failure(
        'STALL',
        `The task made no progress for ${beat.quietMs} ms while ${beat.step} (task.stall.timeout.ms=${limit}), and was killed`,
      ),
    )
  }

  /** Code that flushed something, or was up for a while, is no worse than what ran before it. */
  #judge(run: Run, { flushes }: Beat): void {
    if (run.well || this.#state !== 'RUNNING' || (flushes === 0 && performance.now() - run.startedMs < fitMs)) return
    run.well = true
    this.#parts.ranWell?.()
  }

  #onEnded(run: Run, end: TaskEnd): void {
    const ranMs = performance.now() - run.startedMs
    const beat = this.#beat
    if (beat) {
      const { polled, put, filtered, rejected, flushes } = this.#before
      this.#before = {
        polled: polled + beat.polled,
        put: put + beat.put,
        filtered: filtered + beat.filtered,
        rejected: rejected + beat.rejected,
        flushes: flushes + beat.flushes,
      }
      this.#beat = { ...beat, polled: 0, put: 0, filtered: 0, rejected: 0, flushes: 0 }
    }
    this.#run = undefined
    this.#stalled = null
    if (run.stopping) this.#settleQuiet()
    else if (end === 'complete') this.#complete()
    else this.#fail(end ?? failure('BUG', 'The task ended by itself'), ranMs)
  }

  #complete(): void {
    this.#completed = true
    this.#become('UNASSIGNED')
    this.#settleQuiet()
    this.#parts.log.info({}, 'The task is complete: its source has no more')
    this.#parts.completed()
  }

  #fail(failed: Failure, ranMs: number): void {
    this.#failure = failed
    this.#become('FAILED')
    const delay = this.#plan && this.#policy.delayMs(failed, ranMs, this.#plan.settings)
    this.#parts.log.error({ code: failed.code, trace: failed.trace, restartMs: delay ?? null }, `The task failed: ${failed.message}`)
    if (this.#parts.takesOver?.(failed, delay !== undefined) || delay === undefined) return
    if (this.#paused) {
      this.#restartDue = true
      return
    }
    const timer = setTimeout(() => {
      this.#restart = undefined
      this.#restarts++
      this.#begin('RESTARTING')
    }, delay)
    this.#restart = { timer, atMs: Date.now() + delay }
  }

  #cancelRestart(): void {
    clearTimeout(this.#restart?.timer)
    this.#restart = undefined
    this.#restartDue = false
  }

  #become(state: TaskStatus['state']): void {
    // A task that was told to pause before it ran says RUNNING for a moment; a stopping one says nothing of interest.
    if (this.#run?.stopping && state !== 'RESTARTING') return
    if (state !== this.#state) {
      this.#state = state
      if (state !== 'FAILED') this.#parts.log.info({ state }, `The task is ${state}`)
      this.#parts.changed()
    }
    if (state === 'PAUSED' || state === 'FAILED') this.#settleQuiet()
  }

  #settleQuiet(): void {
    for (const resolve of this.#onQuiet.splice(0)) resolve()
  }
}
