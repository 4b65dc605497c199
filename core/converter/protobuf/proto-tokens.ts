import { DataError } from '../../contract/errors.ts'

/** One token of a .proto text: an identifier, a number, a string (its content) or one character. */
export interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'sign' | 'end'
  readonly text: string
  readonly line: number
}

const pattern =
  /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|([A-Za-z_][A-Za-z0-9_]*)|(\.?[0-9](?:[eE][+-]|[A-Za-z0-9_.])*)|"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|([^\s])/y

/** The tokens of a text, without white space and comments. Throws a DataError for what is none. */
export class ProtoTokens {
  readonly #text: string
  #at = 0
  #line = 1
  #next: Token | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** The token that comes, without taking it. */
  peek(): Token {
    return (this.#next ??= this.#read())
  }

  take(): Token {
    const token = this.peek()
    this.#next = undefined
    return token
  }

  /** Takes this sign or word if it comes. */
  skip(text: string): boolean {
    const token = this.peek()
    if (token.kind === 'string' || token.text !== text) return false
    this.#next = undefined
    return true
  }

  expect(text: string): void {
    if (!this.skip(text)) throw this.fault(`"${text}"`)
  }

  name(): string {
    if (this.peek().kind !== 'name') throw this.fault('a name')
    return this.take().text
  }

  /** Names with dots between them, and maybe one before. */
  fullName(): string {
    let name = this.skip('.') ? '.' : ''
    name += this.name()
    while (this.skip('.')) name += `.${this.name()}`
    return name
  }

  /** A string, or several that stand beside each other. */
  string(): string {
    if (this.peek().kind !== 'string') throw this.fault('a string')
    let text = ''
    while (this.peek().kind === 'string') text += this.take().text
    return text
  }

  integer(): number {
    const sign = this.skip('-') ? -1 : 1
    const token = this.peek()
    if (token.kind !== 'number' || !/^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(token.text)) throw this.fault('a whole number')
    this.take()
    const octal = /^0[0-7]+$/.test(token.text)
    return sign * (octal ? Number.parseInt(token.text, 8) : Number(token.text))
  }

  fault(expected: string): DataError {
    const token = this.peek()
    const found = token.kind === 'end' ? 'the text ends' : `there is ${JSON.stringify(token.text.slice(0, 40))}`
    return new DataError(`The Protobuf schema cannot be read: in line ${token.line} ${found} where ${expected} should be`)
  }

  #read(): Token {
    while (this.#at < this.#text.length) {
      pattern.lastIndex = this.#at
      const match = pattern.exec(this.#text)
      if (match === null) throw new DataError(`The Protobuf schema cannot be read: in line ${this.#line} something is not closed`)
      this.#at = pattern.lastIndex
      const line = this.#line
      for (const character of match[0]) if (character === '\n') this.#line++
      if (match[1] !== undefined) return { kind: 'name', text: match[1], line }
      if (match[2] !== undefined) return { kind: 'number', text: match[2], line }
      const content = match[3] ?? match[4]
      if (content !== undefined) return { kind: 'string', text: unescaped(content), line }
      if (match[5] !== undefined) return { kind: 'sign', text: match[5], line }
    }
    return { kind: 'end', text: '', line: this.#line }
  }
}

const escapes = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['v', '\v'],
])

function unescaped(text: string): string {
  if (!text.includes('\\')) return text
  return text.replaceAll(
    /\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|(.))/g,
    (_, hex: string | undefined, octal: string | undefined, other: string | undefined) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff)
      return escapes.get(other!) ?? other!
    },
  )
}
