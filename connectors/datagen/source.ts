import { setImmediate as yieldToEvents, setTimeout as sleep } from 'node:timers/promises'
import {
  ConfigError,
  idle,
  partitionKey,
  record,
  type ConfigOf,
  type ConnectRecord,
  type Offsets,
  type RecordBatch,
  type SourceTask,
  type TaskContext,
} from '../../core/index.ts'
import type { datagenConfig, TemplateName } from './config.ts'
import { recordsOf } from './offsets.ts'
import { hash } from './random.ts'
import { templates, type Template } from './templates.ts'

/** Longest wait of one poll, so that a finished or slow task is still seen to be alive. */
const pollWaitMs = 500
/** At a given rate, records are handed over about this often. */
const tickMs = 20

/**
 * Makes records out of nothing but a seed and a number. Task t of T makes the records t, t+T, t+2T ...; its position is how many of
 * them it has handed over, so it resumes exactly. `origin.position` is the position after the record.
 */
export class DatagenSourceTask implements SourceTask {
  readonly #config: ConfigOf<typeof datagenConfig>
  readonly #context: Pick<TaskContext, 'task' | 'report'>
  readonly #template: Template
  readonly #partition: string
  /** Records that this task makes in all; Infinity: endless. */
  readonly #total: number
  readonly #ratePerMs: number
  #done = 0
  #clockStartMs = 0
  #clockStartDone = 0

  constructor(config: ConfigOf<typeof datagenConfig>, context: Pick<TaskContext, 'task' | 'report'>) {
    this.#config = config
    this.#context = context
    this.#template = templates[config.template.toLowerCase() as TemplateName]
    this.#partition = partitionKey({ datagen: config.topic, task: context.task })
    const tasks = config['task.count']
    this.#total = config.count < 0 ? Infinity : Math.floor((config.count + tasks - 1 - context.task) / tasks)
    this.#ratePerMs = config.rate / 1000 / tasks
  }

  async open(offsets: Offsets | undefined): Promise<void> {
    this.#done = resumePosition(offsets?.[this.#partition], this.#config['task.count'])
    this.#restartClock()
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    if (this.#done >= this.#total) {
      this.#context.report({ phase: `done: ${this.#done} records` })
      await wait(pollWaitMs, signal)
      return idle
    }
    const rows = this.#ratePerMs === 0 ? await this.#allRows() : await this.#dueRows(signal)
    if (rows === 0) return idle
    const records = this.#make(Math.min(rows, this.#config['batch.rows'], this.#total - this.#done))
    const offsets = { [this.#partition]: { records: this.#done, tasks: this.#config['task.count'] } }
    return this.#done >= this.#total ? { records, offsets, checkpoint: true } : { records, offsets }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  // Nothing here waits, so without this turn of the event loop timers, signals and messages of the process would starve.
  async #allRows(): Promise<number> {
    await yieldToEvents()
    return this.#config['batch.rows']
  }

  async #dueRows(signal: AbortSignal): Promise<number> {
    const wanted = Math.min(this.#config['batch.rows'], Math.max(1, Math.floor(this.#ratePerMs * tickMs)), this.#total - this.#done)
    const due = this.#due()
    if (due >= wanted) return due
    const left = (this.#clockStartDone + wanted - (this.#clockStartDone + due)) / this.#ratePerMs
    await wait(Math.min(pollWaitMs, Math.ceil(left)), signal)
    return this.#due()
  }

  #due(): number {
    const elapsedMs = performance.now() - this.#clockStartMs
    const due = Math.floor(elapsedMs * this.#ratePerMs) - (this.#done - this.#clockStartDone)
    const most = Math.max(1, Math.floor(this.#ratePerMs * 1000))
    if (due <= most) return Math.max(0, due)
    this.#restartClock()
    return most
  }

  #restartClock(): void {
    this.#clockStartMs = performance.now()
    this.#clockStartDone = this.#done
  }

  #make(rows: number): ConnectRecord[] {
    const { topic, seed, keys, 'task.count': tasks } = this.#config
    const template = this.#template
    const records: ConnectRecord[] = []
    // Of the record, not of its content: a topic would forget at once what says it is old.
    const now = Date.now()
    for (let row = 0; row < rows; row++) {
      const n = this.#done * tasks + this.#context.task
      const id = keys === 0 ? n + 1 : (hash(seed ^ 0x4b4559, n) % keys) + 1
      this.#done++
      records.push(
        record(topic, template.value(seed, n, id), {
          key: template.key(seed, n, id),
          keySchema: template.keySchema,
          valueSchema: template.valueSchema,
          timestamp: now,
          origin: { partition: this.#partition, position: this.#done, seq: 0 },
        }),
      )
    }
    return records
  }
}

function resumePosition(position: unknown, tasks: number): number {
  if (position === undefined || position === null) return 0
  const { records, tasks: tasksThen } = recordsOf(position)
  if (tasksThen !== undefined && tasksThen !== tasks && records > 0) {
    const message =
      `The saved position was reached with ${tasksThen} tasks and there are ${tasks} now, which would repeat some records and skip others. ` +
      `Set tasks.max back to ${tasksThen}, or reset the connector's offsets.`
    throw new ConfigError([{ key: 'tasks.max', value: String(tasks), message }])
  }
  return records
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    // Aborted: the caller returns what there is.
  }
}
