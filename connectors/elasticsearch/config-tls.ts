import { defineConfig } from '../../core/index.ts'

const group = 'Security'
const without = 'Accepted and without effect: '

/** TLS to the servers: Java's client keys behind `elastic.https.`, as Confluent's sink has them. */
export const tlsKeys = defineConfig({
  'elastic.security.protocol': {
    type: 'string',
    default: 'PLAINTEXT',
    oneOf: ['PLAINTEXT', 'SSL'],
    importance: 'medium',
    group,
    doc: 'SSL: the elastic.https.* keys are used. An https URL is spoken to with TLS either way.',
  },
  'elastic.https.ssl.truststore.location': {
    type: 'string',
    importance: 'high',
    group,
    doc: 'PEM file with the certificates of the authorities that are trusted. Without it: the public ones.',
  },
  'elastic.https.ssl.truststore.certificates': { type: 'password', importance: 'high', group, doc: 'The same as PEM text.' },
  'elastic.https.ssl.truststore.password': {
    type: 'password',
    importance: 'high',
    group,
    doc: 'Password of a PKCS12 trust store; unused with PEM.',
  },
  'elastic.https.ssl.truststore.type': {
    type: 'string',
    oneOf: ['PEM', 'JKS', 'PKCS12'],
    group,
    doc: 'PEM; of other kinds the error says how to convert them.',
  },
  'elastic.https.ssl.keystore.location': {
    type: 'string',
    importance: 'high',
    group,
    doc: "File with this client's key and certificates: PEM with both, or PKCS12.",
  },
  'elastic.https.ssl.keystore.password': { type: 'password', importance: 'high', group, doc: 'Password of a PKCS12 key store.' },
  'elastic.https.ssl.keystore.type': {
    type: 'string',
    oneOf: ['PEM', 'JKS', 'PKCS12'],
    group,
    doc: 'PEM or PKCS12. What a store is shows in its bytes.',
  },
  'elastic.https.ssl.keystore.key': { type: 'password', importance: 'high', group, doc: "This client's key as PEM text (PKCS8)." },
  'elastic.https.ssl.keystore.certificate.chain': {
    type: 'password',
    importance: 'high',
    group,
    doc: "This client's certificate and its chain as PEM text.",
  },
  'elastic.https.ssl.key.password': { type: 'password', importance: 'high', group, doc: 'Password of an encrypted PEM key.' },
  'elastic.https.ssl.endpoint.identification.algorithm': {
    type: 'string',
    default: 'https',
    oneOf: ['https', ''],
    importance: 'low',
    group,
    doc: "https: the server's certificate must name its host. Empty: any certificate of a trusted authority will do.",
  },
  'elastic.https.ssl.enabled.protocols': {
    type: 'list',
    default: ['TLSv1.2', 'TLSv1.3'],
    oneOf: ['TLSv1.2', 'TLSv1.3'],
    group,
    doc: 'Versions of TLS that may be spoken.',
  },
  'elastic.https.ssl.protocol': {
    type: 'string',
    group,
    doc: `${without}elastic.https.ssl.enabled.protocols says which versions there are.`,
  },
  'elastic.https.ssl.provider': { type: 'string', group, doc: `${without}it names a Java provider.` },
  'elastic.https.ssl.keymanager.algorithm': { type: 'string', group, doc: `${without}it names a Java algorithm.` },
  'elastic.https.ssl.trustmanager.algorithm': { type: 'string', group, doc: `${without}it names a Java algorithm.` },
  'elastic.https.ssl.secure.random.implementation': { type: 'string', group, doc: `${without}it names a Java algorithm.` },
  'elastic.https.ssl.cipher.suites': {
    type: 'list',
    group,
    doc: 'Not supported.',
    unsupported: "the suites are those of the worker's Node; restrict them with its option --tls-cipher-list",
  },
  'elastic.https.ssl.engine.factory.class': { type: 'class', group, doc: 'Not supported.', unsupported: 'it names a Java class' },
})
