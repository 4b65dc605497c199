import type { Certificates } from './certificates.ts'

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

/** `admin` may do everything; `guest` nothing, until an ACL allows it (the listener without passwords may, too). */
export type KafkaUser = 'admin' | 'guest'
export const kafkaPasswords: Readonly<Record<KafkaUser, string>> = { admin: 'admin-secret-3', guest: 'guest-secret-4' }

/** The listeners of a broker that was started with `secure`, beside its plain one. */
export interface SecureListeners {
  /** SASL over TLS, all four mechanisms. */
  readonly saslSsl: string
  /** SASL without TLS. */
  readonly saslPlaintext: string
  /** TLS; asks for a client certificate and refuses who has none. Its client is `User:CN=client`, who may do everything. */
  readonly ssl: string
  readonly certificates: Certificates
  /** Java-style properties of a client, `bootstrap.servers` and all, with PEM files. `saslPlaintext` with `tls: false`. */
  saslProperties(mechanism: SaslMechanism, user?: KafkaUser, tls?: boolean): Record<string, string>
  /** The same for the `ssl` listener. */
  sslProperties(): Record<string, string>
  /** An unsigned token (JWT, alg none) of an hour, which OAUTHBEARER takes here. */
  token(user?: KafkaUser): string
}

export interface SecurePorts {
  readonly saslSsl: number
  readonly saslPlaintext: number
  readonly ssl: number
}

export function secureListeners(ports: SecurePorts, certificates: Certificates): SecureListeners {
  const at = (port: number) => `127.0.0.1:${port}`
  const trust = { 'ssl.truststore.type': 'PEM', 'ssl.truststore.location': certificates.caFile }
  return {
    saslSsl: at(ports.saslSsl),
    saslPlaintext: at(ports.saslPlaintext),
    ssl: at(ports.ssl),
    certificates,
    saslProperties: (mechanism, user = 'admin', tls = true) => ({
      'bootstrap.servers': at(tls ? ports.saslSsl : ports.saslPlaintext),
      'security.protocol': tls ? 'SASL_SSL' : 'SASL_PLAINTEXT',
      'sasl.mechanism': mechanism,
      'sasl.jaas.config': clientJaas(mechanism, user),
      ...(tls ? trust : {}),
    }),
    sslProperties: () => ({
      'bootstrap.servers': at(ports.ssl),
      'security.protocol': 'SSL',
      'ssl.keystore.type': 'PEM',
      'ssl.keystore.location': certificates.clientStoreFile,
      ...trust,
    }),
    token: (user = 'admin') => {
      const now = Math.floor(Date.now() / 1000)
      const part = (content: object) => Buffer.from(JSON.stringify(content)).toString('base64url')
      return `${part({ alg: 'none' })}.${part({ sub: user, iat: now, exp: now + 3600 })}.`
    },
  }
}

/** The broker's settings for these listeners, but for `listeners` itself. */
export function secureSettings(certificates: Certificates): Record<string, string> {
  const protocols = ['CONTROLLER:PLAINTEXT', 'PLAINTEXT:PLAINTEXT', 'SASL_SSL:SASL_SSL', 'SASL_PLAINTEXT:SASL_PLAINTEXT', 'SSL:SSL']
  const settings: Record<string, string> = {
    'listener.security.protocol.map': protocols.join(','),
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': certificates.serverStoreFile,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': certificates.caFile,
    'listener.name.ssl.ssl.client.auth': 'required',
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS;User:admin;User:CN=client',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
  }
  const users = Object.entries(kafkaPasswords).map(([user, password]) => `user_${user}="${password}"`)
  for (const listener of ['sasl_ssl', 'sasl_plaintext']) {
    const jaas = (mechanism: string) => `listener.name.${listener}.${mechanism}.sasl.jaas.config`
    settings[jaas('plain')] = `org.apache.kafka.common.security.plain.PlainLoginModule required ${users.join(' ')};`
    for (const scram of ['scram-sha-256', 'scram-sha-512'])
      settings[jaas(scram)] = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
    settings[jaas('oauthbearer')] = clientJaas('OAUTHBEARER', 'admin')
  }
  return settings
}

/** Arguments of StorageTool's `format` that make the users. */
export function scramArguments(): string[] {
  return Object.entries(kafkaPasswords).flatMap(([user, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${user},password=${password}]`]),
  )
}

function clientJaas(mechanism: SaslMechanism, user: KafkaUser): string {
  const modules = 'org.apache.kafka.common.security'
  if (mechanism === 'OAUTHBEARER') return `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="${user}";`
  const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
  return `${modules}.${module} required username="${user}" password="${kafkaPasswords[user]}";`
}
