import type { OffsetStore } from '../contract/offsets.ts'
import type { ConnectRecord, Offsets, RecordBatch } from '../contract/record.ts'
import type { SinkTask } from '../contract/sink.ts'
import type { SourceTask } from '../contract/source.ts'
import { FlushPolicy, type FlushLimits } from './flush-policy.ts'

/** The transforms of a task over one batch: what goes on to the sink. What they refuse is settled (dead letter or throw) inside. */
export type BatchChain = (records: readonly ConnectRecord[]) => Promise<readonly ConnectRecord[]> | readonly ConnectRecord[]

export interface TaskParts {
  readonly connector: string
  /** Number of the task: each counts its own flushes. */
  readonly task: number
  readonly source: SourceTask
  readonly chain: BatchChain
  /** True: the chain passes everything on as it is, so records may go to the sink undecoded. */
  readonly straight: boolean
  readonly sink: SinkTask
  readonly offsets: OffsetStore
  readonly limits: FlushLimits & {
    /** A batch larger than this is written before the next poll begins; smaller ones are polled ahead. Bytes. */
    readonly aheadBytes: number
  }
  /** Told what the loop does; the watchdog and the metrics listen. */
  readonly observer: LoopObserver
  /** Resolves when the task may go on; waits while the connector is paused. */
  readonly gate: PauseGate
}

/** The steps of the loop, as the watchdog and people see them. */
export type LoopStep = 'opening' | 'polling' | 'transforming' | 'putting' | 'flushing' | 'saving' | 'committing' | 'paused' | 'closing'

export interface LoopObserver {
  step(step: LoopStep): void
  batch(polled: number, put: number, bytes: number): void
  flushed(records: number, durationMs: number): void
}

export interface PauseGate {
  /** True: the loop should flush and wait. */
  readonly closed: boolean
  /** Calls back whenever the gate closes, so that a waiting poll returns early; the answer undoes it. */
  onClose(callback: () => void): Disposable
  /** Resolves once the gate is open or `stop` aborts. */
  wait(stop: AbortSignal): Promise<void>
}

/**
 * Counts the flushes of a task, in the offsets that the sink and the store get: after a crash between the sink's commit and the
 * store's save the greater number tells which of the two is ahead. Never shown to sources or people.
 */
export const flushKey = (task: number) => `#flush/${task}`

/** True for the entries of a connector's offsets that are ours and no source partition. */
export const isFlushKey = (partition: string) => partition.startsWith('#flush/')

/**
 * Moves records until `stop` aborts or a part fails: poll -> chain -> put -> flush -> save -> commit. The only loop in the system.
 *
 * The order of the last three never changes: durable, then remembered, then may the upstream forget. A source transaction (`open` batches)
 * is never split by a flush. While one batch is written the next is polled; a batch over `aheadBytes` is written first. On a graceful stop
 * a batch that was polled ahead is dropped: it was never counted as taken. A stop or a pause inside an open transaction does not wait for
 * its end: what was put of it is not flushed, and comes again after a restart. A batch that asks for a checkpoint is flushed, saved and
 * committed before the next poll, if it has no records; so a source can hand over what it must give away.
 *
 * Resolves to `complete` where the source came to its end, else to `stopped`.
 */
