/**
 * Rewrites a pattern of `java.util.regex` for RE2, so that it means the same: Java's `.` stops at five kinds of line ends, its `\s` knows the
 * vertical tab, its `(?i)` only the letters of ASCII. Throws an Error that names what RE2 cannot do (look-around, back references, possessive
 * and atomic groups, unions and intersections of classes), and what Java itself would refuse. Groups keep their numbers and names.
 * Compared with Java in test/transforms/oracle.test.ts.
 */
export function re2Pattern(pattern: string): string {
  return new Rewriter(pattern).pattern()
}

interface Flags {
  readonly caseless: boolean
  readonly dotAll: boolean
}

const space = ' \\t\\n\\x0B\\f\\r'
const notSpace = '\\x00-\\x08\\x0E-\\x1F\\x21-\\x{10FFFF}'
const horizontal = ' \\t\\xA0\\x{1680}\\x{180E}\\x{2000}-\\x{200A}\\x{202F}\\x{205F}\\x{3000}'
const vertical = '\\n\\x0B\\f\\r\\x{85}\\x{2028}\\x{2029}'
const lineEnds = '\\n\\r\\x{85}\\x{2028}\\x{2029}'

/** Java's POSIX classes, as the inside of a class; with the other case under (?i) where it matters. */
const posix: Readonly<Record<string, string>> = {
  Lower: 'a-z',
  Upper: 'A-Z',
  ASCII: '\\x00-\\x7F',
  Alpha: 'a-zA-Z',
  Digit: '0-9',
  Alnum: 'a-zA-Z0-9',
  Punct: '!-/:-@\\[-`{-~',
  Graph: '!-~',
  Print: ' -~',
  Blank: ' \\t',
  Cntrl: '\\x00-\\x1F\\x7F',
  XDigit: '0-9a-fA-F',
  Space: space,
}

class Rewriter {
  readonly #text: string
  #at = 0
  #flags: Flags = { caseless: false, dotAll: false }
  readonly #outer: Flags[] = []

  constructor(text: string) {
    this.#text = text
  }

  pattern(): string {
    let made = ''
    while (this.#at < this.#text.length) made += this.#part()
    return made
  }

  #part(): string {
    const char = this.#next()
    switch (char) {
      case '\\':
        return this.#escape()
      case '[':
        return this.#class()
      case '(':
        return this.#group()
      case ')':
        this.#flags = this.#outer.pop() ?? this.#flags
        return ')'
      case '.':
        return this.#flags.dotAll ? '(?s:.)' : `[^${lineEnds}]`
      case '$':
        return this.#end('$')
      case '*':
      case '+':
      case '?':
        return this.#quantifier(char)
      case '{': {
        const count = /^\d+(?:,\d*)?\}/.exec(this.#rest())
        if (count === null) throw this.#fault('write \\{ for the character itself; {n,m} needs a first number')
        this.#at += count[0].length
        return this.#quantifier(`{${count[0]}`)
      }
      case ']':
      case '}':
        return `\\${char}`
      case '|':
      case '^':
        return char
      default:
        return this.#literal(char)
    }
  }

