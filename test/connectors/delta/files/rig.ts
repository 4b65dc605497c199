import { parseConfig, partitionKey, record, type ConnectRecord, type RecordExtras } from '../../../../core/index.ts'
import { filesConfig, filesIssues } from '../../../../connectors/delta/files/config.ts'
import { FilesSinkTask } from '../../../../connectors/delta/files/sink.ts'
import { type Rejections, contextOf } from '../lake.ts'

/** A record as the Kafka source gives it. */
export function fromKafka(topic: string, partition: number, offset: number, value: unknown, extras: RecordExtras = {}): ConnectRecord {
  const origin = { partition: partitionKey({ kafka_topic: topic, kafka_partition: partition }), position: offset, seq: 0 }
  return record(topic, value, { partition, origin, timestamp: Date.UTC(2026, 1, 3, 4, 5, 6) + offset * 1000, ...extras })
}

/** An open sink; `rejections` as in `contextOf`, `warnings` gets what it warns of, which else throws. */
export async function openFiles(
  settings: Readonly<Record<string, string>>,
  rejections?: Rejections,
  warnings?: string[],
): Promise<FilesSinkTask> {
  const { config, issues } = parseConfig(filesConfig, settings)
  const all = [...issues, ...(issues.length > 0 ? [] : filesIssues(config))]
  if (all.length > 0) throw new Error(all.map(({ message }) => message).join('\n'))
  const context = contextOf(rejections ? { rejections } : {})
  const warn = (_fields: object, message: string): void => void warnings?.push(message)
  const sink = new FilesSinkTask(config, warnings ? { ...context, log: { ...context.log, warn } } : context)
  await sink.open()
  return sink
}
