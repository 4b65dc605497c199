import type { AuthenticationParts, KafkajsSasl } from './kafkajs.ts'
import type { SaslSettings, TokenSource } from './settings.ts'

/**
 * What kafkajs is told about SASL. Its PLAIN and its SCRAM are used as they are (it checks the server's nonce, its signature and the least
 * number of iterations); its OAUTHBEARER takes any answer for a yes (RFC 7628 3.2.2: a refusal is an answer with text), so that is ours.
 */
export function authentication(sasl: SaslSettings, signal: AbortSignal): KafkajsSasl {
  if (sasl.mechanism !== 'OAUTHBEARER') return { ...sasl }
  return { mechanism: 'OAUTHBEARER', authenticationProvider: (parts) => ({ authenticate: () => bear(sasl.tokens, parts, signal) }) }
}

/** Kafka's separator of the parts of a bearer message (RFC 7628 3.1). */
const separator = '\u0001'

async function bear(tokens: TokenSource, { saslAuthenticate }: AuthenticationParts, signal: AbortSignal): Promise<void> {
  const { value, extensions } = await tokens.token(signal)
  const pairs = Object.entries(extensions).map(([name, text]) => `${name}=${text}${separator}`)
  const said = await saslAuthenticate(message(`n,,${separator}auth=Bearer ${value}${separator}${pairs.join('')}${separator}`))
  if (said === '') return
  // The broker waits for this word before it ends the login with an error.
  await saslAuthenticate(message(separator)).catch(() => undefined)
  throw Object.assign(new Error(`the token is refused: ${said.slice(0, 200)}`), { name: 'KafkaJSSASLAuthenticationError' })
}

function message(text: string) {
  const bytes = Buffer.from(text)
  const framed = Buffer.alloc(4 + bytes.length)
  framed.writeInt32BE(bytes.length, 0)
  bytes.copy(framed, 4)
  return {
    request: { encode: () => Promise.resolve(framed) },
    response: {
      decode: (raw: Buffer) => Promise.resolve(raw.subarray(4).toString('utf8')),
      parse: (decoded: string) => Promise.resolve(decoded),
    },
  }
}
