import type { TaskContext } from '../contract/context.ts'
import type { OffsetStore } from '../contract/offsets.ts'
import { buildChain } from './chain.ts'
import { DeadLetters, type Stage } from './dead-letters.ts'
import { failureOf } from './failure.ts'
import { Gate } from './gate.ts'
import { connectorLogger, JsonLog } from './json-log.ts'
import { MeteredSource, TaskMeter } from './meter.ts'
import { createConverters, createEnds, createSteps, type PluginLoader } from './parts.ts'
import type { Beat, LevelName, TaskEnd, TaskSpec } from './protocol.ts'
import { Retry, RetryingSink, RetryingSource } from './retry.ts'
import { redactor } from './secrets.ts'
import { runTask } from './task.ts'
import { Tolerance, TolerantSink } from './tolerance.ts'

/** A poll that has waited this long for input is asked to return once, to tell waiting from hanging. Milliseconds. */
const pollProbeMs = 15_000

export interface TaskRunEvents {
  state(state: 'RUNNING' | 'PAUSED'): void
  topic(topic: string): void
  ended(end: TaskEnd): void
}

/** One run of one task inside a host: parts, wrappers and loop. */
export class TaskRun {
  readonly #id: number
  readonly #spec: TaskSpec
  readonly #stop = new AbortController()
  readonly #kill = new AbortController()
  readonly #gate: Gate
  readonly #meter: TaskMeter
  readonly #redact: (text: string) => string
  readonly #log: JsonLog
  #sink: TolerantSink | undefined

  constructor(id: number, spec: TaskSpec, write: (line: string) => void, events: TaskRunEvents) {
    this.#id = id
    this.#spec = spec
    this.#gate = new Gate(spec.paused)
    this.#redact = redactor(spec.secrets)
    this.#log = new JsonLog(
      { logger: connectorLogger(spec.connector), connector: spec.connector, task: spec.task },
      spec.level,
      write,
      this.#redact,
    )
    this.#meter = new TaskMeter((state) => events.state(state))
  }

  /** Runs to the end; never rejects. */
  async run(loader: PluginLoader, offsets: OffsetStore, events: TaskRunEvents): Promise<void> {
    try {
      const end = await this.#run(loader, offsets, events)
      events.ended(end === 'complete' ? end : null)
    } catch (error) {
      const failed = failureOf(error, this.#redact)
      if (this.#stop.signal.aborted) this.#log.warn({ err: error }, `The task failed while it was stopping: ${failed.message}`)
      events.ended(this.#stop.signal.aborted ? null : failed)
    }
  }

  pause(): void {
    this.#gate.close()
  }
  resume(): void {
    this.#gate.open()
  }
  stop(): void {
    this.#stop.abort()
  }
  kill(): void {
    this.#stop.abort()
    this.#kill.abort()
  }
  setLevel(level: LevelName): void {
    this.#log.level = level
  }
  forgetTopics(): void {
    this.#sink?.forgetTopics()
  }

  /** `busy`: the process used the processor since the last beat, and all of it was for this task. */
  beat(busy: boolean): Beat {
    if (busy) this.#meter.busy()
    if (this.#meter.pollingMs > pollProbeMs) this.#gate.nudge()
    return this.#meter.beat(this.#id)
  }

  async #run(loader: PluginLoader, offsets: OffsetStore, events: TaskRunEvents): ReturnType<typeof runTask> {
    const spec = this.#spec
    const meter = this.#meter
    const letters = new DeadLetters(spec.tolerance.deadLetters, spec.connector, spec.task)
    const tolerance = new Tolerance(spec.tolerance, letters, this.#log, meter)
    const steps = await createSteps(spec.steps, loader)
    const converters = await createConverters(spec.converters, loader)
    const context = (end: 'source' | 'sink', stage: Stage): TaskContext => ({
      connector: spec.connector,
      task: spec.task,
      generation: spec.generation,
      log: this.#log,
      converters,
      reject: (record, error) => tolerance.reject(stage, record, error),
      report: (progress) =>
        meter.report(end, progress.phase === undefined ? progress : { ...progress, phase: this.#redact(progress.phase) }),
    })
    const { source, sink } = await createEnds(spec, loader, {
      source: context('source', 'TASK_POLL'),
      sink: context('sink', 'TASK_PUT'),
    })
    const retry = new Retry(spec.retry, this.#log, this.#stop.signal, () => meter.retried())
    this.#sink = new TolerantSink(new RetryingSink(sink, retry), letters, (topic) => events.topic(topic))
    return runTask(
      {
        connector: spec.connector,
        task: spec.task,
        source: new MeteredSource(new RetryingSource(source, retry), meter),
        chain: tolerance.batchChain(buildChain(steps)),
        straight: steps.length === 0,
        sink: this.#sink,
        offsets,
        limits: spec.limits,
        observer: meter,
        gate: this.#gate,
      },
      this.#stop.signal,
      this.#kill.signal,
    )
  }
}
