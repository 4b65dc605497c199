/** Largest answer that is taken. Bytes. */
const answerMaxBytes = 1 << 30
/** The same until the first answer came: a server that speaks something else shows itself by an odd length. */
const firstAnswerMaxBytes = 1 << 20
/** Smaller answers share the memory of Node's pool. Bytes. */
const pooledBytes = 4096

/**
 * Cuts a broker's stream of bytes into answers, each copied once, into a buffer of its own: what came may be overwritten afterwards.
 */
export class Frames {
  readonly #take: (frame: Buffer) => void
  readonly #head = Buffer.alloc(4)
  #headLength = 0
  #frame: Buffer | undefined
  #filled = 0
  #limit = firstAnswerMaxBytes

  /** `take` gets each answer without its length. */
  constructor(take: (frame: Buffer) => void) {
    this.#take = take
  }

  /** The chunk may be overwritten afterwards. Throws a StrangeBytesError where this is no Kafka. */
  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#frame) at = this.#fill(this.#frame, chunk, at)
      else if (this.#headLength < 4) {
        const copied = chunk.copy(this.#head, this.#headLength, at)
        this.#headLength += copied
        at += copied
        if (this.#headLength === 4) this.#begin()
      }
    }
  }

  #begin(): void {
    const size = this.#head.readInt32BE(0)
    if (size < 4 || size > this.#limit) throw new StrangeBytesError(this.#head, size)
    this.#headLength = 0
    this.#frame = size < pooledBytes ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
    this.#filled = 0
  }

  #fill(frame: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(frame, this.#filled, at)
    this.#filled += copied
    if (this.#filled === frame.length) {
      this.#frame = undefined
      this.#deliver(frame)
    }
    return at + copied
  }

  #deliver(frame: Buffer): void {
    this.#limit = answerMaxBytes
    this.#take(frame)
  }
}

/** The other side does not speak Kafka's protocol, or speaks it inside TLS. */
export class StrangeBytesError extends Error {
  override readonly name = 'StrangeBytesError'
  /** A TLS record begins with its kind (20 to 23) and version 3. */
  readonly tls: boolean
  constructor(head: Buffer, size: number) {
    const tls = head[0]! >= 20 && head[0]! <= 23 && head[1] === 3
    super(tls ? 'it speaks TLS' : `its answer claims to be ${size} bytes long`)
    this.tls = tls
  }
}
