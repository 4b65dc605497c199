import { ConfigError } from '../../../core/index.ts'

/** The modules that a client may name. No other class is known here, so none can be made to do anything (CVE-2023-25194). */
const modules = {
  'org.apache.kafka.common.security.plain.PlainLoginModule': 'plain',
  'org.apache.kafka.common.security.scram.ScramLoginModule': 'scram',
  'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule': 'oauthbearer',
} as const

export interface JaasLogin {
  readonly kind: 'plain' | 'scram' | 'oauthbearer'
  readonly options: ReadonlyMap<string, string>
}

const key = 'sasl.jaas.config'
const form = `${key} reads: <login module> required username="..." password="...";`

/** Reads one entry of Java's login configuration. Throws a ConfigError, which never has any of the text but a module's name. */
export function parseJaas(text: string): JaasLogin {
  const words = tokens(text)
  const [name, flag] = words
  const kind = name?.quoted === false && Object.hasOwn(modules, name.text) ? modules[name.text as keyof typeof modules] : undefined
  if (kind === undefined) {
    const shown = name?.quoted === false && /^[\w$]+(\.[\w$]+)+LoginModule$/.test(name.text) ? ` ${name.text}` : ''
    throw fault(`${key} names a login module${shown} that is not allowed; allowed are ${Object.keys(modules).join(', ')}. ${form}`)
  }
  if (!/^(required|requisite|sufficient|optional)$/i.test(flag?.text ?? ''))
    throw fault(`${key} lacks the word "required" behind its module. ${form}`)
  const options = new Map<string, string>()
  let at = 2
  for (; at < words.length && words[at]!.text !== ';'; at += 3) {
    const [option, equals, value] = words.slice(at, at + 3)
    if (option!.quoted || equals?.text !== '=' || equals.quoted || value === undefined || (value.text === ';' && !value.quoted)) {
      throw fault(`${key} is not well formed at its option ${(at - 2) / 3 + 1}: options read name="value". ${form}`)
    }
    options.set(option!.text, value.text)
  }
  if (at >= words.length) throw fault(`${key} does not end with a semicolon. ${form}`)
  if (at < words.length - 1) throw fault(`${key} has more than one entry; a client has one login. ${form}`)
  return { kind, options }
}

interface Token {
  readonly text: string
  readonly quoted: boolean
}

/** Words, texts in quotes (a backslash takes the next character as it is), `=` and `;`; comments as in Java are skipped. */
function tokens(text: string): readonly Token[] {
  const found: Token[] = []
  const pattern = /\s+|\/\/[^\n]*|\/\*[^]*?\*\/|"((?:[^"\\]|\\[^])*)"|'((?:[^'\\]|\\[^])*)'|([=;])|([^\s=;"']+)/gy
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text)
    if (!match) throw fault(`${key} has a text whose quotes do not end. ${form}`)
    const [, double, single, mark, word] = match
    const inner = double ?? single
    if (inner !== undefined) found.push({ text: inner.replace(/\\([^])/g, '$1'), quoted: true })
    else if (mark ?? word) found.push({ text: (mark ?? word)!, quoted: false })
  }
  return found
}

function fault(message: string): ConfigError {
  return new ConfigError([{ key, message }])
}
