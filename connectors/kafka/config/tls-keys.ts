import { defineConfig } from '../../../core/index.ts'

const group = 'Security'
const without = 'Accepted and without effect: '

/** TLS, by Java's names. */
export const tlsKeys = defineConfig({
  'security.protocol': {
    type: 'string',
    default: 'PLAINTEXT',
    oneOf: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'],
    importance: 'high',
    group,
    doc: 'What the listener speaks: TLS with SSL and SASL_SSL, a login with SASL_PLAINTEXT and SASL_SSL.',
  },
  'ssl.truststore.type': {
    type: 'string',
    oneOf: ['PEM', 'JKS', 'PKCS12'],
    importance: 'medium',
    group,
    doc: 'PEM. What a store is shows in its bytes; of other kinds the error says how to convert them.',
  },
  'ssl.truststore.location': {
    type: 'string',
    importance: 'high',
    group,
    doc: 'PEM file with the certificates of the authorities that are trusted. Without it and ssl.truststore.certificates: the public ones.',
  },
  'ssl.truststore.certificates': {
    type: 'password',
    importance: 'high',
    group,
    doc: 'The same as text.',
  },
  'ssl.truststore.password': {
    type: 'password',
    importance: 'high',
    group,
    doc: `${without}PEM files with certificates have none.`,
  },
  'ssl.keystore.type': {
    type: 'string',
    oneOf: ['PEM', 'JKS', 'PKCS12'],
    importance: 'medium',
    group,
    doc: 'PEM or PKCS12. What a store is shows in its bytes.',
  },
  'ssl.keystore.location': {
    type: 'string',
    importance: 'high',
    group,
    doc: "File with this client's key and certificates: PEM with both, or PKCS12.",
  },
  'ssl.keystore.key': { type: 'password', importance: 'high', group, doc: "This client's key as PEM text (PKCS8)." },
  'ssl.keystore.certificate.chain': {
    type: 'password',
    importance: 'high',
    group,
    doc: "This client's certificate and its chain as PEM text.",
  },
  'ssl.keystore.password': { type: 'password', importance: 'high', group, doc: 'Password of a PKCS12 file.' },
  'ssl.key.password': { type: 'password', importance: 'high', group, doc: 'Password of an encrypted PEM key.' },
  'ssl.endpoint.identification.algorithm': {
    type: 'string',
    default: 'https',
    oneOf: ['https', ''],
    importance: 'low',
    group,
    doc: "https: the broker's certificate must be for its host name. Empty: any trusted certificate passes, whoever shows it.",
  },
  'ssl.enabled.protocols': {
    type: 'list',
    default: ['TLSv1.2', 'TLSv1.3'],
    oneOf: ['TLSv1.2', 'TLSv1.3'],
    importance: 'medium',
    group,
    doc: 'Versions of TLS that may be spoken.',
  },
  'ssl.protocol': { type: 'string', importance: 'low', doc: `${without}ssl.enabled.protocols says which versions there are.` },
  'ssl.provider': { type: 'string', importance: 'low', doc: `${without}it names a Java provider.` },
  'ssl.keymanager.algorithm': { type: 'string', importance: 'low', doc: `${without}it names a Java algorithm.` },
  'ssl.trustmanager.algorithm': { type: 'string', importance: 'low', doc: `${without}it names a Java algorithm.` },
  'ssl.secure.random.implementation': { type: 'string', importance: 'low', doc: `${without}it names a Java algorithm.` },
  'ssl.cipher.suites': {
    type: 'list',
    importance: 'low',
    doc: 'Not supported.',
    unsupported: "the suites are those of the worker's Node; restrict them with its option --tls-cipher-list",
  },
  'ssl.engine.factory.class': { type: 'class', importance: 'low', doc: 'Not supported.', unsupported: 'it names a Java class' },
})
