import { DataError } from '../../../core/index.ts'

/** Texts up to this length are written byte by byte: that costs less than a call into native code. */
const shortMax = 24

const tab = 0x09
const newline = 0x0a
const zero = 0x30
const minus = 0x2d
const backslash = 0x5c

/** What COPY's text format writes for the bytes below 128 that it escapes; 0: the byte itself; 1: no text may hold it. */
const escaped = new Uint8Array(128)
escaped[0] = 1
escaped[backslash] = backslash
escaped[tab] = 0x74
escaped[newline] = 0x6e
escaped[0x0d] = 0x72

const special = /[\\\t\n\r\0]/
const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

/** Two digits of each number below 100, one behind the other. */
const pairs = new Uint8Array(200)
for (let n = 0; n < 100; n++) {
  pairs[n * 2] = zero + Math.floor(n / 10)
  pairs[n * 2 + 1] = zero + (n % 10)
}

/**
 * Lines of COPY's text format, written straight into bytes: a string per row and column would be most of the work, and all of the garbage.
 * What is written stays where it is until `truncate`.
 */
export class CopyBuffer {
  #bytes: Buffer
  #at = 0

  /** `size`: its bytes at first. It doubles where it is full. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafeSlow(size)
  }

  /** Bytes written. */
  get length(): number {
    return this.#at
  }

  /** A view of what is written; valid as long as nothing more is. */
  bytes(start = 0, end = this.#at): Buffer {
    return this.#bytes.subarray(start, end)
  }

  byteAt(at: number): number {
    return this.#bytes[at]!
  }

  /** Takes back what was written behind that place. */
  truncate(length: number): void {
    this.#at = length
  }

  tab(): void {
    if (this.#at === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#at++] = tab
  }

  endLine(): void {
    if (this.#at === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#at++] = newline
  }

  /** COPY's word for NULL. */
  nothing(): void {
    if (this.#at + 2 > this.#bytes.length) this.#grow(2)
    this.#bytes[this.#at++] = backslash
    this.#bytes[this.#at++] = 0x4e
  }

  /** A whole number between plus and minus 2^53. */
  whole(value: number): void {
    if (this.#at + 17 > this.#bytes.length) this.#grow(17)
    if (value < 0) {
      this.#bytes[this.#at++] = minus
      value = -value
    }
    this.#digits(value, 1)
  }

  /** A whole number of at most 2^53 divided by ten to the power of `scale`, which is 1 to 15. */
  scaled(value: number, scale: number, power: number): void {
    if (this.#at + 20 > this.#bytes.length) this.#grow(20)
    if (value < 0) {
      this.#bytes[this.#at++] = minus
      value = -value
    }
    // The quotient may be rounded up to the next whole number.
    let whole = Math.floor(value / power)
    if (whole * power > value) whole--
    this.#digits(whole, 1)
    this.#bytes[this.#at++] = 0x2e
    this.#digits(value - whole * power, scale)
  }

  /** `YYYY-MM-DD`, years 0001 to 9999. */
  day(year: number, month: number, day: number): void {
    if (this.#at + 10 > this.#bytes.length) this.#grow(10)
    this.#pair((year / 100) | 0)
    this.#pair(year % 100)
    this.#bytes[this.#at++] = minus
    this.#pair(month)
    this.#bytes[this.#at++] = minus
    this.#pair(day)
  }

  /** A blank. */
  blank(): void {
    if (this.#at === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#at++] = 0x20
  }

  /** `HH:MM:SS`, and as many digits of the second as there are; microseconds of a day. */
  clock(micros: number): void {
    if (this.#at + 15 > this.#bytes.length) this.#grow(15)
    const seconds = Math.floor(micros / 1_000_000)
    let fraction = micros - seconds * 1_000_000
    this.#pair((seconds / 3600) | 0)
    this.#bytes[this.#at++] = 0x3a
    this.#pair(((seconds / 60) | 0) % 60)
    this.#bytes[this.#at++] = 0x3a
    this.#pair(seconds % 60)
    if (fraction === 0) return
    this.#bytes[this.#at++] = 0x2e
    let digits = 6
    for (; fraction % 10 === 0; digits--) fraction /= 10
    this.#digits(fraction, digits)
  }

  /** A text of ASCII that needs no escapes. */
  ascii(text: string): void {
    const { length } = text
    if (this.#at + length > this.#bytes.length) this.#grow(length)
    if (length > shortMax) {
      this.#at += this.#bytes.write(text, this.#at, 'latin1')
      return
    }
    const bytes = this.#bytes
    let at = this.#at
    for (let i = 0; i < length; i++) bytes[at++] = text.charCodeAt(i)
    this.#at = at
  }

  /** Any text. Throws a DataError for a zero byte and for half a character, which no text of Postgres can hold. */
  text(text: string): void {
    const { length } = text
    if (length > shortMax) {
      this.#long(text)
      return
    }
    if (this.#at + length * 2 > this.#bytes.length) this.#grow(length * 2)
    const bytes = this.#bytes
    let at = this.#at
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code > 127) {
        this.#long(text)
        return
      }
      const escape = escaped[code]!
      if (escape !== 0) {
        if (escape === 1) zeroByte()
        bytes[at++] = backslash
        bytes[at++] = escape
      } else bytes[at++] = code
    }
    this.#at = at
  }

  /** Bytes as bytea reads them: `\x` and hexadecimal digits, the backslash escaped. */
  hex(value: Uint8Array): void {
    const size = 3 + value.length * 2
    if (this.#at + size > this.#bytes.length) this.#grow(size)
    this.#bytes[this.#at++] = backslash
    this.#bytes[this.#at++] = backslash
    this.#bytes[this.#at++] = 0x78
    this.#at += this.#bytes.write(Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex'), this.#at, 'latin1')
  }

  #long(text: string): void {
    const plain = special.test(text) ? text.replace(/[\\\t\n\r\0]/g, (char) => escapes[char] ?? zeroByte()) : text
    if (!plain.isWellFormed()) {
      throw new DataError(
        'the text has half of a character (a surrogate without its pair), which UTF-8 cannot hold; replace it by a transform',
      )
    }
    if (this.#at + plain.length * 3 > this.#bytes.length) this.#grow(plain.length * 3)
    this.#at += this.#bytes.write(plain, this.#at, 'utf8')
  }

  #pair(value: number): void {
    this.#bytes[this.#at++] = pairs[value * 2]!
    this.#bytes[this.#at++] = pairs[value * 2 + 1]!
  }

  /** At least `width` digits of a number from 0 to 2^53. There is room. */
  #digits(value: number, width: number): void {
    if (value >= 1_000_000_000) {
      // Small integers are divided many times faster than doubles.
      const high = Math.floor(value / 1_000_000_000)
      this.#digits(high, width - 9)
      this.#digits(value - high * 1_000_000_000, 9)
      return
    }
    let rest = value | 0
    let count = 1
    for (let power = 10; power <= rest && count < 9; power *= 10) count++
    if (count < width) count = width
    const end = this.#at + count
    for (let at = end - 1; at >= this.#at; at--) {
      const next = (rest / 10) | 0
      this.#bytes[at] = zero + rest - next * 10
      rest = next
    }
    this.#at = end
  }

  #grow(more: number): void {
    let size = this.#bytes.length * 2
    while (size < this.#at + more) size *= 2
    const bytes = Buffer.allocUnsafeSlow(size)
    this.#bytes.copy(bytes, 0, 0, this.#at)
    this.#bytes = bytes
  }
}

function zeroByte(): never {
  throw new DataError('the text has a zero byte, which Postgres cannot hold; take it out by a transform')
}
