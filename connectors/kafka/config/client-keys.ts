import { defineConfig } from '../../../core/index.ts'
import { loginKeys } from './login-keys.ts'
import { tlsKeys } from './tls-keys.ts'

const group = 'Client'
const without = 'Accepted and without effect: '
const java = 'it names Java classes'

const connectionKeys = defineConfig({
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
    max: 2_147_483_647,
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
    doc: 'Pause before the next attempt to connect to a broker, doubled at each failure. Milliseconds.',
  },
  'reconnect.backoff.max.ms': {
    type: 'long',
    default: 1000,
    min: 0,
    importance: 'low',
    group,
    doc: 'Longest pause between two attempts to connect. Milliseconds.',
  },
  'retry.backoff.ms': {
    type: 'long',
    default: 100,
    min: 0,
    importance: 'low',
    group,
    doc: 'Pause before a request is made again, doubled at each failure. Milliseconds.',
  },
  'retry.backoff.max.ms': {
    type: 'long',
    default: 1000,
    min: 0,
    importance: 'low',
    group,
    doc: 'Longest pause before a request is made again. Milliseconds.',
  },
})

/** Settings of Java's clients that change nothing that a user gets, so existing configs pass. */
const ignoredKeys = defineConfig({
  'socket.connection.setup.timeout.max.ms': {
    type: 'long',
    importance: 'low',
    doc: `${without}socket.connection.setup.timeout.ms holds for every attempt.`,
  },
  'connections.max.idle.ms': { type: 'long', importance: 'low', doc: `${without}brokers close idle connections, and they are made again.` },
  'send.buffer.bytes': { type: 'int', importance: 'low', doc: `${without}the operating system sizes buffers.` },
  'receive.buffer.bytes': { type: 'int', importance: 'low', doc: `${without}the operating system sizes buffers.` },
  'client.dns.lookup': { type: 'string', importance: 'low', doc: `${without}all addresses of a name are tried.` },
  'metadata.recovery.strategy': {
    type: 'string',
    importance: 'low',
    doc: `${without}where no known broker answers, bootstrap.servers are asked again.`,
  },
  'metadata.recovery.rebootstrap.trigger.ms': { type: 'long', importance: 'low', doc: `${without}see metadata.recovery.strategy.` },
  'metric.reporters': { type: 'list', importance: 'low', doc: `${without}${java}.` },
  'metrics.num.samples': { type: 'int', importance: 'low', doc: `${without}there are no Java metrics.` },
  'metrics.sample.window.ms': { type: 'long', importance: 'low', doc: `${without}there are no Java metrics.` },
  'metrics.recording.level': { type: 'string', importance: 'low', doc: `${without}there are no Java metrics.` },
  'auto.include.jmx.reporter': { type: 'boolean', importance: 'low', doc: `${without}there are no Java metrics.` },
  'enable.metrics.push': { type: 'boolean', importance: 'low', doc: `${without}metrics are not pushed to brokers.` },
  'security.providers': { type: 'string', importance: 'low', doc: 'Not supported.', unsupported: java },
})

/** Keys by their Java names that consumers, producers and admin calls share. */
export const clientConfig = defineConfig({ ...connectionKeys, ...tlsKeys, ...loginKeys, ...ignoredKeys })
