import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import type { KafkaClient } from '../../../../connectors/kafka/client/port.ts'
import { clientConfig, clientSettings } from '../../../../connectors/kafka/config/client-settings.ts'
import { filterAborted } from '../../../../connectors/kafka/records/aborted.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { parseConfig } from '../../../../core/index.ts'
import { taskContext } from '../../../../testing/index.ts'

export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number | null
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly (readonly [string, string | null])[]
  readonly compression: string
}

const limits = { batchMaxBytes: 1 << 30, ratioMax: 1e9 }

/** Makes a topic; resolves when it can be written to. */
export async function makeTopic(
  bootstrap: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
  name = `t-${randomUUID()}`,
): Promise<string> {
  await using client = await connect(bootstrap)
  await client.admin.create([{ name, partitions, replicationFactor: -1, config }])
  const ready = async () => {
    const found = (await client.topics([name], 0)).get(name)
    return found?.partitions.length === partitions && found.partitions.every(({ leader }) => leader >= 0)
  }
  while (!(await ready())) await sleep(20)
  return name
}

async function connect(bootstrap: string): Promise<KafkaClient> {
  const { config } = parseConfig(clientConfig, { 'bootstrap.servers': bootstrap })
  return openClient(clientSettings(config), taskContext().log)
}

/**
 * All records of a topic that a consumer with read_committed sees, by partition in the log's order: up to the end that the log has now, so
 * it waits for markers of transactions that are on their way. Empty where there is no topic.
 */
export async function readTopic(bootstrap: string, topic: string): Promise<readonly ReadRecord[]> {
  await using client = await connect(bootstrap)
  const metadata = (await client.topics([topic])).get(topic)
  if (metadata === undefined) return []
  const partitions = metadata.partitions.map(({ partition }) => ({ topic, partition }))
  const ends = await client.offsetsAt(
    partitions.map((one) => ({ ...one, timestamp: -1 })),
    false,
  )
  const starts = await client.offsetsAt(
    partitions.map((one) => ({ ...one, timestamp: -2 })),
    true,
  )
  const records: ReadRecord[] = []
  const until = performance.now() + 20_000
  for (const { partition, offset: start } of starts) {
    const end = ends.find((one) => one.partition === partition)!.offset
    let offset = start
    while (offset < end) {
      const [fetched] = await client.fetch(
        [{ topic, partition, offset }],
        { maxWaitMs: 100, minBytes: 1, maxBytes: 50 << 20, partitionMaxBytes: 50 << 20, readCommitted: true },
        AbortSignal.timeout(5000),
      )
      assert.ok(performance.now() < until, `${topic}-${partition} has no end: a transaction is open`)
      if (fetched === undefined) continue
      const batches = decodeBatches(fetched.records, { checkCrc: true, limits })
      for (const batch of filterAborted(batches, fetched.aborted)) {
        const columns = batch.records()
        for (let n = 0; n < columns.count; n++) {
          if (columns.offset(n) < offset) continue
          records.push({
            partition,
            offset: columns.offset(n),
            timestamp: columns.timestamp(n),
            key: columns.key(n)?.toString() ?? null,
            value: columns.value(n)?.toString() ?? null,
            headers: columns.headers(n).map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()] as const),
            compression: batch.compression,
          })
        }
      }
      offset = batches.at(-1) ? batches.at(-1)!.lastOffset + 1 : offset
    }
  }
  return records
}
