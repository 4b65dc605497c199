import { defineConfig } from '../../core/index.ts'

/** Settings of lookup=kafka; what is not given is the worker's. */
export const kafkaKeys = defineConfig({
  'kafka.topic': {
    type: 'string',
    importance: 'high',
    doc: 'kafka: a compacted topic with JSON objects as values. It is held whole, and followed before every batch.',
  },
  'kafka.key.format': {
    type: 'string',
    default: 'string',
    oneOf: ['string', 'json'],
    importance: 'medium',
    doc: "kafka: string: the bytes of a record's key are the key as text. json: they are a JSON value, or an object with the members that lookup.key names.",
  },
  'kafka.schemas.enable': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    doc: "kafka: values (and JSON keys) come with their schema, as JsonConverter's schemas.enable writes them; the payload is taken.",
  },
  'kafka.load.timeout.ms': {
    type: 'int',
    default: 120_000,
    min: 1_000,
    importance: 'low',
    doc: 'kafka: longest time without a record while the topic is first read. Milliseconds.',
  },
  'kafka.bootstrap.servers': { type: 'list', default: [], importance: 'high', doc: "kafka: brokers, host:port. Default: the worker's." },
  'kafka.security.protocol': {
    type: 'string',
    oneOf: ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'],
    importance: 'medium',
    doc: "kafka: default: the worker's.",
  },
  'kafka.sasl.mechanism': { type: 'string', importance: 'medium', doc: "kafka: default: the worker's." },
  'kafka.sasl.jaas.config': { type: 'password', importance: 'medium', doc: "kafka: default: the worker's." },
  'kafka.ssl.truststore.type': { type: 'string', importance: 'low', doc: "kafka: default: the worker's." },
  'kafka.ssl.truststore.location': { type: 'string', importance: 'low', doc: "kafka: default: the worker's." },
  'kafka.isolation.level': {
    type: 'string',
    default: 'read_committed',
    oneOf: ['read_uncommitted', 'read_committed'],
    importance: 'low',
    doc: 'kafka: whether records of open and aborted transactions count.',
  },
})
