import type { ConverterStage, TaskContext } from '../../contract/context.ts'
import type { Converter } from '../../contract/converter.ts'
import { record as build, type ConnectRecord } from '../../contract/record.ts'
import { loadSource } from '../parts.ts'
import type { TreeObject } from './exact-tree.ts'
import type { PreviewSpec } from './preview-spec.ts'
import { errorOf, type PreviewParts, type Traced } from './run-preview.ts'
import { readSample, type RawSample } from './sample.ts'
import type { Showing } from './shown.ts'

interface TakingParts extends PreviewParts {
  readonly converters: TaskContext['converters']
  readonly showing: Showing
}

/** The records of a preview, from its samples or its source; `notes` are words to the person who asked. */
export async function takeRecords(
  spec: PreviewSpec,
  parts: TakingParts,
): Promise<{ readonly traces: Traced[]; readonly notes: readonly string[] }> {
  if (spec.live) return liveRecords(spec, spec.live, parts)
  const traces: Traced[] = []
  const samples = spec.samples.map((text, index) => readSample(text, index + 1, spec.topic))
  for (const sample of samples) {
    traces.push('record' in sample ? traceOf(sample.record, parts.showing) : await readRaw(sample.raw, parts))
  }
  return { traces, notes: [] }
}

function traceOf(record: ConnectRecord, showing: Showing): Traced {
  const shown = showing.record(record)
  return { before: shown, steps: [], current: record, shown, outcome: 'passed', rejected: null, bytes: null }
}

function rejectedOf(before: TreeObject, stage: string, error: unknown, showing: Showing): Traced {
  const rejected = { stage, step: null, class: null, ...errorOf(error, showing) }
  return { before, steps: [], current: null, shown: before, outcome: 'rejected', rejected, bytes: null }
}

async function readRaw(raw: RawSample, { converters, showing, at }: TakingParts): Promise<Traced> {
  const { topic, partition, timestamp } = raw
  let stage: ConverterStage = 'KEY_CONVERTER'
  const read = async (converter: Converter, next: ConverterStage, bytes: Uint8Array | null) => {
    stage = next
    at(`The ${stage.toLowerCase().replace('_', ' ')}`)
    await converter.prepare?.(topic, [bytes])
    return converter.deserialize(topic, bytes)
  }
  try {
    const key = await read(converters.key, 'KEY_CONVERTER', raw.key)
    const value = await read(converters.value, 'VALUE_CONVERTER', raw.value)
    const headers = []
    for (const header of raw.headers) {
      const content = await read(converters.header, 'HEADER_CONVERTER', header.value)
      headers.push({ key: header.key, value: content.value, schema: content.schema })
    }
    const extras = { partition, timestamp, key: key.value, keySchema: key.schema, valueSchema: value.schema, headers }
    return traceOf(build(topic, value.value, extras), showing)
  } catch (error) {
    return rejectedOf(showing.record(unread(raw)), stage, error, showing)
  }
}

/** The bytes as they are, for a record that no converter could read. */
function unread({ topic, partition, timestamp, key, value, headers }: RawSample): ConnectRecord {
  const bytes = headers.map((header) => ({ ...header, schema: null }))
  return build(topic, value, { partition, timestamp, key, headers: bytes })
}

/** Reads from the source's start with a task of its own, which is never told that anything was committed. */
async function liveRecords(
  spec: PreviewSpec,
  live: NonNullable<PreviewSpec['live']>,
  { loader, log, converters, showing, at }: TakingParts,
): Promise<{ readonly traces: Traced[]; readonly notes: readonly string[] }> {
  at(`Reading from ${live.source.class}`)
  const { part, config } = await loadSource(live.source, loader)
  const traces: Traced[] = []
  const rejected = (record: ConnectRecord, error: Error, stage: string) => {
    if (traces.length < live.records) traces.push(rejectedOf(showing.record(record), stage, error, showing))
  }
  await using source = await part.create(config, {
    connector: spec.connector,
    task: 0,
    generation: 0,
    log,
    converters,
    reject: async (record, error, stage) => rejected(record, error, stage ?? 'TASK_POLL'),
    report: () => {},
  })
  await source.open(undefined)
  const deadline = AbortSignal.timeout(live.timeoutMs)
  let ended = false
  while (traces.length < live.records && !deadline.aborted && !ended) {
    const batch = await source.poll(deadline)
    ended = batch.end === true
    for (const record of batch.records.slice(0, live.records - traces.length)) traces.push(traceOf(record, showing))
  }
  if (traces.length >= live.records) return { traces, notes: [] }
  const why = ended ? 'it has no more' : `no more came within ${live.timeoutMs} ms`
  return { traces, notes: [`The source gave ${traces.length} of ${live.records} records: ${why}.`] }
}
