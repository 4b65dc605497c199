import { defineConfig } from '../../core/index.ts'

const group = 'Connector'
const security = 'Security'
const noProxy = 'connect directly, or through a proxy that answers under its own URL (connection.url)'
const noKerberos = 'use basic authentication, an API key or client certificates'

/** How the servers are reached; names and defaults as Confluent's sink has them. */
export const connectionKeys = defineConfig({
  'connection.url': {
    type: 'list',
    required: true,
    importance: 'high',
    group,
    doc: 'URLs of Elasticsearch or OpenSearch nodes, http or https. Requests go to them in turn; one that cannot be reached is passed over.',
    check: urlsFault,
  },
  'connection.username': { type: 'string', importance: 'medium', group, doc: 'User of basic authentication.' },
  'connection.password': { type: 'password', importance: 'medium', group, doc: 'Password of basic authentication.' },
  'connection.api.key': {
    type: 'password',
    importance: 'medium',
    group,
    doc: 'API key as Elasticsearch gives it (the encoded form: base64 of id:key). Instead of a user and password.',
  },
  'connection.compression': { type: 'boolean', default: false, importance: 'low', group, doc: 'Whether requests are compressed (gzip).' },
  'connection.timeout.ms': {
    type: 'int',
    default: 1000,
    min: 1,
    importance: 'low',
    group,
    doc: 'Longest time to connect, in milliseconds.',
  },
  'read.timeout.ms': {
    type: 'int',
    default: 3000,
    min: 1,
    importance: 'low',
    group,
    doc: 'Longest time without a byte of an answer, in milliseconds; the request is then tried again (max.retries).',
  },
  'max.connection.idle.time.ms': {
    type: 'int',
    default: 60_000,
    min: 0,
    importance: 'low',
    group,
    doc: 'How long a connection without requests is kept, in milliseconds.',
  },
  'elastic.security.protocol': {
    type: 'string',
    default: 'PLAINTEXT',
    oneOf: ['PLAINTEXT', 'SSL'],
    importance: 'medium',
    group: security,
    doc: 'SSL: the elastic.https.* keys are used. An https URL is spoken to with TLS either way.',
  },
  'elastic.https.ssl.truststore.location': {
    type: 'string',
    importance: 'high',
    group: security,
    doc: 'PEM file with the certificates of the authorities that are trusted. Without it: the public ones.',
  },
  'elastic.https.ssl.truststore.certificates': { type: 'password', importance: 'high', group: security, doc: 'The same as PEM text.' },
  'elastic.https.ssl.truststore.password': {
    type: 'password',
    importance: 'high',
    group: security,
    doc: 'Password of a PKCS12 trust store; unused with PEM.',
  },
  'elastic.https.ssl.truststore.type': {
    type: 'string',
    oneOf: ['PEM', 'JKS', 'PKCS12'],
    group: security,
    doc: 'PEM; of other kinds the error says how to convert them.',
  },
  'elastic.https.ssl.keystore.location': {
    type: 'string',
    importance: 'high',
    group: security,
    doc: "File with this client's key and certificates: PEM with both, or PKCS12.",
  },
  'elastic.https.ssl.keystore.password': { type: 'password', importance: 'high', group: security, doc: 'Password of a PKCS12 key store.' },
  'elastic.https.ssl.keystore.type': {
    type: 'string',
    oneOf: ['PEM', 'JKS', 'PKCS12'],
    group: security,
    doc: 'PEM or PKCS12. What a store is shows in its bytes.',
  },
  'elastic.https.ssl.key.password': { type: 'password', importance: 'high', group: security, doc: 'Password of an encrypted PEM key.' },
  'elastic.https.ssl.endpoint.identification.algorithm': {
    type: 'string',
    default: 'https',
    oneOf: ['https', ''],
    importance: 'low',
    group: security,
    doc: "https: the server's certificate must name its host. Empty: any certificate of a trusted authority will do.",
  },
  'proxy.host': { type: 'string', group, doc: 'Host of an HTTP proxy.', unsupported: noProxy },
  'proxy.port': { type: 'int', group, doc: 'Port of an HTTP proxy.', unsupported: noProxy },
  'proxy.username': { type: 'string', group, doc: 'User of an HTTP proxy.', unsupported: noProxy },
  'proxy.password': { type: 'password', group, doc: 'Password of an HTTP proxy.', unsupported: noProxy },
  'kerberos.user.principal': { type: 'string', group: security, doc: 'Kerberos principal.', unsupported: noKerberos },
  'kerberos.keytab.path': { type: 'string', group: security, doc: 'Kerberos keytab.', unsupported: noKerberos },
})

function urlsFault(urls: readonly string[]): string | undefined {
  if (urls.length === 0) return 'at least one URL is wanted, such as http://localhost:9200'
  for (const text of urls) {
    const url = URL.parse(text)
    if (url === null || !/^https?:$/.test(url.protocol)) return `${text} is no http or https URL`
    if (url.username !== '' || url.password !== '')
      return 'a URL must not hold a password: give connection.username and connection.password'
    if (url.search !== '' || url.hash !== '') return `${text} has a query or fragment, which a server's address cannot have`
  }
  return undefined
}
