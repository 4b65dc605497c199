import type { TaskContext } from '../../../core/index.ts'
import { openClient } from '../client/open.ts'
import { clientSettings } from '../config/client-settings.ts'
import { sourceSettings, type KafkaSourceConfig } from './settings.ts'
import { KafkaSourceTask } from './source.ts'

/** A task of the source with a client of its own. */
export async function openSource(config: KafkaSourceConfig, context: TaskContext): Promise<KafkaSourceTask> {
  const client = await openClient(clientSettings(config), context.log)
  return new KafkaSourceTask(sourceSettings(config, context.connector), context, client)
}
