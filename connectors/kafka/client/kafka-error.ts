import { FencedError, RetriableError } from '../../../core/index.ts'
import { acls, codeNames, passingCodes } from './error-codes.ts'

/** A broker said no, and asking again would not change it. */
export class KafkaError extends Error {
  override readonly name = 'KafkaError'
  readonly code = 'KAFKA'
  /** The protocol's number (`org.apache.kafka.common.protocol.Errors`). */
  readonly errorCode: number
  constructor(errorCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.errorCode = errorCode
  }
}

/**
 * What a caller throws for an error code: a FencedError where a newer producer took over, a RetriableError where time may help (its cause is
 * the KafkaError), else the KafkaError. `task` goes on "Kafka refused": "to commit offsets of group g".
 */
export function refusal(errorCode: number, task: string, said: string | null = null): Error {
  const acl = acls[errorCode]
  const text = `Kafka refused ${task}: ${codeName(errorCode)}${said ? ` (${said})` : ''}${acl ? `. The user needs ${acl}` : ''}`
  if (errorCode === 47 || errorCode === 49 || errorCode === 90) return new FencedError(text)
  const error = new KafkaError(errorCode, text)
  return passingCodes.has(errorCode) ? new RetriableError(text, { cause: error }) : error
}

/** The protocol's name of a code; a number where we know none. */
export function codeName(errorCode: number): string {
  return codeNames[errorCode] ?? `error code ${errorCode}`
}

/** The protocol's code of an error that `refusal` made; undefined: it has none. */
export function codeOf(error: unknown): number | undefined {
  if (error instanceof KafkaError) return error.errorCode
  return error instanceof RetriableError && error.cause instanceof KafkaError ? error.cause.errorCode : undefined
}