  #quantifier(text: string): string {
    if (this.#text[this.#at] === '+') throw this.#fault('possessive quantifiers are not supported')
    if (this.#text[this.#at] !== '?') return text
    this.#at++
    return `${text}?`
  }

  // Java's end may have a last line end after it: only what follows could tell, so that nothing may.
  #end(spelled: string): string {
    if (!/^(?:$|[)|])/.test(this.#rest())) throw this.#fault(`${spelled} is supported at the end only`)
    return '\\z'
  }

  #group(): string {
    if (this.#text[this.#at] !== '?') return this.#open('(')
    const rest = this.#rest()
    const named = /^\?<([a-zA-Z][a-zA-Z0-9]*)>/.exec(rest)
    if (named !== null) {
      this.#at += named[0].length
      return this.#open(`(?<${named[1]!}>`)
    }
    if (/^\?<?[=!]/.test(rest)) throw this.#fault('look-ahead and look-behind are not supported')
    if (rest.startsWith('?>')) throw this.#fault('atomic groups are not supported')
    const flags = /^\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])/.exec(rest)
    if (flags === null) throw this.#fault('this group is not one that Java knows')
    const [all, on = '', off = '', end] = flags
    if (/[^is]/.test(on + off)) throw this.#fault('flags other than i and s are not supported')
    this.#at += all.length
    const made = end === ':' ? this.#open('(?:') : ''
    this.#flags = {
      caseless: (this.#flags.caseless || on.includes('i')) && !off.includes('i'),
      dotAll: (this.#flags.dotAll || on.includes('s')) && !off.includes('s'),
    }
    if (made === '' && /^[*+?{]/.test(this.#rest())) throw this.#fault('flags cannot be repeated')
    return made
  }

  #open(text: string): string {
    this.#outer.push(this.#flags)
    return text
  }

  #escape(): string {
    const char = this.#escaped()
    switch (char) {
      case 'Q':
        return this.#quoted()
      case 'Z':
        return this.#end('\\Z')
      case 'R':
        return `(?:\\r\\n|[${vertical}])`
      case 'b':
      case 'B':
      case 'A':
      case 'z':
        return `\\${char}`
    }
    const set = this.#set(char)
    if (set !== undefined) return `[${set}]`
    if (/[1-9k]/.test(char)) throw this.#fault('back references are not supported')
    return this.#literal(this.#character(char))
  }

  #quoted(): string {
    const end = this.#text.indexOf('\\E', this.#at)
    const text = this.#text.slice(this.#at, end < 0 ? undefined : end)
    this.#at = end < 0 ? this.#text.length : end + 2
    return [...text].map((char) => this.#literal(char)).join('')
  }

  #class(): string {
    let made = '['
    if (this.#text[this.#at] === '^') made += this.#next()
    if (this.#text[this.#at] === ']') throw this.#fault('write \\] for a bracket in a character class')
    for (;;) {
      if (this.#at >= this.#text.length) throw this.#fault('the character class is never closed')
      if (/^(?:\[|&&)/.test(this.#rest())) throw this.#fault('unions and intersections in a character class are not supported')
      const char = this.#next()
      if (char === ']') return `${made}]`
      made += this.#item(char)
    }
  }

  // A character, a range or a set, in a class.
  #item(char: string): string {
    let from = char
    if (char === '\\') {
      const escaped = this.#escaped()
      if (escaped === 'Q') throw this.#fault('\\Q in a character class is not supported')
      const set = this.#set(escaped)
      if (set !== undefined) return set
      from = this.#character(escaped)
    }
    const range = /^-(?!\])/.test(this.#rest()) && !/^-(?:\[|&&)/.test(this.#rest())
    if (!range) return this.#inClass(from, from)
    this.#at++
    const last = this.#next()
    const to = last === '\\' ? this.#character(this.#escaped()) : last
    if (to.codePointAt(0)! < from.codePointAt(0)!) throw this.#fault(`the range ${from}-${to} is the wrong way round`)
    return this.#inClass(from, to)
  }

  #inClass(from: string, to: string): string {
    const [low, high] = [from.codePointAt(0)!, to.codePointAt(0)!]
    const range = (first: number, last: number) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)
    let made = range(low, high)
    if (!this.#flags.caseless) return made
    for (const [first, last, shift] of [
      [65, 90, 32],
      [97, 122, -32],
    ] as const) {
      if (Math.max(low, first) <= Math.min(high, last)) made += range(Math.max(low, first) + shift, Math.min(high, last) + shift)
    }
    return made
  }

  /** The inside of a class that stands for many characters; undefined: it stands for one. */
  #set(char: string): string | undefined {
    switch (char) {
      case 'd':
      case 'D':
      case 'w':
      case 'W':
        return `\\${char}`
      case 's':
        return space
      case 'S':
        return notSpace
      case 'h':
        return horizontal
      case 'v':
        return vertical
      case 'H':
      case 'V':
        throw this.#fault(`\\${char} is not supported; write [^\\${char.toLowerCase()}]`)
      case 'p':
      case 'P':
        return this.#property(char === 'P')
      default:
        return undefined
    }
  }

  #property(negated: boolean): string {
    const spelled = /^(?:\{([^}]*)\}|([A-Z]))/.exec(this.#rest())
    if (spelled === null) throw this.#fault('\\p needs the name of a property in braces')
    this.#at += spelled[0].length
    const name = spelled[1] ?? spelled[2]!
    if (this.#flags.caseless && /^(?:Lower|Upper|(?:Is|gc=|general_category=)?L[ult])$/.test(name)) {
      throw this.#fault(`\\p{${name}} under (?i) is not supported`)
    }
    const ascii = Object.hasOwn(posix, name) ? posix[name]! : undefined
    if (ascii !== undefined && negated) throw this.#fault(`\\P{${name}} is not supported; write [^\\p{${name}}]`)
    if (ascii !== undefined) return ascii
    const unicode = /^(?:Is|gc=|general_category=|sc=|script=)?([A-Z][a-z_A-Z]*)$/.exec(name)?.[1]
    if (unicode === undefined || /^(?:Alphabetic|Digit|Letter|Punctuation|In[A-Z].*)$/.test(unicode)) {
      throw this.#fault(`the property ${name} is not supported`)
    }
    return `\\${negated ? 'P' : 'p'}{${unicode}}`
  }

  /** The one character that an escape stands for. */
  #character(char: string): string {
    const rest = this.#rest()
    const take = (match: RegExpExecArray | null, of: (digits: string) => number): string => {
      if (match === null) throw this.#fault(`\\${char} is not spelled as Java spells it`)
      this.#at += match[0].length
      return String.fromCodePoint(of(match[1]!))
    }
    const simple = { t: '\t', n: '\n', r: '\r', f: '\f', a: '\x07', e: '\x1b' }[char]
    if (simple !== undefined) return simple
    if (char === 'x') return take(/^\{([0-9a-fA-F]{1,6})\}/.exec(rest) ?? /^([0-9a-fA-F]{2})/.exec(rest), (digits) => parseInt(digits, 16))
    if (char === '0') return take(/^([0-3][0-7]{2}|[0-7]{1,2})/.exec(rest), (digits) => parseInt(digits, 8))
    if (char === 'c') return take(/^([\s\S])/.exec(rest), (control) => control.charCodeAt(0) ^ 64)
    if (char === 'u') return this.#unicode(rest)
    if (/[a-zA-Z]/.test(char)) throw this.#fault(`\\${char} is not supported`)
    return char
  }

  #unicode(rest: string): string {
    const units = /^([0-9a-fA-F]{4})(?:\\u([dD][c-fC-F][0-9a-fA-F]{2}))?/.exec(rest)
    if (units === null) throw this.#fault('\\u needs four hexadecimal digits')
    const pair = units[2] !== undefined && /^[dD][89abAB]/.test(units[1]!)
    this.#at += pair ? 10 : 4
    return String.fromCharCode(parseInt(units[1]!, 16), ...(pair ? [parseInt(units[2]!, 16)] : []))
  }

  #literal(char: string): string {
    const code = char.codePointAt(0)!
    const letter = this.#flags.caseless && /^[a-zA-Z]$/.test(char)
    if (letter) return `[${char.toLowerCase()}${char.toUpperCase()}]`
    return /^[a-zA-Z0-9_ ]$/.test(char) ? char : hex(code)
  }

  #escaped(): string {
    if (this.#at >= this.#text.length) throw this.#fault('it ends with a backslash')
    return this.#next()
  }

  #next(): string {
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at)!)
    this.#at += char.length
    return char
  }

  #rest(): string {
    return this.#text.slice(this.#at)
  }

  #fault(why: string): Error {
    return new Error(`${why} (character ${Math.max(0, this.#at - 1)})`)
  }
}

function hex(code: number): string {
  return `\\x{${code.toString(16)}}`
}
