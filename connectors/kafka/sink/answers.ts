import { ConfigError, DataError, FencedError } from '../../../core/index.ts'
import { codeName } from '../client/kafka-error.ts'

/**
 * What a broker's answer to a record set asks of the producer:
 * `done` it stands in the log; `again` it may be sent once more as it is; `behind` the broker misses the set before it; `forgotten` the
 * broker knows nothing of this producer; `divide` the set cannot pass as a whole; `fenced` a newer producer took over, or the transaction
 * is over; `fatal` nothing helps but a person.
 */
export type Verdict = 'done' | 'again' | 'behind' | 'forgotten' | 'divide' | 'fenced' | 'fatal'

const verdicts: Readonly<Record<number, Verdict>> = {
  0: 'done',
  2: 'again', // CORRUPT_MESSAGE: damaged on its way
  3: 'again', // UNKNOWN_TOPIC_OR_PARTITION: the broker has not heard of it yet
  5: 'again', // LEADER_NOT_AVAILABLE
  6: 'again', // NOT_LEADER_OR_FOLLOWER
  7: 'again', // REQUEST_TIMED_OUT
  8: 'again', // BROKER_NOT_AVAILABLE
  9: 'again', // REPLICA_NOT_AVAILABLE
  10: 'divide', // MESSAGE_TOO_LARGE
  13: 'again', // NETWORK_EXCEPTION
  14: 'again', // COORDINATOR_LOAD_IN_PROGRESS
  15: 'again', // COORDINATOR_NOT_AVAILABLE
  16: 'again', // NOT_COORDINATOR
  18: 'divide', // RECORD_LIST_TOO_LARGE
  19: 'again', // NOT_ENOUGH_REPLICAS
  20: 'again', // NOT_ENOUGH_REPLICAS_AFTER_APPEND
  32: 'divide', // INVALID_TIMESTAMP
  45: 'behind', // OUT_OF_ORDER_SEQUENCE_NUMBER
  46: 'done', // DUPLICATE_SEQUENCE_NUMBER: an earlier attempt was written
  47: 'fenced', // INVALID_PRODUCER_EPOCH
  48: 'fenced', // INVALID_TXN_STATE
  49: 'fenced', // INVALID_PRODUCER_ID_MAPPING
  51: 'again', // CONCURRENT_TRANSACTIONS
  56: 'again', // KAFKA_STORAGE_ERROR
  59: 'forgotten', // UNKNOWN_PRODUCER_ID
  74: 'again', // FENCED_LEADER_EPOCH
  75: 'again', // UNKNOWN_LEADER_EPOCH
  87: 'divide', // INVALID_RECORD: a topic's own rules (compacted topics want keys)
  89: 'again', // THROTTLING_QUOTA_EXCEEDED
  90: 'fenced', // PRODUCER_FENCED
  100: 'again', // UNKNOWN_TOPIC_ID
  120: 'fenced', // TRANSACTION_ABORTABLE
}

/** The verdict of a produce answer's error code. */
export function verdictOf(errorCode: number): Verdict {
  return verdicts[errorCode] ?? 'fatal'
}

/** True where the broker may have written the set although it says that it failed: nobody knows until it is sent again. */
export function isDoubtful(errorCode: number): boolean {
  return errorCode === 7 || errorCode === 13 || errorCode === 20 || errorCode === 56
}

/** True where the answer says that the producer asked the wrong broker. */
export function isMoved(errorCode: number): boolean {
  return [3, 5, 6, 9, 74, 75, 100].includes(errorCode)
}

/** The error that ends the task for a set that the broker refuses for good. */
export function refusal(errorCode: number, detail: string | null, topic: string, partition: number, transactionalId: string | null): Error {
  const place = `${topic}-${partition}`
  const said = detail === null ? '' : ` (${detail})`
  switch (errorCode) {
    case 29:
      return denied(`Kafka does not let this user write to topic ${topic}; give it the ACL "Write" on Topic:${topic}`)
    case 31:
      return denied(
        'Kafka does not let this user write without duplicates; give it the ACL "IdempotentWrite" on Cluster, or set enable.idempotence=false',
      )
    case 53:
      return denied(
        `Kafka refuses the transactional id ${transactionalId}; give this user the ACLs "Write" and "Describe" on TransactionalId`,
      )
    case 47:
    case 48:
    case 49:
    case 90:
    case 120:
      return new FencedError(
        `The transaction of ${transactionalId} is over before it was committed: another producer has taken the id, or it took longer than transaction.timeout.ms (${codeName(errorCode)}${said} from ${place})`,
      )
    case 76:
      return new ConfigError([
        {
          key: 'compression.type',
          message: `The broker does not know this compression (${place}${said}); choose another compression.type`,
        },
      ])
    default:
      return new Error(`Kafka refused records for ${place}: ${codeName(errorCode)}${said}`)
  }
}

/** The fault of one record that the broker refuses by itself. `bytes`: its size as it was sent. */
export function recordRefusal(errorCode: number, detail: string | null, topic: string, bytes: number): DataError {
  const said = detail === null ? '' : ` (${detail})`
  if (errorCode === 10 || errorCode === 18) {
    return new DataError(
      `The record has ${bytes} bytes, more than topic ${topic} takes; raise its max.message.bytes (or the broker's message.max.bytes), or compress with compression.type${said}`,
    )
  }
  return new DataError(`Topic ${topic} refuses the record: ${codeName(errorCode)}${said}`)
}

function denied(message: string): ConfigError {
  return new ConfigError([{ key: 'sasl.jaas.config', message }])
}
