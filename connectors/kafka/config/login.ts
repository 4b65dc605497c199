import { ConfigError, type ConfigOf } from '../../../core/index.ts'
import type { SaslSettings, TokenSource } from '../client/settings.ts'
import { extensionsOf } from './sasl-extensions.ts'
import { parseJaas, type JaasLogin } from './jaas.ts'
import type { loginKeys } from './login-keys.ts'
import { endpointTokens } from './token-endpoint.ts'
import { unsecuredTokens } from './unsecured-token.ts'

type Config = ConfigOf<typeof loginKeys>

const mechanismKinds = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram', 'SCRAM-SHA-512': 'scram', OAUTHBEARER: 'oauthbearer' } as const

/** The login from Java's keys. `ca`: authorities that the token endpoint may have beside the public ones. Throws a ConfigError. */
export function saslSettings(config: Config, ca: readonly string[]): SaslSettings {
  const mechanism = config['sasl.mechanism']?.toUpperCase() as keyof typeof mechanismKinds | undefined
  if (mechanism === undefined) {
    throw fault(
      'sasl.mechanism',
      `sasl.mechanism is missing: security.protocol asks for a login; it is one of ${Object.keys(mechanismKinds).join(', ')}`,
    )
  }
  const text = config['sasl.jaas.config']
  if (mechanism === 'OAUTHBEARER')
    return { mechanism, tokens: tokenSource(config, text === undefined ? undefined : login(text, mechanism), ca) }
  if (text === undefined) throw fault('sasl.jaas.config', `sasl.jaas.config is missing: ${mechanism} needs a user and a password`)
  const { options } = login(text, mechanism)
  const username = options.get('username') ?? ''
  const password = options.get('password') ?? ''
  if (username === '' || password === '') {
    throw fault('sasl.jaas.config', `sasl.jaas.config has no ${username === '' ? 'username' : 'password'}: ${mechanism} needs both`)
  }
  if (options.get('tokenauth')?.toLowerCase() === 'true') {
    throw fault(
      'sasl.jaas.config',
      'sasl.jaas.config asks for delegation tokens (tokenauth=true), which are not supported; give a user and a password',
    )
  }
  return { mechanism, username, password }
}

function login(text: string, mechanism: keyof typeof mechanismKinds): JaasLogin {
  const parsed = parseJaas(text)
  if (parsed.kind !== mechanismKinds[mechanism]) {
    throw fault('sasl.jaas.config', `sasl.jaas.config has the login module of another mechanism than sasl.mechanism=${mechanism}`)
  }
  return parsed
}

function tokenSource(config: Config, jaas: JaasLogin | undefined, ca: readonly string[]): TokenSource {
  const options = jaas?.options ?? new Map<string, string>()
  const url = config['sasl.oauthbearer.token.endpoint.url']
  if ([...options.keys()].some((name) => name.startsWith('unsecuredLogin'))) {
    if (url !== undefined)
      throw fault('sasl.jaas.config', 'sasl.jaas.config makes unsecured tokens, but sasl.oauthbearer.token.endpoint.url is given, too')
    return unsecuredTokens(options)
  }
  if (url === undefined) {
    throw fault('sasl.oauthbearer.token.endpoint.url', 'sasl.oauthbearer.token.endpoint.url is missing: OAUTHBEARER gets its tokens there')
  }
  const clientId = config['sasl.oauthbearer.client.credentials.client.id'] ?? options.get('clientId')
  const clientSecret = config['sasl.oauthbearer.client.credentials.client.secret'] ?? options.get('clientSecret')
  if (!clientId || !clientSecret) {
    const message = `OAUTHBEARER needs ${clientId ? 'clientSecret' : 'clientId'} in sasl.jaas.config, or sasl.oauthbearer.client.credentials.*`
    throw fault('sasl.jaas.config', message)
  }
  return endpointTokens({
    url,
    clientId,
    clientSecret,
    scope: config['sasl.oauthbearer.scope'] ?? options.get('scope'),
    urlEncode: config['sasl.oauthbearer.header.urlencode'],
    extensions: extensionsOf(options, 'extension_'),
    timeoutMs: config['sasl.login.connect.timeout.ms'],
    refreshFactor: config['sasl.login.refresh.window.factor'],
    ca,
  })
}

function fault(key: string, message: string): ConfigError {
  return new ConfigError([{ key, message }])
}
