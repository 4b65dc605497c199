import { record, RetriableError, type Json, type Logger, type Offsets } from '../../../core/index.ts'
import type { FetchPosition, KafkaClient, NewTopic } from '../client/port.ts'
import { filterAborted } from '../records/aborted.ts'
import { decodeBatches } from '../records/decode.ts'
import { partitionOf } from '../records/murmur2.ts'
import type { RecordColumns } from '../records/record-set.ts'
import type { Serialized } from './serialize.ts'

/** Whose positions: those that another task or an older generation wrote are not ours. */
export interface PositionOwner {
  readonly connector: string
  readonly task: number
  readonly generation: number
}

export interface OffsetRecord extends Serialized {
  readonly partition: number
}

const taskHeader = 'millrace.task'
const generationHeader = 'millrace.generation'
/** How long the topic may take to be read; milliseconds. */
const readMs = 120_000
const fetchBytes = 4 << 20
const limits = { batchMaxBytes: 256 << 20, ratioMax: 10_000 }

/** The topic of positions as it is created: compacted, for its last word on each source partition is all that counts. */
export function offsetsTopic(name: string): NewTopic {
  return { name, partitions: 5, replicationFactor: -1, config: { 'cleanup.policy': 'compact' } }
}

/**
 * The records that keep these positions, as Kafka Connect writes them (KIP-618): key `["connector",{source partition}]`, value the position.
 * Headers that Connect does not look at say whose they are. `count`: partitions of the topic.
 */
export function offsetRecords(topic: string, offsets: Offsets, owner: PositionOwner, count: number): readonly OffsetRecord[] {
  const headers = [
    { key: taskHeader, value: Buffer.from(String(owner.task)) },
    { key: generationHeader, value: Buffer.from(String(owner.generation)) },
  ]
  return Object.entries(offsets).map(([partition, position]) => {
    const key = Buffer.from(`[${JSON.stringify(owner.connector)},${partitionText(partition)}]`)
    const value = position === null ? null : Buffer.from(JSON.stringify(isMap(position) ? position : { '#value': position }))
    return { record: record(topic, null), partition: partitionOf(key, count), key, value, headers }
  })
}

/**
 * What the topic says last of this owner's source partitions; undefined: nothing. Sees only what is committed, and waits for transactions
 * of others that lie in between: the owner's own must be over (fenced) before. Rejects with a RetriableError where that takes too long.
 */
export async function readOffsets(
  client: KafkaClient,
  topic: string,
  owner: PositionOwner,
  log: Logger,
  alive: () => void,
): Promise<Offsets | undefined> {
  const metadata = (await client.topics([topic])).get(topic)
  if (metadata === undefined) return undefined
  const partitions = metadata.partitions.map(({ partition }) => ({ topic, partition }))
  const at = async (timestamp: number) =>
    new Map(
      (
        await client.offsetsAt(
          partitions.map((one) => ({ ...one, timestamp })),
          false,
        )
      ).map(({ partition, offset }) => [partition, offset]),
    )
  const ends = await at(-1)
  const positions = await at(-2)
  const found = new Map<string, Json | null>()
  let foreign = 0
  const until = performance.now() + readMs
  for (;;) {
    const left: FetchPosition[] = [...positions]
      .filter(([partition, offset]) => offset < ends.get(partition)!)
      .map(([partition, offset]) => ({ topic, partition, offset }))
    if (left.length === 0) break
    if (performance.now() > until) {
      throw new RetriableError(
        `The positions in topic ${topic} could not be read in ${readMs} ms: a transaction in it has been open that long (kafka-transactions.sh find-hanging shows it)`,
      )
    }
    alive()
    const wait = { maxWaitMs: 250, minBytes: 1, maxBytes: fetchBytes * 4, partitionMaxBytes: fetchBytes, readCommitted: true }
    const fetched = await client.fetch(left, wait, AbortSignal.timeout(10_000))
    for (const { partition, offset, errorCode, records, aborted } of fetched) {
      if (errorCode !== 0 || positions.get(partition) !== offset) continue
      const batches = decodeBatches(records, { checkCrc: true, limits })
      const last = batches.at(-1)
      if (last) positions.set(partition, last.lastOffset + 1)
      for (const batch of filterAborted(batches, aborted)) {
        if (batch.lastOffset < offset) continue
        const columns = batch.records()
        for (let n = 0; n < columns.count; n++) if (!take(columns, n, owner, found)) foreign++
      }
    }
  }
  if (foreign > 0) {
    const message = `Topic ${topic} has ${foreign} positions of this connector that Kafka Connect wrote; they are left aside. To go on from them, write them with PATCH /connectors/{name}/offsets`
    log.warn({ topic, positions: foreign }, message)
  }
  const own = [...found].filter((entry): entry is [string, Json] => entry[1] !== null)
  return own.length === 0 ? undefined : Object.fromEntries(own)
}

/** False: a position of this connector without an owner. */
function take(columns: RecordColumns, n: number, owner: PositionOwner, found: Map<string, Json | null>): boolean {
  const partition = sourcePartition(columns.key(n), owner.connector)
  if (partition === undefined) return true
  const headers = new Map(columns.headers(n).map(({ key, value }) => [key, value === null ? '' : Buffer.from(value).toString('utf8')]))
  const task = headers.get(taskHeader)
  if (task === undefined) return false
  const value = columns.value(n)
  if (value === null || task !== String(owner.task) || headers.get(generationHeader) !== String(owner.generation)) {
    found.delete(partition)
    return true
  }
  const position = JSON.parse(value.toString('utf8')) as Json
  found.set(partition, isMap(position) && Object.hasOwn(position, '#value') ? position['#value']! : position)
  return true
}

/** The text of the source partition in a key of this connector; cut out of it, for numbers in it may be more exact than ours. */
function sourcePartition(key: Buffer | null, connector: string): string | undefined {
  if (key === null) return undefined
  const text = key.toString('utf8')
  const start = `[${JSON.stringify(connector)},`
  if (!text.startsWith(start) || !text.endsWith(']')) return undefined
  const partition = text.slice(start.length, -1)
  const own = /^\{"#partition":(".*")\}$/s.exec(partition)
  return own ? (JSON.parse(own[1]!) as string) : partition
}

/** Partitions are JSON objects, as Connect's are; what is none (the runtime's own counters) is wrapped in one. */
function partitionText(partition: string): string {
  return partition.startsWith('{') ? partition : JSON.stringify({ '#partition': partition })
}

function isMap(position: Json): position is { readonly [key: string]: Json } {
  return typeof position === 'object' && position !== null && !Array.isArray(position)
}
