import type { TaskContext } from '../contract/context.ts'
import type { OffsetStore } from '../contract/offsets.ts'
import { BisectingSink, type RefuseRecord } from './bisecting-sink.ts'
import { buildChain, buildPreparedChain } from './chain.ts'
import { failureOf } from './failure.ts'
import { Gate } from './gate.ts'
import { connectorLogger, JsonLog } from './json-log.ts'
import { openLetters } from './letters/open-letters.ts'
import { RedriveMarks } from './letters/redrive-marks.ts'
import type { RedriveState } from './letters/redrive-job.ts'
import { RedrivingSource } from './letters/redriving-source.ts'
import { MeteredSource, TaskMeter } from './meter.ts'
import { createConverters, createEnds, createSteps, disposing, type PluginLoader } from './parts.ts'
import { shownProgress } from './plugin-answers.ts'
import { stagesOf } from './task-stages.ts'
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
  readonly #redrives: RedriveState[] = []
  #sink: TolerantSink | undefined
  #redriving: RedrivingSource | undefined

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
  /** Dead letters are to be handed out again. Ordered before the task is up, it begins then. */
  redrive(state: RedriveState): void {
    if (!this.#redriving) {
      this.#redrives.push(state)
      return
    }
    this.#redriving.begin(state)
    this.#gate.nudge()
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
    const retry = new Retry(spec.retry, this.#log, this.#stop.signal, () => meter.retried())
    const steps = await createSteps(spec.steps, loader, { connector: spec.connector, task: spec.task, log: this.#log })
    await using _steps = disposing(steps)
    const prepared = buildPreparedChain(steps)
    const converters = await createConverters(spec.converters, loader)
    const { letters, reader } = await openLetters(spec, loader, {
      converters,
      retry,
      log: this.#log,
      redact: this.#redact,
      kill: this.#kill.signal,
    })
    await using _ = letters
    const marks = new RedriveMarks()
    const stages = stagesOf(spec)
    const id = `${spec.connector}-${spec.task}`
    const classAt = stages.classAt
    const tolerance = new Tolerance(spec.tolerance, { id, letters, marks, log: this.#log, meter, retry, classAt })
    const context = (end: 'source' | 'sink'): TaskContext => ({
      connector: spec.connector,
      task: spec.task,
      generation: spec.generation,
      log: this.#log,
      converters,
      reject: (record, error, stage) => tolerance.reject(end, stage ?? stages[end], record, error),
      report: (given) => {
        const progress = shownProgress(given)
        meter.report(end, progress.phase === undefined ? progress : { ...progress, phase: this.#redact(progress.phase) })
      },
    })
    const { source, sink } = await createEnds(spec, loader, { source: context('source'), sink: context('sink') })
    const redriving = new RedrivingSource(source, {
      reader,
      context: context('source'),
      marks,
      resumes: spec.task === 0,
      log: this.#log,
      redriveMax: spec.tolerance.redriveMax,
    })
    this.#redriving = redriving
    for (const state of this.#redrives.splice(0)) redriving.begin(state)
    const refuse: RefuseRecord = (record, error) => tolerance.reject('sink', stages.sink, record, error)
    const bisecting = new BisectingSink(new RetryingSink(sink, retry), refuse, (error) => tolerance.isFinal(error))
    this.#sink = new TolerantSink(bisecting, tolerance, (topic) => events.topic(topic))
    return await runTask(
      {
        connector: spec.connector,
        task: spec.task,
        source: new MeteredSource(new RetryingSource(redriving, retry), meter),
        chain: prepared ? tolerance.batchChain(prepared, true) : tolerance.batchChain(buildChain(steps)),
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
