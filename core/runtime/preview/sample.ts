import type { SchemaAndValue } from '../../contract/converter.ts'
import { BadRequestError } from '../../contract/errors.ts'
import { partitionKey, record, type ConnectRecord, type Header, type RawHeader } from '../../contract/record.ts'
import { parseJson } from '../../converter/json-parse.ts'
import { jsonShaper } from '../../converter/json-read.ts'
import { schemaFromJson } from '../../converter/json-schema.ts'
import { isTreeObject, readTree, treeText, type Tree, type TreeObject } from './exact-tree.ts'

/** A sample as bytes that the connector's converters have to read first. */
export interface RawSample {
  readonly topic: string
  readonly partition: number | null
  readonly timestamp: number | null
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RawHeader[]
}

export type Sample = { readonly record: ConnectRecord } | { readonly raw: RawSample }

const names = ['topic', 'partition', 'offset', 'timestamp', 'key', 'keySchema', 'value', 'valueSchema', 'headers', 'raw']

/**
 * Reads a sample: `{topic, partition, offset, timestamp, key, keySchema, value, valueSchema, headers: [{key, value, schema}]}`, all of it optional.
 * Schemas are in JsonConverter's JSON form; without one a value is as JsonConverter reads it with schemas.enable=false (64-bit integers are exact).
 * With `raw: {key, value, headers}` (base64) the connector's converters read it. Throws a BadRequestError that names the sample and the member.
 */
export function readSample(text: string, number: number, defaultTopic: string): Sample {
  const wrong = (what: string, cause?: unknown): never => {
    throw new BadRequestError(`Sample ${number}: ${what}`, { cause })
  }
  const sample = parsed(text, wrong)
  const unknown = Object.keys(sample).find((name) => !names.includes(name))
  if (unknown !== undefined) wrong(`unknown member "${unknown}"; a sample may have ${names.join(', ')}`)
  const topic = memberOf<string>(sample, 'topic', 'text', (tree) => typeof tree === 'string', wrong) ?? defaultTopic
  const whole = (name: string) => memberOf<number>(sample, name, 'a whole number', (tree) => Number.isSafeInteger(tree), wrong)
  const [partition, offset, timestamp] = [whole('partition'), whole('offset'), whole('timestamp')]
  const { raw } = sample
  if (raw !== undefined) {
    const both = ['key', 'value', 'keySchema', 'valueSchema', 'headers'].find((name) => sample[name] !== undefined)
    if (both !== undefined) wrong(`it has "raw" and "${both}": give the record as bytes or as values, not both`)
    if (!isTreeObject(raw)) return wrong('"raw" must be an object {"key", "value", "headers"} of base64 texts')
    const bytes = (tree: Tree | undefined, name: string) => base64(tree, `raw.${name}`, wrong)
    const headers = listOf(raw['headers'], 'raw.headers', wrong).map((header, index) => ({
      key: String(header['key'] ?? ''),
      value: bytes(header['value'], `headers[${index}].value`),
    }))
    return { raw: { topic, partition, timestamp, key: bytes(raw['key'], 'key'), value: bytes(raw['value'], 'value'), headers } }
  }
  const key = typed(sample['key'], sample['keySchema'], 'key', wrong)
  const value = typed(sample['value'], sample['valueSchema'], 'value', wrong)
  const headers: readonly Header[] = listOf(sample['headers'], 'headers', wrong).map((header, index) => {
    if (typeof header['key'] !== 'string') return wrong(`headers[${index}] has no "key", its name`)
    return { key: header['key'], ...typed(header['value'], header['schema'], `headers[${index}]`, wrong) }
  })
  const place = partitionKey({ kafka_topic: topic, kafka_partition: partition ?? 0 })
  const origin = offset === null ? null : { partition: place, position: offset, seq: 0 }
  const extras = { partition, key: key.value, keySchema: key.schema, valueSchema: value.schema, timestamp, headers, origin }
  return { record: record(topic, value.value, extras) }
}

type Wrong = (what: string, cause?: unknown) => never

function parsed(text: string, wrong: Wrong): TreeObject {
  let tree: Tree
  try {
    tree = readTree(text)
  } catch (error) {
    return wrong(`it is not valid JSON: ${messageOf(error)}`, error)
  }
  return isTreeObject(tree) ? tree : wrong('it must be an object such as {"topic": "orders", "value": {"id": 1}}')
}

function memberOf<T>(sample: TreeObject, name: string, kind: string, fits: (tree: Tree) => boolean, wrong: Wrong): T | null {
  const tree = sample[name]
  if (tree === undefined || tree === null) return null
  return fits(tree) ? (tree as T) : wrong(`"${name}" must be ${kind}; it is ${treeText(tree).slice(0, 100)}`)
}

function typed(tree: Tree | undefined, schemaTree: Tree | undefined, name: string, wrong: Wrong): SchemaAndValue {
  const text = treeText(tree ?? null)
  try {
    const schema = schemaFromJson(schemaTree === undefined ? null : parseJson(treeText(schemaTree), 'typed'))
    if (schema === null) return { schema: null, value: parseJson(text, 'plain') }
    return { schema, value: jsonShaper(schema, false)(parseJson(text, 'typed')) }
  } catch (error) {
    return wrong(`"${name}": ${messageOf(error)}`, error)
  }
}

function base64(tree: Tree | undefined, name: string, wrong: Wrong): Uint8Array | null {
  if (tree === undefined || tree === null) return null
  if (typeof tree === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(tree) && tree.length % 4 === 0) return Buffer.from(tree, 'base64')
  return wrong(`"${name}" must be base64 text or null`)
}

function listOf(tree: Tree | undefined, name: string, wrong: Wrong): readonly TreeObject[] {
  if (tree === undefined || tree === null) return []
  const list = Array.isArray(tree) ? (tree as readonly Tree[]) : wrong(`"${name}" must be a list of objects {"key", "value"}`)
  return list.map((item, index) => (isTreeObject(item) ? item : wrong(`${name}[${index}] must be an object {"key", "value"}`)))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
