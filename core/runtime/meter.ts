import type { Progress } from '../contract/context.ts'
import type { RecordBatch } from '../contract/record.ts'
import type { SourceTask } from '../contract/source.ts'
import type { Offsets } from '../contract/record.ts'
import type { Beat } from './protocol.ts'
import type { LoopObserver, LoopStep } from './task.ts'

/** Longest time within one step for which computing counts as progress, in milliseconds. */
const busyMaxMs = 900_000

/** Whose work each step is. */
const endsAtWork: Readonly<Record<LoopStep, readonly ('source' | 'sink')[]>> = {
  opening: ['source', 'sink'],
  polling: ['source'],
  transforming: [],
  putting: ['sink'],
  flushing: ['sink'],
  saving: [],
  committing: ['source'],
  paused: [],
  closing: ['source', 'sink'],
}

/** Counts what a task does and notices when it last gave a sign of life. Costs a few assignments per batch. */
export class TaskMeter implements LoopObserver {
  readonly #onState: (state: 'RUNNING' | 'PAUSED') => void
  #step: LoopStep = 'opening'
  #stepMs = performance.now()
  #lifeMs = performance.now()
  #state: 'RUNNING' | 'PAUSED' | undefined
  #poll: { readonly signal: AbortSignal; readonly sinceMs: number } | undefined
  #overdueMs: number | undefined
  #progress: Progress = {}
  readonly #counts = { polled: 0, put: 0, filtered: 0, rejected: 0, retries: 0, flushes: 0 }
  #lastFlushMs: number | null = null
  /** Records that the sink refused since the counts were last settled. */
  #refusedBySink = 0

  constructor(onState: (state: 'RUNNING' | 'PAUSED') => void) {
    this.#onState = onState
  }

  step(step: LoopStep): void {
    this.#step = step
    this.#stepMs = this.#lifeMs = performance.now()
    if (step === 'opening' || step === 'closing') return
    const state = step === 'paused' ? 'PAUSED' : 'RUNNING'
    // Every pause is told, also one that came so soon after the last that the loop never ran: somebody waits for it.
    if (state !== this.#state || step === 'paused') this.#onState((this.#state = state))
  }

  batch(polled: number, put: number): void {
    this.#counts.polled += polled
    this.#counts.put += put
    this.#withoutRefused()
  }

  flushed(_records: number, durationMs: number): void {
    this.#counts.flushes++
    this.#lastFlushMs = Math.round(durationMs)
    this.#withoutRefused()
  }

  /** The task did something that counts as progress. */
  alive(): void {
    this.#lifeMs = performance.now()
    this.#overdueMs = undefined
  }

  /** A report of the end at work is a sign of life: a source's own timers say nothing of a sink that hangs, and lag says nothing of work. */
  report(end: 'source' | 'sink', progress: Progress): void {
    this.#progress = { ...this.#progress, ...progress }
    const { lag: _, ...work } = progress
    if (Object.keys(work).length > 0 && endsAtWork[this.#step].includes(end)) this.alive()
  }

  /** The process computes: a long merge is no hang. Believed for so long only, since something may also run in circles. */
  busy(): void {
    if (endsAtWork[this.#step].length > 0 && performance.now() - this.#stepMs < busyMaxMs) this.#lifeMs = performance.now()
  }

  filtered(records: number): void {
    this.#counts.filtered += records
  }
  /** What was polled is put, filtered or rejected: a source's own rejections count as polled, and a sink's not as put. */
  rejected(by: 'source' | 'chain' | 'sink'): void {
    this.#counts.rejected++
    if (by === 'source') this.#counts.polled++
    if (by === 'sink') this.#refusedBySink++
    this.alive()
  }
  retried(): void {
    this.#counts.retries++
    this.alive()
  }

  pollBegan(signal: AbortSignal): void {
    this.#poll = { signal, sinceMs: performance.now() }
    this.#overdueMs = undefined
  }
  pollEnded(): void {
    this.#poll = undefined
    this.alive()
  }

  /** Milliseconds that the outstanding poll has waited for input; 0: none is outstanding. */
  get pollingMs(): number {
    return this.#poll && this.#step === 'polling' ? performance.now() - Math.max(this.#poll.sinceMs, this.#lifeMs) : 0
  }

  #withoutRefused(): void {
    this.#counts.put -= this.#refusedBySink
    this.#refusedBySink = 0
  }

  beat(id: number): Beat {
    return {
      id,
      step: this.#step,
      quietMs: Math.round(this.#quietMs()),
      ...this.#counts,
      lastFlushMs: this.#lastFlushMs,
      progress: this.#progress,
    }
  }

  /** Waiting for input is no silence; a poll that was told to return and does not is. */
  #quietMs(): number {
    const now = performance.now()
    if (this.#step === 'paused') return 0
    if (this.#step !== 'polling') return now - this.#lifeMs
    if (!this.#poll?.signal.aborted) return 0
    this.#overdueMs ??= now
    return now - this.#overdueMs
  }
}

/** Tells the meter when a poll begins and ends. */
export class MeteredSource implements SourceTask {
  readonly #source: SourceTask
  readonly #meter: TaskMeter
  readonly commit?: (offsets: Offsets) => Promise<void>

  constructor(source: SourceTask, meter: TaskMeter) {
    this.#source = source
    this.#meter = meter
    if (source.commit) this.commit = (offsets) => source.commit!(offsets)
  }

  open(offsets: Offsets | undefined): Promise<void> {
    return this.#source.open(offsets)
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    this.#meter.pollBegan(signal)
    try {
      return await this.#source.poll(signal)
    } finally {
      this.#meter.pollEnded()
    }
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#source[Symbol.asyncDispose]()
  }
}
