import { defineConfig, type ConfigOf } from '../../contract/config-def.ts'
import { defaultStrategy, strategyFault } from './subject.ts'

const pemOnly =
  'only PEM stores are read; convert a Java key store with: keytool -importkeystore -srckeystore store.jks -destkeystore store.p12 -deststoretype PKCS12 && openssl pkcs12 -in store.p12 -nodes -out store.pem'

/** Keys that all converters with a schema registry have, under Confluent's names. */
export const registryConfig = defineConfig({
  'schema.registry.url': {
    type: 'list',
    required: true,
    importance: 'high',
    doc: 'Addresses of one registry, comma separated (http:// or https://); the next one is asked when one does not answer.',
    check: (urls: readonly string[]) => urlFault(urls),
  },
  'auto.register.schemas': {
    type: 'boolean',
    default: true,
    doc: 'Register the schema of what is written; false: it has to stand in the registry already.',
  },
  'use.latest.version': {
    type: 'boolean',
    default: false,
    doc: "Write under the subject's latest schema rather than under one made from the record's. With auto.register.schemas=true (the default) it has no effect, as in Confluent's converters.",
  },
  'latest.compatibility.strict': {
    type: 'boolean',
    default: true,
    doc: 'With use.latest.version: refuse records with fields that the latest schema has no room for. false: such fields are left out.',
  },
  'normalize.schemas': { type: 'boolean', default: false, doc: 'Ask the registry to compare schemas in their normal form.' },
  'key.subject.name.strategy': {
    type: 'class',
    default: defaultStrategy,
    doc: "How the subject of keys is named: Confluent's TopicNameStrategy, RecordNameStrategy or TopicRecordNameStrategy.",
    check: strategyFault,
  },
  'value.subject.name.strategy': { type: 'class', default: defaultStrategy, doc: 'The same for values.', check: strategyFault },
  'basic.auth.credentials.source': {
    type: 'string',
    default: 'URL',
    oneOf: ['URL', 'USER_INFO'],
    doc: 'Where user and password stand: URL (https://user:password@host) or USER_INFO (basic.auth.user.info).',
  },
  'basic.auth.user.info': { type: 'password', doc: 'user:password, with basic.auth.credentials.source=USER_INFO.' },
  'schema.registry.basic.auth.user.info': { type: 'password', doc: 'Older name of basic.auth.user.info.' },
  'bearer.auth.credentials.source': { type: 'string', oneOf: ['STATIC_TOKEN'], doc: 'STATIC_TOKEN: send bearer.auth.token.' },
  'bearer.auth.token': { type: 'password', doc: 'Token sent as Authorization: Bearer.' },
  'schema.registry.ssl.truststore.type': {
    type: 'string',
    default: 'PEM',
    doc: 'Only PEM.',
    check: (type: string) => (type.toUpperCase() === 'PEM' ? undefined : pemOnly),
  },
  'schema.registry.ssl.truststore.location': {
    type: 'string',
    doc: 'PEM file with the certificates of the authorities to trust.',
    check: storeFault,
  },
  'schema.registry.ssl.truststore.certificates': { type: 'password', doc: 'The same as text.' },
  'schema.registry.ssl.truststore.password': { type: 'password', unsupported: pemOnly, doc: 'Belongs to Java key stores.' },
  'schema.registry.ssl.keystore.type': {
    type: 'string',
    default: 'PEM',
    doc: 'Only PEM.',
    check: (type: string) => (type.toUpperCase() === 'PEM' ? undefined : pemOnly),
  },
  'schema.registry.ssl.keystore.location': {
    type: 'string',
    doc: "PEM file with the client's private key and certificate chain.",
    check: storeFault,
  },
  'schema.registry.ssl.keystore.certificate.chain': { type: 'password', doc: 'The certificate chain as text.' },
  'schema.registry.ssl.keystore.key': { type: 'password', doc: 'The private key as text.' },
  'schema.registry.ssl.keystore.password': { type: 'password', unsupported: pemOnly, doc: 'Belongs to Java key stores.' },
  'schema.registry.ssl.key.password': { type: 'password', doc: 'Password of the private key.' },
  'schema.registry.ssl.endpoint.identification.algorithm': {
    type: 'string',
    default: 'https',
    doc: "https: the registry's certificate has to be for its host name. Empty: any certificate of a trusted authority will do.",
  },
  'http.read.timeout.ms': {
    type: 'int',
    default: 15_000,
    min: 1,
    max: 600_000,
    doc: 'Longest time in milliseconds for one answer of the registry.',
  },
  'max.retries': {
    type: 'int',
    default: 3,
    min: 0,
    max: 100,
    doc: "How often all addresses are asked again, before the task's own retries take over.",
  },
  'retries.wait.ms': {
    type: 'int',
    default: 1_000,
    min: 0,
    max: 60_000,
    doc: 'Milliseconds before they are asked again; doubled each time.',
  },
  'retries.max.wait.ms': { type: 'int', default: 20_000, min: 0, max: 600_000, doc: 'Longest such wait in milliseconds.' },
  'schemas.cache.config': { type: 'int', default: 1_000, min: 1, max: 100_000, doc: 'Most schemas that are kept in memory.' },
  'use.schema.id': {
    type: 'int',
    unsupported: 'use use.latest.version, or auto.register.schemas=false with the schema registered',
    doc: 'Write under the schema of this id.',
  },
  'proxy.host': {
    type: 'string',
    unsupported: 'give an address in schema.registry.url that is reached without a proxy',
    doc: 'A proxy in front of the registry.',
  },
  'proxy.port': {
    type: 'int',
    unsupported: 'give an address in schema.registry.url that is reached without a proxy',
    doc: 'A proxy in front of the registry.',
  },
})

export type RegistrySettings = ConfigOf<typeof registryConfig>

function urlFault(urls: readonly string[]): string | undefined {
  if (urls.length === 0) return 'give at least one address, such as http://localhost:8081'
  for (const url of urls) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined
    if (parsed === undefined || !/^https?:$/.test(parsed.protocol))
      return 'each address has to start with http:// or https:// and name a host'
    if (parsed.search !== '' || parsed.hash !== '') return 'an address has no ? and no #'
  }
  return undefined
}

function storeFault(location: string): string | undefined {
  return /\.(jks|p12|pfx|keystore|truststore)$/i.test(location) ? pemOnly : undefined
}
