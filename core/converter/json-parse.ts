import { DataError } from '../contract/errors.ts'
import { learnShape, likelyShapes, otherShape, type JsonShape } from './json-shape.ts'

/** Deepest nesting of arrays and objects that is read or written. */
export const jsonDepthMax = 500

/** A number whose digits a JavaScript number might not keep: as it was written. */
export class NumberText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/**
 * Reads JSON (RFC 8259) without losing digits. `typed`, for values that a schema will shape: numbers of up to 15 digits are `number`, all
 * others `NumberText`. `plain`, for values without a schema: numbers without point and exponent are `bigint`, all others `number`, and a
 * DataError if a double would change their digits. Objects are plain, with `__proto__` as an own property; a name that occurs twice is a
 * DataError, for one of its values would be lost.
 */
export class JsonReader {
  readonly #text: string
  readonly #plain: boolean
  #at: number
  #depth = 0

  constructor(text: string, mode: 'typed' | 'plain', start = 0) {
    this.#text = text
    this.#plain = mode === 'plain'
    this.#at = start
  }

  /** Index of the character after what was read. */
  get position(): number {
    return this.#at
  }

  /** The value that starts here. */
  value(): unknown {
    const code = this.#peek()
    switch (code) {
      case 0x22:
        return this.#string()
      case 0x7b:
        return this.#object()
      case 0x5b:
        return this.#array()
      case 0x74:
        return this.#word('true', true)
      case 0x66:
        return this.#word('false', false)
      case 0x6e:
        return this.#word('null', null)
      default:
        if (code === 0x2d || (code >= 0x30 && code <= 0x39)) return this.#number()
        throw this.#fault('a JSON value')
    }
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (!Number.isNaN(this.#peek())) throw this.#fault('the end of the text')
  }

  /** Takes this character, after white space. */
  expect(character: string): void {
    if (this.#peek() !== character.charCodeAt(0)) throw this.#fault(`"${character}"`)
    this.#at++
  }

  #peek(): number {
    const text = this.#text
    let code = text.charCodeAt(this.#at)
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = text.charCodeAt(++this.#at)
    return code
  }

  #object(): unknown {
    const start = this.#at
    this.#enter()
    const text = this.#text
    const shapes = likelyShapes(text, start)
    if (shapes.length === 0) return this.#members(start, undefined, [])
    let shape = shapes[0]!
    const values: unknown[] = []
    this.#at = start
    for (;;) {
      const { heads } = shape
      while (values.length < heads.length && text.startsWith(heads[values.length]!, this.#at)) {
        this.#at += heads[values.length]!.length
        values.push(this.value())
      }
      // What follows is looked at without moving: the space before a comma belongs to the next head.
      if (values.length === heads.length && text.charCodeAt(this.#at) === 0x7d) return this.#leave(shape.make(values))
      const other = otherShape(shapes, shape, values.length, text, this.#at)
      if (other === undefined) break
      shape = other
    }
    if (values.length === 0) this.#at = start + 1
    return this.#members(start, shape, values)
  }

  /** The members after those that had the shape's names. */
  #members(start: number, shape: JsonShape | undefined, values: readonly unknown[]): unknown {
    const object: Record<string, unknown> = {}
    const count = values.length
    const names = shape?.names.slice(0, count) ?? []
    const heads = shape?.heads.slice(0, count) ?? []
    for (let index = 0; index < count; index++) setMember(object, names[index]!, values[index])
    let from = count === 0 ? start : this.#at
    if (count === 0 ? this.#peek() === 0x7d : this.#closes(this.#peek())) return this.#leave(object)
    for (;;) {
      if (this.#peek() !== 0x22) throw this.#fault('a name in double quotes')
      const name = this.#name()
      if (object[name] !== undefined && Object.hasOwn(object, name)) {
        throw new DataError(`JSON object has the name ${JSON.stringify(name)} twice (second one before character ${this.#at})`)
      }
      this.expect(':')
      this.#peek()
      heads.push(this.#text.slice(from, this.#at))
      names.push(name)
      setMember(object, name, this.value())
      from = this.#at
      if (this.#closes(this.#peek())) {
        learnShape(this.#text, start, heads, names)
        return this.#leave(object)
      }
    }
  }

  /** True at the end of an object; takes the comma where it goes on. */
  #closes(code: number): boolean {
    if (code === 0x7d) return true
    if (code !== 0x2c) throw this.#fault('"," or "}"')
    this.#at++
    return false
  }

  #array(): unknown {
    this.#enter()
    const items: unknown[] = []
    if (this.#peek() === 0x5d) return this.#leave(items)
    for (;;) {
      items.push(this.value())
      const code = this.#peek()
      if (code === 0x5d) return this.#leave(items)
      if (code !== 0x2c) throw this.#fault('"," or "]"')
      this.#at++
    }
  }

  #enter(): void {
    this.#at++
    if (++this.#depth > jsonDepthMax) throw new DataError(`JSON is nested deeper than ${jsonDepthMax} levels`)
  }

  #leave<T>(value: T): T {
    this.#at++
    this.#depth--
    return value
  }

  // The same names come again and again: taking the known string, rather than cutting out another one, spares hashing it once more.
  #name(): string {
    const text = this.#text
    const start = this.#at + 1
    const end = text.indexOf('"', start)
    const slot = ((end - start) * 31 + text.charCodeAt(start) * 7 + text.charCodeAt(end - 1)) & 1023
    const known = names[slot]
    if (known !== undefined && known.length === end - start && text.startsWith(known, start)) {
      this.#at = end + 1
      return known
    }
    const name = this.#string()
    // A name with escapes is longer in the text than in itself, so it is never taken from here by mistake.
    if (name.length === end - start && name.length <= 64 && !name.includes('\\')) names[slot] = name
    return name
  }

  #string(): string {
    const text = this.#text
    const start = this.#at + 1
    const end = text.indexOf('"', start)
    if (end < 0) throw this.#fault('a closing quote', text.length)
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at)
      if (code === 0x5c) return this.#escapedString(start, at)
      if (code < 0x20) throw this.#fault('an escape for a control character', at)
    }
    this.#at = end + 1
    return text.slice(start, end)
  }

  #escapedString(start: number, firstEscape: number): string {
    const text = this.#text
    let out = text.slice(start, firstEscape)
    let at = firstEscape
    let from = at
    for (;;) {
      const code = text.charCodeAt(at)
      if (Number.isNaN(code)) throw this.#fault('a closing quote', at)
      if (code < 0x20) throw this.#fault('an escape for a control character', at)
      if (code === 0x22) break
      if (code !== 0x5c) {
        at++
        continue
      }
      out += text.slice(from, at)
      const escape = text[at + 1]
      if (escape === 'u') {
        const digits = text.slice(at + 2, at + 6)
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.#fault('four hexadecimal digits after \\u', at)
        out += String.fromCharCode(Number.parseInt(digits, 16))
        at += 6
      } else {
        const plain = escape === undefined ? undefined : escapes.get(escape)
        if (plain === undefined) throw this.#fault('a known escape', at)
        out += plain
        at += 2
      }
      from = at
    }
    this.#at = at + 1
    return out + text.slice(from, at)
  }

  #number(): unknown {
    const text = this.#text
    const start = this.#at
    let at = start
    let code = text.charCodeAt(at)
    const negative = code === 0x2d
    if (negative) code = text.charCodeAt(++at)
    const firstDigit = at
    let small = 0
    while (code >= 0x30 && code <= 0x39) {
      small = small * 10 + (code - 0x30)
      code = text.charCodeAt(++at)
    }
    const digits = at - firstDigit
    if (digits === 0 || (digits > 1 && text.charCodeAt(firstDigit) === 0x30)) throw this.#fault('a number', start)
    if (code !== 0x2e && code !== 0x65 && code !== 0x45) {
      this.#at = at
      if (this.#plain) return digits <= 15 ? BigInt(negative ? -small : small) : wholeNumber(text.slice(start, at))
      return digits <= 15 ? (negative ? -small : small) : new NumberText(text.slice(start, at))
    }
    if (code === 0x2e && digits <= 15) {
      const point = at
      code = text.charCodeAt(++at)
      while (code >= 0x30 && code <= 0x39) {
        small = small * 10 + (code - 0x30)
        code = text.charCodeAt(++at)
      }
      const places = at - point - 1
      // Up to 15 digits and a power of ten are both exact, so their quotient is the double nearest to what is written (Clinger).
      if (places > 0 && digits + places <= 15 && code !== 0x65 && code !== 0x45) {
        this.#at = at
        const value = small / powersOfTen[places]!
        return negative ? -value : value
      }
    }
    numberPattern.lastIndex = start
    const match = numberPattern.exec(text)
    if (!match) throw this.#fault('a number', start)
    this.#at = start + match[0].length
    if (this.#plain) return exactDouble(match[0])
    const kept = match[0].length <= 16 && match[1] === undefined
    return kept ? Number(match[0]) : new NumberText(match[0])
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#fault('a JSON value')
    this.#at += word.length
    return value
  }

  #fault(expected: string, at = this.#at): DataError {
    const found = at >= this.#text.length ? 'the text ends' : `there is ${JSON.stringify(this.#text.slice(at, at + 20))}`
    return new DataError(`Not JSON: at character ${at} ${found} where ${expected} should be`)
  }
}

function setMember(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
  else object[name] = value
}

/** Reads one JSON text as a whole; see JsonReader for the modes. Throws a DataError. */
export function parseJson(text: string, mode: 'typed' | 'plain'): unknown {
  const reader = new JsonReader(text, mode)
  const value = reader.value()
  reader.end()
  return value
}

/** Digits of whole numbers that are taken without a schema: reading and printing them takes time that grows with their square. */
const wholeDigitsMax = 1_000

function wholeNumber(text: string): bigint {
  if (text.length > wholeDigitsMax) throw new DataError(`JSON number ${text.slice(0, 20)}... has more than ${wholeDigitsMax} digits`)
  return BigInt(text)
}

/** The double that is written so, if it shows the same digits again, in its shortest form or at the precision written. */
function exactDouble(text: string): number {
  const number = Number(text)
  if (!Number.isFinite(number)) throw new DataError(`JSON number ${text.slice(0, 40)} is beyond what a double holds`)
  const digits = significantDigits(text)
  if (digits.length <= 15) {
    if (number === 0 && digits !== '') throw new DataError(`JSON number ${text.slice(0, 40)} is nearer to zero than a double can be`)
    return number
  }
  const shown = digits.length <= 100 && significantDigits(number.toPrecision(digits.length)) === digits
  if (!shown && significantDigits(String(number)) !== digits) {
    throw new DataError(
      `JSON number ${text.slice(0, 40)} has digits that a double loses (it would be ${number}); give it a schema with a Decimal, or write it as text`,
    )
  }
  return number
}

/** The digits without sign, point, exponent, and zeros at either end. */
function significantDigits(text: string): string {
  return text
    .replace(/[eE].*$/s, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '')
    .replace(/0+$/, '')
}

/** Names of members that were read before, in the slots that #name gives them. */
const names: (string | undefined)[] = Array.from({ length: 1024 })

const powersOfTen = Array.from({ length: 16 }, (_, places) => 10 ** places)
const numberPattern = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const escapes = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])
