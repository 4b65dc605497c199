import type { TaskContext } from '../../../core/index.ts'
import { openClient } from '../client/open.ts'
import { clientSettings } from '../config/client-settings.ts'
import type { KafkaSinkConfig } from './config.ts'
import { KafkaSinkTask } from './task.ts'

/** A task of the sink with a client of its own. */
export function openSink(config: KafkaSinkConfig, context: TaskContext): KafkaSinkTask {
  return new KafkaSinkTask(config, context, () => openClient(clientSettings(config), context.log))
}
