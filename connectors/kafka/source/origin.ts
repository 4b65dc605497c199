import type { Origin, RawRecord } from '../../../core/index.ts'
import type { RecordColumns } from '../records/record-set.ts'

/** Where a record lies in Kafka. One for every record, so it holds no more than a place in its batch; the bytes are looked up when asked for. */
export class KafkaOrigin implements Origin {
  readonly partition: string
  readonly position: number
  readonly seq = 0
  readonly #topic: string
  readonly #number: number
  readonly #columns: RecordColumns
  readonly #index: number

  constructor(key: string, topic: string, number: number, position: number, columns: RecordColumns, index: number) {
    this.partition = key
    this.position = position
    this.#topic = topic
    this.#number = number
    this.#columns = columns
    this.#index = index
  }

  get raw(): RawRecord {
    const columns = this.#columns
    const index = this.#index
    return {
      topic: this.#topic,
      partition: this.#number,
      offset: this.position,
      timestamp: columns.timestamp(index),
      key: columns.key(index),
      value: columns.value(index),
      headers: columns.headers(index),
    }
  }
}
