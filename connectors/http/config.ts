import { readFileSync } from 'node:fs'
import { type ConfigIssue, type ConfigOf, defineConfig } from '../../core/index.ts'
import { hostFault } from './addresses.ts'
import { parseHeaders } from './headers.ts'
import { templateFault } from './template.ts'

/** The HTTP sink's keys; those that Confluent's HTTP sink has, too, mean the same. */
export const httpConfig = defineConfig({
  'http.api.url': {
    type: 'string',
    required: true,
    importance: 'high',
    doc:
      'Where requests go. ${topic}, ${partition}, ${timestamp}, ${key}, ${key.field}, ${value.field.inner} and ${header.name} stand for parts of the record, ' +
      'percent-encoded; not in the scheme, host or port. Redirects are not followed.',
    check: urlFault,
  },
  'request.method': {
    type: 'string',
    default: 'POST',
    oneOf: ['POST', 'PUT', 'PATCH', 'DELETE'],
    importance: 'high',
    doc: 'Method of requests.',
  },
  headers: {
    type: 'string',
    default: '',
    importance: 'medium',
    doc: 'Headers of requests, `Name: text`, apart by header.separator; the texts may have the same placeholders as the URL, not encoded. Secrets belong in auth.*.',
  },
  'header.separator': { type: 'string', default: '|', importance: 'low', doc: 'Stands between headers.' },
  'content.type': { type: 'string', default: 'application/json', importance: 'low', doc: 'Content-Type of requests with a body.' },
  'request.body': {
    type: 'string',
    default: '',
    importance: 'medium',
    doc: "Body of a record: a text in which ${...} (as in the URL, and ${value}) stands for a part of the record as JSON: texts come quoted. Empty: what the value converter makes of the record's value.",
    check: templateFault,
  },
  'batch.max.size': {
    type: 'int',
    default: 1,
    min: 1,
    max: 100_000,
    importance: 'medium',
    doc: 'Records of one request at most. Only records with the same URL and headers share a request.',
  },
  'batch.max.bytes': {
    type: 'int',
    default: 8 * 1024 * 1024,
    min: 1024,
    importance: 'low',
    doc: 'Bytes of bodies in one request at most; a record that alone is larger goes alone.',
  },
  'batch.json.as.array': {
    type: 'boolean',
    default: false,
    importance: 'low',
    doc: 'true: bodies become a JSON array: prefix "[", separator "," and suffix "]".',
  },
  'batch.prefix': { type: 'string', default: '', importance: 'low', doc: 'Text before the bodies of a request.' },
  'batch.separator': { type: 'string', default: ',', importance: 'low', doc: 'Text between bodies; \\n stands for a line break.' },
  'batch.suffix': { type: 'string', default: '', importance: 'low', doc: 'Text after the bodies of a request.' },
  'behavior.on.null.values': {
    type: 'string',
    default: 'ignore',
    oneOf: ['ignore', 'fail', 'delete'],
    importance: 'medium',
    doc: 'Records without a value: ignore them, reject them (fail), or send a DELETE without a body to their URL.',
  },
  'requests.in.flight': {
    type: 'int',
    default: 1,
    min: 1,
    max: 64,
    importance: 'medium',
    doc: 'Requests at the same time. With more than one, only records with the same key keep their order.',
  },
  'auth.type': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'basic', 'bearer', 'header'],
    importance: 'medium',
    doc: 'How requests show who sends them.',
  },
  'connection.user': { type: 'string', importance: 'medium', doc: 'User name for auth.type=basic.' },
  'connection.password': { type: 'password', importance: 'medium', doc: 'Password for auth.type=basic.' },
  'auth.token': { type: 'password', importance: 'medium', doc: 'Token for auth.type=bearer; value of the header for auth.type=header.' },
  'auth.header.name': { type: 'string', default: 'X-API-Key', importance: 'low', doc: 'Name of the header for auth.type=header.' },
  'http.connect.timeout.ms': { type: 'int', default: 10_000, min: 1, importance: 'low', doc: 'Time for making a connection, in ms.' },
  'http.request.timeout.ms': {
    type: 'int',
    default: 30_000,
    min: 1,
    importance: 'low',
    doc: 'Time for one request and its answer, in ms.',
  },
  'http.allow.private': {
    type: 'boolean',
    default: true,
    importance: 'low',
    doc: 'Whether the host may be in a private network or this machine. Link-local addresses, where clouds keep credentials, never are allowed.',
  },
  'http.tls.ca': {
    type: 'string',
    importance: 'low',
    doc: 'PEM file of the authorities that are trusted instead of the public ones.',
    check: fileFault,
  },
  'http.tls.cert': { type: 'string', importance: 'low', doc: 'PEM file of a client certificate.', check: fileFault },
  'http.tls.key': { type: 'string', importance: 'low', doc: 'PEM file of the key that belongs to http.tls.cert.', check: fileFault },
})

export type HttpConfig = ConfigOf<typeof httpConfig>

/** Faults of keys that do not go together. */
export function httpIssues(config: HttpConfig): readonly ConfigIssue[] {
  const issues: ConfigIssue[] = []
  const need = (key: 'connection.user' | 'connection.password' | 'auth.token' | 'http.tls.cert' | 'http.tls.key', why: string): void => {
    if (config[key] === undefined) issues.push({ key, message: `${key} is missing; ${why} needs it` })
  }
  const auth = config['auth.type'].toLowerCase()
  if (auth === 'basic') {
    need('connection.user', 'auth.type=basic')
    need('connection.password', 'auth.type=basic')
  }
  if (auth === 'bearer' || auth === 'header') need('auth.token', `auth.type=${auth}`)
  if (config['http.tls.cert'] !== undefined) need('http.tls.key', 'http.tls.cert')
  if (config['http.tls.key'] !== undefined) need('http.tls.cert', 'http.tls.key')
  const host = hostFault(new URL(fixedPart(config['http.api.url'])).hostname, config['http.allow.private'])
  if (host !== undefined) issues.push({ key: 'http.api.url', value: config['http.api.url'], message: `http.api.url ${host}` })
  const headers = parseHeaders(config.headers, config['header.separator'])
  if ('fault' in headers) issues.push({ key: 'headers', value: config.headers, message: `headers ${headers.fault}` })
  return issues
}

/** The URL up to the first placeholder. */
export function fixedPart(url: string): string {
  return url.split('${')[0]!
}

function urlFault(url: string): string | undefined {
  const fixed = fixedPart(url)
  if (!/^https?:\/\/[^/?#\\]+[/?]/i.test(fixed.includes('${') || fixed !== url ? fixed : `${fixed}/`)) {
    return 'must begin with http:// or https://, a host and "/", before any placeholder'
  }
  if (!URL.canParse(fixed)) return 'is no URL'
  const { username, password } = new URL(fixed)
  if (username !== '' || password !== '') return 'must not name a user; use auth.type=basic'
  if (url.includes('#')) return 'must have no fragment (#): it is never sent'
  return templateFault(url)
}

function fileFault(path: string): string | undefined {
  try {
    readFileSync(path)
    return undefined
  } catch (error) {
    return `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`
  }
}