export async function runTask(parts: TaskParts, stop: AbortSignal, kill: AbortSignal): Promise<'complete' | 'stopped'> {
  const { connector, chain, offsets, limits, observer, gate } = parts
  const counter = flushKey(parts.task)
  await using sink = parts.sink
  await using source = parts.source
  using policy = new FlushPolicy(limits, stop)
  using _ = gate.onClose(() => policy.expire())
  let position: Offsets = {} // of every partition that this task ever moved, for the sink
  let pending: Offsets = {} // what moved since the last flush
  let unflushed = 0
  let open = false
  let ahead: Promise<RecordBatch> | undefined

  const checkpoint = async (all = false) => {
    if (Object.keys(pending).length > 0 || unflushed > 0) {
      const began = performance.now()
      observer.step('flushing')
      const flush = { [counter]: Number(position[counter] ?? 0) + 1 }
      position = { ...position, ...pending, ...flush }
      const durable = (await sink.flush?.(position, kill, all)) ?? position
      const moved = Object.fromEntries(Object.keys(pending).flatMap((key) => (durable[key] === undefined ? [] : [[key, durable[key]]])))
      observer.step('saving')
      await offsets.save(connector, { ...moved, ...flush })
      observer.step('committing')
      await source.commit?.(moved)
      observer.flushed(unflushed, performance.now() - began)
      // What the sink holds stays pending, so it is asked again in the next window.
      pending = durable === position ? {} : Object.fromEntries(Object.entries(pending).filter(([key, at]) => durable[key] !== at))
      unflushed = 0
    }
    policy.reset()
    if (Object.keys(pending).length > 0) policy.due(0, 0, true)
  }
  const poll = () => {
    const batch = source.poll(policy.signal)
    batch.catch(() => {}) // A failure is seen where the batch is awaited; until then it must not count as unhandled.
    return batch
  }

  observer.step('opening')
  await sink.open?.()
  const saved = await offsets.load(connector)
  const committed = await sink.committed?.()
  const caughtUp = sinkAhead(saved, committed, counter) ? committed : undefined
  // A crash came between the flush and the save: the store catches up now, not with the next record.
  if (caughtUp !== undefined) await offsets.save(connector, caughtUp)
  position = caughtUp ?? ownPositions(saved, committed, counter)
  const start = caughtUp === undefined ? saved : { ...saved, ...caughtUp }
  await source.open(start && withoutFlush(start))
  if (caughtUp !== undefined) await source.commit?.(withoutFlush(caughtUp))
  const formats = parts.straight && sink.forward ? (sink.formats ?? []) : []
  let complete = false
  while (!stop.aborted && !complete) {
    if (gate.closed) {
      if (!open) await checkpoint()
      observer.step('paused')
      await gate.wait(stop)
      policy.postpone()
      continue
    }
    observer.step('polling')
    const batch = await (ahead ?? poll())
    ahead = undefined
    const whole = batch.whole && formats.includes(batch.whole.format) ? batch.whole : undefined
    const polled = whole ? whole.count : batch.records.length
    complete = batch.end ?? false
    if (stop.aborted && !open && polled > 0) break
    const bytes = batch.bytes ?? 0
    if (!stop.aborted && !gate.closed && !complete && bytes <= limits.aheadBytes && polled > 0) ahead = poll()
    let put = polled
    if (whole) {
      observer.step('putting')
      await sink.forward!(whole, kill)
    } else {
      observer.step('transforming')
      const kept = await chain(batch.records)
      put = kept.length
      if (put > 0) {
        observer.step('putting')
        await sink.put(kept, kill)
      }
    }
    observer.batch(polled, put, bytes)
    unflushed += put
    open = batch.open ?? false
    const away = new Set([...(batch.released ?? []), ...(sink.forget ? (batch.rewound ?? []) : [])])
    if (away.size > 0) {
      await sink.forget?.([...away])
      pending = withoutPartitions(pending, away)
      position = withoutPartitions(position, away)
    }
    const moved = Object.keys(batch.offsets).length > 0
    if (moved) pending = { ...pending, ...batch.offsets }
    const due = policy.due(polled, bytes, moved)
    if (open) policy.postpone()
    else if (due || batch.checkpoint) await checkpoint()
  }
  if (!open) await checkpoint(complete)
  observer.step('closing')
  return complete && !open ? 'complete' : 'stopped'
}

/** True where the sink is a flush ahead of the store, or the store knows nothing. */
function sinkAhead(saved: Offsets | undefined, committed: Offsets | undefined, counter: string): boolean {
  if (committed === undefined) return false
  return saved === undefined || Number(committed[counter] ?? 0) > Number(saved[counter] ?? 0)
}

/** The store's positions of what this task's sink has had: the connector's other partitions belong to other tasks, and age here. */
function ownPositions(saved: Offsets | undefined, committed: Offsets | undefined, counter: string): Offsets {
  const own = new Set([...Object.keys(committed ?? {}), counter])
  return Object.fromEntries(Object.entries(saved ?? {}).filter(([partition]) => own.has(partition)))
}

function withoutFlush(offsets: Offsets): Offsets {
  return Object.fromEntries(Object.entries(offsets).filter(([partition]) => !isFlushKey(partition)))
}

function withoutPartitions(offsets: Offsets, gone: ReadonlySet<string>): Offsets {
  return Object.fromEntries(Object.entries(offsets).filter(([partition]) => !gone.has(partition)))
}
