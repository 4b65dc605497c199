import { FencedError, GapError, type Logger } from '../../../core/index.ts'
import type { KafkaClient, TopicPartition } from '../client/port.ts'
import type { Cursor } from './cursor.ts'

const replayNote = 'A sink that remembers offsets takes what has a lower one for a replay: reset the offsets over the REST API.'

/** What becomes of a partition whose log no longer has the offset that comes next (`errors.data.loss`). */
export class LostRecords {
  readonly #client: KafkaClient
  readonly #goOn: boolean
  readonly #log: Logger

  constructor(client: KafkaClient, goOn: boolean, log: Logger) {
    this.#client = client
    this.#goOn = goOn
    this.#log = log
  }

  /**
   * The topic was deleted and made anew since `offset` was read. Throws a GapError that says so, unless losses are tolerated: then it is
   * logged, and the new topic is read from its first record.
   */
  madeAnew({ topic, partition }: TopicPartition, offset: number): void {
    const said = `${topic}-${partition}: the topic was deleted and made anew since offset ${offset} was the next to be read, so what it held is gone, and its offsets count from 0 again`
    if (!this.#goOn) {
      throw new GapError(
        `${said}. Set errors.data.loss=continue to read the new topic from its first record, or stop the connector and set or reset its offsets over the REST API.`,
      )
    }
    this.#log.warn({ topic, partition, offset }, `${said}; it is read from its first record (errors.data.loss=continue). ${replayNote}`)
  }

  /** The same, noticed while the task reads: a GapError, or the task starts again, and then from the new topic's first record. */
  replaced(cursor: Cursor): never {
    if (!this.#goOn) this.madeAnew(cursor, cursor.position)
    throw new FencedError(`Topic ${cursor.topic} was deleted and made anew while it was read; the task starts again`)
  }

  /**
   * Where to go on; undefined: the offset is there after all, ask again. Throws a GapError that says what is missing, unless losses are
   * tolerated: then they are logged.
   */
  async settle({ topic, partition, fetchFrom }: Cursor): Promise<number | undefined> {
    const place = { topic, partition }
    const [first] = await this.#client.offsetsAt([{ ...place, timestamp: -2 }], false)
    const [end] = await this.#client.offsetsAt([{ ...place, timestamp: -1 }], false)
    if (first === undefined || end === undefined) return undefined
    if (fetchFrom >= first.offset && fetchFrom <= end.offset) return undefined
    const deleted = fetchFrom < first.offset
    const said = deleted
      ? `${topic}-${partition}: the records from offset ${fetchFrom} to ${first.offset - 1} (at most ${first.offset - fetchFrom}) were deleted before they were read`
      : `${topic}-${partition}: offset ${fetchFrom} was asked for, but the log ends at ${end.offset}: the topic was made anew or cut back`
    if (!this.#goOn) {
      throw new GapError(
        `${said}; available are the offsets ${first.offset} to ${end.offset}. Set errors.data.loss=continue to go on at ${first.offset}, or stop the connector and set its offsets over the REST API.`,
      )
    }
    const fields = {
      topic,
      partition,
      asked: fetchFrom,
      first: first.offset,
      end: end.offset,
      lost: deleted ? first.offset - fetchFrom : null,
    }
    const note = deleted ? '' : ` ${replayNote}`
    this.#log.warn(fields, `${said}; reading goes on at ${first.offset} (errors.data.loss=continue).${note}`)
    return first.offset
  }
}
