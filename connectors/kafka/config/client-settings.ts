import { ConfigError, type ConfigOf } from '../../../core/index.ts'
import type { BrokerAddress, ClientSettings } from '../client/settings.ts'
import { clientConfig } from './client-keys.ts'
import { saslSettings } from './login.ts'
import { tlsOptions } from './tls.ts'

export { clientConfig }

/** What the client needs, from parsed keys. Reads the files that they name. Throws a ConfigError that names the keys, never a secret. */
export function clientSettings(config: ConfigOf<typeof clientConfig>): ClientSettings {
  const protocol = config['security.protocol'].toUpperCase()
  const tls = protocol.endsWith('SSL') ? tlsOptions(config) : null
  const sasl = protocol.startsWith('SASL_') ? saslSettings(config, (tls?.ca ?? []) as string[]) : null
  return {
    brokers: parseBrokers(config['bootstrap.servers']),
    clientId: config['client.id'],
    tls,
    sasl,
    connectTimeoutMs: config['socket.connection.setup.timeout.ms'],
    requestTimeoutMs: config['request.timeout.ms'],
    apiTimeoutMs: config['default.api.timeout.ms'],
    metadataMaxAgeMs: config['metadata.max.age.ms'],
    reconnectMs: config['reconnect.backoff.ms'],
    reconnectMaxMs: config['reconnect.backoff.max.ms'],
    retryMs: config['retry.backoff.ms'],
    retryMaxMs: config['retry.backoff.max.ms'],
    warnings: warnings(config, protocol),
  }
}

function warnings(config: ConfigOf<typeof clientConfig>, protocol: string): readonly string[] {
  const found: string[] = []
  const mechanism = config['sasl.mechanism']?.toUpperCase()
  if (protocol === 'SASL_PLAINTEXT') {
    const risk = mechanism?.startsWith('SCRAM') ? 'who listens can try passwords against what he heard' : 'who listens can read the login'
    found.push(`security.protocol=SASL_PLAINTEXT sends the login (${mechanism}) and all records without encryption: ${risk}. Use SASL_SSL`)
  }
  if (!protocol.startsWith('SASL_') && (mechanism !== undefined || config['sasl.jaas.config'] !== undefined)) {
    found.push(`sasl.mechanism and sasl.jaas.config are not used: security.protocol=${protocol} has no login`)
  }
  if (!protocol.endsWith('SSL') && (config['ssl.truststore.location'] ?? config['ssl.keystore.location']) !== undefined) {
    found.push(`The keys ssl.* are not used: security.protocol=${protocol} has no TLS`)
  }
  if (protocol.endsWith('SSL') && config['ssl.endpoint.identification.algorithm'] === '') {
    found.push('ssl.endpoint.identification.algorithm is empty: any host with a trusted certificate can stand in for a broker')
  }
  return found
}

/** `host:port` or `[ipv6]:port`, a protocol before it as Java takes it. */
function parseBrokers(servers: readonly string[]): readonly BrokerAddress[] {
  const brokers = servers.map((server) => {
    const match = /^(?:[A-Za-z_]+:\/\/)?(?:\[([0-9A-Fa-f:.%]+)\]|([^:/\s]+)):(\d{1,5})$/.exec(server)
    const port = Number(match?.[3])
    if (!match || port < 1 || port > 65_535) {
      const message = `Invalid url in bootstrap.servers: ${server}; brokers are given as host:port, with commas between`
      throw new ConfigError([{ key: 'bootstrap.servers', value: server, message }])
    }
    return { host: match[1] ?? match[2]!, port }
  })
  if (brokers.length === 0) {
    throw new ConfigError([{ key: 'bootstrap.servers', value: '', message: 'No bootstrap urls given in bootstrap.servers' }])
  }
  return brokers
}
