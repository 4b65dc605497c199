import { setImmediate as turn } from 'node:timers/promises'
import type { Logger } from '../../contract/context.ts'
import type { ConnectRecord } from '../../contract/record.ts'
import { buildChain, type ChainStep } from '../chain.ts'
import { createConverters, createSteps, disposing, loadSink, type PluginLoader } from '../parts.ts'
import type { StepSpec } from '../protocol.ts'
import { treeText, type Tree, type TreeObject } from './exact-tree.ts'
import { previewLimits, type PreviewSpec } from './preview-spec.ts'
import { recordChanges } from './record-changes.ts'
import { convert } from './shown-bytes.ts'
import { Showing } from './shown.ts'
import { takeRecords } from './take-records.ts'

export interface PreviewParts {
  readonly loader: PluginLoader
  readonly log: Logger
  /** Values that the answer must not hold. */
  readonly secrets: readonly string[]
  /** Told before foreign code runs. */
  at(place: string): void
}

/** One record on its way through the preview. */
export interface Traced {
  before: TreeObject
  readonly steps: Tree[]
  /** null: it was dropped or rejected. */
  current: ConnectRecord | null
  shown: TreeObject
  outcome: 'passed' | 'dropped' | 'rejected'
  /** Where and why it was rejected. */
  rejected: TreeObject | null
  bytes: Tree
}

/**
 * Takes records through the chain step by step and says what each step did; then what the converters make of them, and what the sink would do to
 * its targets. Nothing is written. The answer is JSON text, so that numbers keep their digits; its shape: the OpenAPI document, `Preview`.
 * Throws a BadRequestError for a wrong sample, a ConfigError for a wrong config.
 */
export async function runPreview(spec: PreviewSpec, parts: PreviewParts): Promise<string> {
  const { loader, log, at } = parts
  const showing = new Showing(parts.secrets)
  at("Loading the chain's plugins")
  const steps = await createSteps(spec.steps, loader, { connector: spec.connector, task: 0, log })
  await using _steps = disposing(steps)
  const converters = await createConverters(spec.converters, loader)
  const taken = await takeRecords(spec, { ...parts, converters, showing })
  const traces = taken.traces
  const notes = [...spec.notes, ...taken.notes]
  for (const [index, step] of steps.entries()) {
    const stepSpec = spec.steps[index]!
    at(`Transform "${stepSpec.alias}" (${stepSpec.transform.class})`)
    // A turn of the event loop, so that the word is out even if the transform never lets go.
    await turn()
    if (await takeStep(step, stepSpec, traces, showing)) {
      notes.push(
        `Transform "${stepSpec.alias}" (${stepSpec.transform.class}) changed the very record that it was given; it has to return a new one`,
      )
    }
  }
  if (spec.bytes) await convert(spec, converters, traces, { at, showing })
  const plan = spec.sink ? await planOf(spec, parts, traces, showing) : null
  return answerText(spec, { notes, traces, plan })
}

/** True: the transform changed a record in place, which would reach whoever else holds it. */
async function takeStep(step: ChainStep, spec: StepSpec, traces: readonly Traced[], showing: Showing): Promise<boolean> {
  let mutated = false
  const alive = traces.filter(({ current }) => current !== null)
  const verdicts = new Map(alive.map((trace) => [trace, verdictOf(step, trace.current!)]))
  const fault = await prepareFault(
    step,
    alive.filter((trace) => verdicts.get(trace)?.applies).map(({ current }) => current!),
  )
  const apply = buildChain([step])
  for (const trace of alive) {
    const { applies, matched } = verdicts.get(trace)!
    const { kept, refused } = fault && applies ? { kept: [], refused: [{ error: fault }] } : apply([trace.current!])
    mutated ||= treeText(showing.record(trace.current!)) !== treeText(trace.shown)
    const entry = {
      step: spec.alias,
      class: spec.transform.class,
      predicate: spec.predicate && { name: spec.predicate.alias, class: spec.predicate.part.class, matched, negated: spec.negate },
      applied: applies,
    }
    const record = kept[0]
    if (refused[0]) {
      const { error } = refused[0]
      trace.rejected = { stage: 'TRANSFORMATION', step: spec.alias, class: spec.transform.class, ...errorOf(error, showing) }
      trace.outcome = 'rejected'
      trace.steps.push({ ...entry, outcome: 'rejected', error: errorOf(error, showing), record: null, changes: [], changesLeftOut: 0 })
    } else if (!record) {
      trace.outcome = 'dropped'
      trace.steps.push({ ...entry, outcome: 'dropped', error: null, record: null, changes: [], changesLeftOut: 0 })
    } else {
      const shown = showing.record(record)
      const changes = recordChanges(trace.shown, shown)
      const { changes: most } = previewLimits
      const changed = { changes: changes.slice(0, most), changesLeftOut: Math.max(0, changes.length - most) }
      trace.steps.push({ ...entry, outcome: 'passed', error: null, record: shown, ...changed })
      trace.shown = shown
    }
    trace.current = record ?? null
  }
  return mutated
}

/** A predicate that fails does so again in the chain, and is told there. */
function verdictOf(step: ChainStep, record: ConnectRecord): { readonly matched: boolean | null; readonly applies: boolean } {
  if (!step.predicate) return { matched: null, applies: true }
  try {
    const matched = step.predicate.test(record)
    return { matched, applies: matched !== (step.negate ?? false) }
  } catch {
    return { matched: null, applies: false }
  }
}

/** Where a look-up fails a task would wait or stop; here the records that need it are refused. */
async function prepareFault({ transform }: ChainStep, records: readonly ConnectRecord[]): Promise<Error | undefined> {
  if (records.length === 0) return undefined
  try {
    await transform.prepare?.(records)
    return undefined
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

async function planOf(spec: PreviewSpec, { loader, log, at }: PreviewParts, traces: readonly Traced[], showing: Showing): Promise<Tree> {
  const records = traces.flatMap(({ current }) => (current === null ? [] : [current]))
  at(`The plan of ${spec.sink!.class}`)
  try {
    const { part, config } = await loadSink(spec.sink!, loader)
    const plan = (await part.plan?.(records, config, { connector: spec.connector, log })) ?? []
    return plan.map((line) => showing.text(line))
  } catch (error) {
    // The task would stop for it; what the chain does is worth seeing all the same.
    return [`REFUSED: ${showing.text(error instanceof Error ? error.message : String(error))}`]
  }
}

/** An error as the answer shows it. */
export function errorOf(error: unknown, showing: Showing): TreeObject {
  const named = error instanceof Error ? error : new Error(String(error))
  return { error: named.name, message: showing.text(named.message) }
}

function answerText(
  spec: PreviewSpec,
  { notes, traces, plan }: { readonly notes: readonly string[]; readonly traces: readonly Traced[]; readonly plan: Tree },
): string {
  const records: string[] = []
  let length = 0
  for (const { before, steps, outcome, rejected, bytes, current, shown } of traces) {
    const text = treeText({ before, steps, outcome, rejected, after: current === null ? null : shown, bytes })
    length += text.length
    if (length > previewLimits.answerMax) break
    records.push(text)
  }
  const chain = spec.steps.map(({ alias, transform, predicate, negate }) => ({
    step: alias,
    class: transform.class,
    predicate: predicate && { name: predicate.alias, class: predicate.part.class, negated: negate },
  }))
  const rest = treeText({ recordsLeftOut: traces.length - records.length, plan, notes })
  return `{"chain":${treeText(chain)},"records":[${records.join(',')}],${rest.slice(1)}`
}
