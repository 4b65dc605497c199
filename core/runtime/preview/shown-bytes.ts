import type { TaskContext } from '../../contract/context.ts'
import type { Converter, SchemaAndValue } from '../../contract/converter.ts'
import type { Tree, TreeObject } from './exact-tree.ts'
import type { PreviewSpec } from './preview-spec.ts'
import { errorOf, type Traced } from './run-preview.ts'
import type { Showing } from './shown.ts'

type Use = 'key' | 'value' | 'header'

/** Fills in what the converters make of each record that came through. A record that a converter refuses is rejected by it, as in a task. */
export async function convert(
  spec: PreviewSpec,
  converters: TaskContext['converters'],
  traces: readonly Traced[],
  { at, showing }: { at(place: string): void; readonly showing: Showing },
): Promise<void> {
  for (const trace of traces) {
    const record = trace.current
    if (record === null) continue
    const make = async (use: Use, content: SchemaAndValue): Promise<Tree> => {
      at(`The ${use} converter (${spec.converters[use]?.class ?? 'none'})`)
      try {
        return showing.bytes(await serialize(converters[use], record.topic, content))
      } catch (error) {
        const fault = errorOf(error, showing)
        if (spec.unregistered.includes(use)) return { ...fault, note: unregisteredNote }
        refuse(trace, `${use.toUpperCase()}_CONVERTER`, spec.converters[use]?.class ?? null, fault)
        return fault
      }
    }
    const key = await make('key', { schema: record.keySchema, value: record.key })
    const value = await make('value', { schema: record.valueSchema, value: record.value })
    const headers: Tree[] = []
    for (const header of record.headers) {
      headers.push({ key: showing.text(header.key), value: await make('header', { schema: header.schema, value: header.value }) })
    }
    trace.bytes = { key, value, headers }
  }
}

const unregisteredNote = 'A preview registers no schema (auto.register.schemas=false); the connector itself would.'

async function serialize(converter: Converter, topic: string, content: SchemaAndValue): Promise<Uint8Array | null> {
  await converter.prepare?.(topic, [content])
  return converter.serialize(topic, content)
}

function refuse(trace: Traced, stage: string, name: string | null, fault: TreeObject): void {
  if (trace.rejected) return
  trace.outcome = 'rejected'
  trace.rejected = { stage, step: null, class: name, ...fault }
}
