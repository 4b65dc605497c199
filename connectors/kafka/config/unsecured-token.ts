import { ConfigError } from '../../../core/index.ts'
import type { TokenSource } from '../client/settings.ts'
import { extensionsOf } from './sasl-extensions.ts'

/** Life of a token where the options name none. Seconds, as in Java. */
const lifeSeconds = 3600

/**
 * Tokens that nobody signed, from OAuthBearerLoginModule's options `unsecuredLogin*`: what Kafka's brokers take by default, for tests and
 * development.
 */
export function unsecuredTokens(options: ReadonlyMap<string, string>): TokenSource {
  const claims: Record<string, unknown> = {}
  for (const [name, value] of options) {
    const match = /^unsecuredLogin(String|Number|List)Claim_(.+)$/.exec(name)
    if (match) claims[match[2]!] = claimOf(match[1]!, name, value)
  }
  const seconds = Number(options.get('unsecuredLoginLifetimeSeconds') ?? lifeSeconds)
  const principal = options.get('unsecuredLoginPrincipalClaimName') ?? 'sub'
  const extensions = extensionsOf(options, 'unsecuredLoginExtension_')
  if (typeof claims[principal] !== 'string') throw fault(`sasl.jaas.config lacks unsecuredLoginStringClaim_${principal}, the user's name`)
  if (!(seconds > 0)) throw fault('sasl.jaas.config: unsecuredLoginLifetimeSeconds must be a positive number')
  return {
    token: () => {
      const now = Date.now() / 1000
      const value = `${part({ alg: 'none' })}.${part({ iat: now, exp: now + seconds, ...claims })}.`
      return Promise.resolve({ value, extensions })
    },
  }
}

function claimOf(kind: string, name: string, value: string): unknown {
  if (kind === 'String') return value
  // The first character is what stands between the items, as in Java.
  if (kind === 'List') return value === '' ? [] : /\w/.test(value[0]!) ? [value] : value.slice(1).split(value[0]!)
  const number = Number(value)
  if (value.trim() === '' || Number.isNaN(number)) throw fault(`sasl.jaas.config: ${name} is not a number`)
  return number
}

function part(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url')
}

function fault(message: string): ConfigError {
  return new ConfigError([{ key: 'sasl.jaas.config', message }])
}
