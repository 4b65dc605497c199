import { ConfigError, defineConfig, type ConfigOf } from '../../../core/index.ts'
import type { BrokerAddress, ClientSettings } from '../client/settings.ts'

const group = 'Client'

/** Keys by their Java names that consumers, producers and admin calls share. */
export const clientConfig = defineConfig({
  'bootstrap.servers': {
    type: 'list',
    required: true,
    importance: 'high',
    group,
    doc: "Brokers to begin with, as host:port, with commas between; the cluster tells the others. Default: the worker's bootstrap.servers.",
  },
  'client.id': {
    type: 'string',
    default: 'millrace',
    importance: 'low',
    group,
    doc: "The name by which brokers log and limit this client's requests.",
  },
  'request.timeout.ms': {
    type: 'int',
    default: 30_000,
    min: 1,
    importance: 'medium',
    group,
    doc: 'Longest wait for the answer to a request; the connection is made anew after it. Milliseconds.',
  },
  'default.api.timeout.ms': {
    type: 'int',
    default: 60_000,
    min: 1,
    importance: 'medium',
    group,
    doc: 'Longest time for a call with all its retries. Milliseconds.',
  },
  'socket.connection.setup.timeout.ms': {
    type: 'long',
    default: 10_000,
    min: 1,
    importance: 'low',
    group,
    doc: 'Longest time for a connection to stand, TLS and login included. Milliseconds.',
  },
  'metadata.max.age.ms': {
    type: 'long',
    default: 300_000,
    min: 0,
    importance: 'low',
    group,
    doc: 'Age at which topics, partitions and leaders are asked for again. Milliseconds.',
  },
  'reconnect.backoff.ms': {
    type: 'long',
    default: 50,
    min: 0,
    importance: 'low',
    group,
    doc: 'Pause before the next attempt to connect, doubled at each failure. Milliseconds.',
  },
  'reconnect.backoff.max.ms': {
    type: 'long',
    default: 1000,
    min: 0,
    importance: 'low',
    group,
    doc: 'Longest pause between two attempts. Milliseconds.',
  },
})

/** What the client needs, from parsed keys. Throws a ConfigError that names the keys. */
export function clientSettings(config: ConfigOf<typeof clientConfig>): ClientSettings {
  return {
    brokers: parseBrokers(config['bootstrap.servers']),
    clientId: config['client.id'],
    tls: null,
    sasl: null,
    connectTimeoutMs: config['socket.connection.setup.timeout.ms'],
    requestTimeoutMs: config['request.timeout.ms'],
    apiTimeoutMs: config['default.api.timeout.ms'],
    metadataMaxAgeMs: config['metadata.max.age.ms'],
    backoffMs: config['reconnect.backoff.ms'],
    backoffMaxMs: config['reconnect.backoff.max.ms'],
  }
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
