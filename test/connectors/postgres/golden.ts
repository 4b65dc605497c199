import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Debezium's answers in test/fixtures/debezium: what Debezium 3.7.0.Final made of a wide schema on PostgreSQL 15, through Kafka Connect's
 * JsonConverter. Each file is a topic: first a line with config and schemas, then one record a line.
 */
export interface GoldenTopic {
  readonly topic: string
  readonly config: Readonly<Record<string, string>>
  readonly schemas: readonly Json[]
  readonly records: readonly GoldenRecord[]
}

export interface GoldenRecord {
  readonly k: Json
  readonly ks: number | null
  readonly v: Json
  readonly vs: number | null
  readonly h: { readonly [name: string]: Json }
}

/** Parsed JSON; integers that a number cannot hold are bigint. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [key: string]: Json }

export const fixtures = join(import.meta.dirname, '../../fixtures/debezium')

export function goldenTopics(config: string): readonly GoldenTopic[] {
  const folder = join(fixtures, 'golden', config)
  return readdirSync(folder)
    .toSorted()
    .map((file) => {
      const [head, ...lines] = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n')
      const { topic, config: settings, schemas } = exactJson(head!) as unknown as Omit<GoldenTopic, 'records'>
      return {
        topic,
        config: settings,
        schemas: schemas.map(fullSchema),
        records: lines.map((line) => exactJson(line) as unknown as GoldenRecord),
      }
    })
}

export function exactJson(text: string): Json {
  const revive = (_: string, value: unknown, context: { readonly source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context.source ?? '') ? BigInt(context.source!) : value
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown) as Json
}

const envelope = exactJson(readFileSync(join(fixtures, 'golden/envelope.json'), 'utf8')) as {
  readonly fields: readonly { readonly [key: string]: Json }[]
}

/** Puts the row's schema into the envelope that the files only name. */
function fullSchema(schema: Json): Json {
  const { $envelope, row } = schema as { readonly $envelope?: string; readonly row?: { readonly [key: string]: Json } }
  if ($envelope === undefined) return schema
  return {
    ...envelope,
    name: $envelope,
    fields: envelope.fields.map((field) => (field.$row === true ? { ...row, field: field.field! } : field)),
  }
}

/** Long texts and arrays as the files show them: length, digest and head. */
export function shortened(value: Json): Json {
  if (typeof value === 'string' && value.length > 300) return { $len: value.length, $md5: md5(value), $head: value.slice(0, 40) }
  if (Array.isArray(value) && value.length > 100)
    return { $items: value.length, $md5: md5(JSON.stringify(value)), $head: value.slice(0, 2).map(shortened) }
  if (Array.isArray(value)) return value.map(shortened)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, shortened(item as Json)]))
}

function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/** What changes from run to run, taken out of an event's value. */
export function stable(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { ts_ms: _ms, ts_us: _us, ts_ns: _ns, source, transaction, ...rest } = value as { readonly [key: string]: Json }
  const { connector, snapshot, schema, table, origin } = source as { readonly [key: string]: Json }
  const block = transaction as { readonly total_order: Json; readonly data_collection_order: Json } | null | undefined
  const order = block ? { total_order: block.total_order, data_collection_order: block.data_collection_order } : null
  return { ...rest, source: { connector, snapshot, schema, table, origin }, transaction: order } as Json
}

export interface Difference {
  readonly path: string
  readonly golden: Json | undefined
  readonly ours: Json | undefined
}

/** Every leaf in which two JSON values differ; object members are compared in their order. */
export function differences(golden: Json | undefined, ours: Json | undefined, path = ''): Difference[] {
  if (golden === ours || sameNumber(golden, ours)) return []
  const [left, right] = [membersOf(golden), membersOf(ours)]
  if (left === undefined || right === undefined) return [{ path, golden, ours }]
  const names = [...new Set([...left.keys(), ...right.keys()])]
  const found = names.flatMap((name) => differences(left.get(name), right.get(name), path === '' ? name : `${path}.${name}`))
  if (found.length > 0) return found
  return [...left.keys()].join() === [...right.keys()].join()
    ? []
    : [{ path: `${path} (order)`, golden: [...left.keys()], ours: [...right.keys()] }]
}

function sameNumber(a: Json | undefined, b: Json | undefined): boolean {
  return (
    (typeof a === 'number' || typeof a === 'bigint') &&
    (typeof b === 'number' || typeof b === 'bigint') &&
    typeof a !== typeof b &&
    Number(a) === Number(b)
  )
}

/** Fields of a schema go by their names, so that one that is missing does not move the others. */
function membersOf(value: Json | undefined): ReadonlyMap<string, Json> | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return new Map(Object.entries(value))
  const named = value.length > 0 && value.every((item) => typeof item === 'object' && item !== null && 'field' in item)
  return new Map(value.map((item: Json, place) => [named ? String((item as { field: string }).field) : String(place), item]))
}
