import { clientConfig, clientSettings } from '../../../../connectors/kafka/config/client-settings.ts'
import type { ClientSettings } from '../../../../connectors/kafka/client/settings.ts'
import type { FetchedPartition, FetchLimits, KafkaClient, ProduceOptions, ProduceSet } from '../../../../connectors/kafka/client/port.ts'
import { decodeBatches } from '../../../../connectors/kafka/records/decode.ts'
import { RecordBatchBuilder } from '../../../../connectors/kafka/records/encode.ts'
import type { BatchStamp } from '../../../../connectors/kafka/records/record-set.ts'
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseConfig, type Logger } from '../../../../core/index.ts'

/** Settings of a client from Java-style properties; the other keys have their defaults. */
export function settingsOf(properties: Readonly<Record<string, string>>): ClientSettings {
  const { config, issues } = parseConfig(clientConfig, properties)
  if (issues.length > 0) throw new Error(issues.map(({ message }) => message).join('; '))
  return clientSettings(config)
}

/** Settings of a client that goes to this address without TLS and passwords. */
export function clientTo(bootstrap: string, properties: Readonly<Record<string, string>> = {}): ClientSettings {
  return settingsOf({ 'bootstrap.servers': bootstrap, ...properties })
}

/** For tests that do not look at the log. */
export const silent: Logger = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** A record batch of texts without keys, `text 0` and so on; a millisecond lies between them. */
export function batchOf(text: string, count: number, options: { readonly from?: number; readonly stamp?: BatchStamp } = {}): Buffer {
  const builder = new RecordBatchBuilder()
  const from = options.from ?? Date.now()
  for (let n = 0; n < count; n++) builder.append(null, Buffer.from(`${text} ${n}`), [], from + n)
  return builder.build({ compression: 'none', ...(options.stamp ? { stamp: options.stamp } : {}) })
}

/** The values of what was fetched, as texts; transaction markers left out. */
export function textsOf({ records }: Pick<FetchedPartition, 'records'>): string[] {
  return decodeBatches(records, { checkCrc: true, limits: { batchMaxBytes: 1 << 24, ratioMax: 1000 } })
    .filter(({ control }) => !control)
    .flatMap((batch) => {
      const columns = batch.records()
      return Array.from({ length: columns.count }, (_, n) => columns.value(n)!.toString())
    })
}

/** How tests fetch: half a second at most, small answers. */
export const limits: FetchLimits = { maxWaitMs: 300, minBytes: 1, maxBytes: 1 << 24, partitionMaxBytes: 1 << 20, readCommitted: false }

/** How tests write. */
export const acked: ProduceOptions = { acks: -1, timeoutMs: 10_000, transactionalId: null }

/** Writes, again while the leader of a topic that was just made finds itself. */
export async function write(client: KafkaClient, sets: readonly ProduceSet[], options = acked): Promise<void> {
  for (let left = 100; ; left--) {
    const answers = await client.produce(sets, options)
    const failed = answers.filter(({ errorCode }) => errorCode !== 0)
    if (failed.length === 0) return
    assert.ok(left > 0 && failed.every(({ errorCode }) => [3, 5, 6].includes(errorCode)), JSON.stringify(failed))
    await sleep(50)
  }
}

/** Makes a topic and waits until all its partitions have leaders that take part. */
export async function makeTopic(client: KafkaClient, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
  const name = `t-${randomUUID()}`
  await client.admin.create([{ name, partitions, replicationFactor: 1, config }])
  await client.offsetsAt(
    Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition, timestamp: -1 })),
    false,
  )
  return name
}
