import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * One connection that produces record sets as they are (Produce, version 7: the first that brokers allow zstd with) and tells the broker's error code: the records' own test of
 * what a broker takes, without a client in between.
 */
export class RawProducer implements Disposable {
  readonly #socket: Socket
  #correlation = 0

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static async connect(bootstrap: string): Promise<RawProducer> {
    const [host, port] = bootstrap.split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    return new RawProducer(socket)
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  /** One request after another. */
  async produce(topic: string, partition: number, records: Buffer): Promise<{ readonly errorCode: number; readonly baseOffset: number }> {
    const name = Buffer.from(topic)
    const head = Buffer.alloc(8 + 2 + 2 + 2 + 4 + 4 + 2 + name.length + 4 + 4 + 4)
    let at = head.writeInt16BE(0, 0) // Produce
    at = head.writeInt16BE(7, at)
    at = head.writeInt32BE(this.#correlation++, at)
    at = head.writeInt16BE(-1, at) // client id
    at = head.writeInt16BE(-1, at) // transactional id
    at = head.writeInt16BE(-1, at) // acks
    at = head.writeInt32BE(10_000, at)
    at = head.writeInt32BE(1, at) // topics
    at = head.writeInt16BE(name.length, at)
    at += name.copy(head, at)
    at = head.writeInt32BE(1, at) // partitions
    at = head.writeInt32BE(partition, at)
    head.writeInt32BE(records.length, at)
    const length = Buffer.alloc(4)
    length.writeInt32BE(head.length + records.length)
    this.#socket.write(Buffer.concat([length, head, records]))
    let answer = Buffer.alloc(0)
    while (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) {
      const [chunk] = (await once(this.#socket, 'data')) as [Buffer]
      answer = Buffer.concat([answer, chunk])
    }
    // Length, correlation, one topic with its name, one partition with its number.
    const place = 4 + 4 + 4 + 2 + name.length + 4 + 4
    return { errorCode: answer.readInt16BE(place), baseOffset: Number(answer.readBigInt64BE(place + 2)) }
  }
}
