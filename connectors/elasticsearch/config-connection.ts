import { defineConfig } from '../../core/index.ts'
import { tlsKeys } from './config-tls.ts'

const group = 'Connector'
const kerberos = 'Kerberos'
const proxy = 'Proxy'
const noKerberos = 'use basic authentication, an API key or client certificates'

/** How the servers are reached; names and defaults as Confluent's sink has them. */
export const connectionKeys = defineConfig({
  'connection.url': {
    type: 'list',
    required: true,
    importance: 'high',
    group,
    doc: 'URLs of Elasticsearch or OpenSearch nodes. Requests go to them in turn; one that cannot be reached is passed over. Without a protocol: http; where one is https, all are.',
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
    min: 0,
    importance: 'low',
    group,
    doc: 'Longest time to connect, in milliseconds. 0: no limit.',
  },
  'read.timeout.ms': {
    type: 'int',
    default: 3000,
    min: 0,
    importance: 'low',
    group,
    doc: 'Longest time without a byte of an answer, in milliseconds; the request is then tried again (max.retries). 0: no limit.',
  },
  'max.connection.idle.time.ms': {
    type: 'int',
    default: 60_000,
    min: -1,
    importance: 'low',
    group,
    doc: 'How long a connection without requests is kept, in milliseconds. -1: as long as the server keeps it.',
  },
  ...tlsKeys,
  'proxy.host': {
    type: 'string',
    importance: 'low',
    group: proxy,
    doc: 'Host of an HTTP proxy that requests go through; a tunnel (CONNECT) for https URLs.',
  },
  'proxy.port': { type: 'int', default: 8080, min: 1, max: 65_535, importance: 'low', group: proxy, doc: 'Port of the proxy.' },
  'proxy.username': { type: 'string', importance: 'low', group: proxy, doc: "User of the proxy's basic authentication." },
  'proxy.password': { type: 'password', importance: 'low', group: proxy, doc: "Password of the proxy's user." },
  'kerberos.user.principal': { type: 'string', group: kerberos, doc: 'Kerberos principal.', unsupported: noKerberos },
  'kerberos.keytab.path': { type: 'string', group: kerberos, doc: 'Kerberos keytab.', unsupported: noKerberos },
})

/** The nodes' addresses: `host:9200` is http, and one https makes all of them https. Throws a TypeError for what is no URL. */
export function nodeUrls(texts: readonly string[]): readonly URL[] {
  const urls = texts.map((text) => new URL(text.includes('://') ? text : `http://${text}`))
  if (urls.some(({ protocol }) => protocol === 'https:')) for (const url of urls) url.protocol = 'https:'
  return urls
}

function urlsFault(texts: readonly string[]): string | undefined {
  if (texts.length === 0) return 'at least one URL is wanted, such as http://localhost:9200'
  let urls: readonly URL[]
  try {
    urls = nodeUrls(texts)
  } catch (error) {
    return `${(error as Error & { input?: string }).input ?? texts.join(',')} is no URL`
  }
  for (const url of urls) {
    if (!/^https?:$/.test(url.protocol)) return `${url.href} is no http or https URL`
    if (url.username !== '' || url.password !== '')
      return 'a URL must not hold a password: give connection.username and connection.password'
    if (url.search !== '' || url.hash !== '') return `${url.href} has a query or fragment, which a server's address cannot have`
  }
  return undefined
}
