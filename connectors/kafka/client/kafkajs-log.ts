import type { Logger } from '../../../core/index.ts'
import type { KafkajsLogger } from './kafkajs.ts'

/**
 * Lets kafkajs log through ours. All of it is detail: what it calls an error is thrown as well, and whoever catches that knows whether it is
 * one.
 */
export function kafkajsLog(log: Logger): KafkajsLogger {
  const write = (message: string, fields: object = {}) => log.trace({ kafkajs: fields }, message)
  const logger: KafkajsLogger = { namespace: () => logger, debug: write, info: write, warn: write, error: write }
  return logger
}
