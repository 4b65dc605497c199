import { defineConfig } from '../../../core/index.ts'

const group = 'Security'
const without = 'Accepted and without effect: '
const javaClass = 'it names a Java class; PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER are built in'
const kerberos = 'Kerberos is not supported; use SCRAM-SHA-512 or OAUTHBEARER'
const signedTokens = 'tokens signed by this client are not supported; use client credentials (clientId and clientSecret)'

/** Logins (SASL), by Java's names. */
export const loginKeys = defineConfig({
  'sasl.mechanism': {
    type: 'string',
    oneOf: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
    importance: 'medium',
    group,
    doc: 'How this client logs in where security.protocol begins with SASL_. Required there.',
  },
  'sasl.jaas.config': {
    type: 'password',
    importance: 'medium',
    group,
    doc: 'The login as Java has it: ScramLoginModule or PlainLoginModule with username and password, or OAuthBearerLoginModule with clientId, clientSecret and scope, in org.apache.kafka.common.security.',
  },
  'sasl.oauthbearer.token.endpoint.url': {
    type: 'string',
    importance: 'medium',
    group,
    doc: 'With OAUTHBEARER: where tokens are got with client credentials (https only).',
  },
  'sasl.oauthbearer.client.credentials.client.id': {
    type: 'string',
    importance: 'medium',
    group,
    doc: "With OAUTHBEARER: the client's id, in place of clientId in sasl.jaas.config.",
  },
  'sasl.oauthbearer.client.credentials.client.secret': {
    type: 'password',
    importance: 'medium',
    group,
    doc: "With OAUTHBEARER: the client's secret, in place of clientSecret in sasl.jaas.config.",
  },
  'sasl.oauthbearer.scope': { type: 'string', importance: 'medium', group, doc: 'With OAUTHBEARER: the scope that is asked for.' },
  'sasl.oauthbearer.header.urlencode': {
    type: 'boolean',
    default: false,
    importance: 'low',
    group,
    doc: 'True: id and secret are URL-encoded in the Authorization header, as RFC 6749 has it.',
  },
  'sasl.login.connect.timeout.ms': {
    type: 'int',
    default: 10_000,
    min: 1,
    importance: 'low',
    group,
    doc: 'Longest time to get a token. Milliseconds.',
  },
  'sasl.login.refresh.window.factor': {
    type: 'double',
    default: 0.8,
    min: 0.5,
    max: 1,
    importance: 'low',
    group,
    doc: "Share of a token's life after which a new one is got.",
  },
  'sasl.login.class': { type: 'class', importance: 'low', doc: 'Not supported.', unsupported: javaClass },
  'sasl.login.callback.handler.class': {
    type: 'class',
    importance: 'low',
    doc: `${without}OAUTHBEARER gets its tokens as OAuthBearerLoginCallbackHandler does. Other classes are refused.`,
    check: (name: string) =>
      /^org\.apache\.kafka\.common\.security\.oauthbearer\.(secured\.)?OAuthBearerLoginCallbackHandler$/.test(name) ? undefined : javaClass,
  },
  'sasl.client.callback.handler.class': { type: 'class', importance: 'low', doc: 'Not supported.', unsupported: javaClass },
  'sasl.login.refresh.window.jitter': { type: 'double', importance: 'low', doc: `${without}tokens are renewed when they are needed.` },
  'sasl.login.refresh.min.period.seconds': {
    type: 'short',
    importance: 'low',
    doc: `${without}tokens are renewed when they are needed.`,
  },
  'sasl.login.refresh.buffer.seconds': { type: 'short', importance: 'low', doc: `${without}tokens are renewed when they are needed.` },
  'sasl.login.read.timeout.ms': {
    type: 'int',
    importance: 'low',
    doc: `${without}sasl.login.connect.timeout.ms bounds the whole request.`,
  },
  'sasl.login.retry.backoff.ms': { type: 'long', importance: 'low', doc: `${without}connecting is tried again as a whole.` },
  'sasl.login.retry.backoff.max.ms': { type: 'long', importance: 'low', doc: `${without}connecting is tried again as a whole.` },
  'sasl.kerberos.service.name': { type: 'string', importance: 'low', doc: 'Not supported.', unsupported: kerberos },
  'sasl.kerberos.kinit.cmd': { type: 'string', importance: 'low', doc: `${without}Kerberos is not supported.` },
  'sasl.kerberos.min.time.before.relogin': { type: 'long', importance: 'low', doc: `${without}Kerberos is not supported.` },
  'sasl.kerberos.ticket.renew.jitter': { type: 'double', importance: 'low', doc: `${without}Kerberos is not supported.` },
  'sasl.kerberos.ticket.renew.window.factor': { type: 'double', importance: 'low', doc: `${without}Kerberos is not supported.` },
  'sasl.oauthbearer.assertion.private.key.file': { type: 'string', doc: 'Not supported.', unsupported: signedTokens },
  'sasl.oauthbearer.jwt.retriever.class': { type: 'class', doc: 'Not supported.', unsupported: signedTokens },
})
