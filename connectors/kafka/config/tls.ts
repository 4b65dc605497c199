import { readFileSync } from 'node:fs'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type ConnectionOptions } from 'node:tls'
import { ConfigError, type ConfigOf } from '../../../core/index.ts'
import type { tlsKeys } from './tls-keys.ts'

type Config = ConfigOf<typeof tlsKeys>

/** Node's TLS options from Java's keys. Reads the files; throws a ConfigError that names the key and, for foreign stores, how to convert them. */
export function tlsOptions(config: Config): ConnectionOptions {
  const versions = config['ssl.enabled.protocols']
  if (versions.length === 0) throw fault('ssl.enabled.protocols', 'ssl.enabled.protocols is empty; it lists TLSv1.2, TLSv1.3 or both')
  const options: ConnectionOptions = {
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ...trust(config),
    ...identity(config),
    ...(config['ssl.endpoint.identification.algorithm'] === '' ? { checkServerIdentity: () => undefined } : {}),
  }
  try {
    createSecureContext(options)
  } catch (cause) {
    const message = `The key and certificates of ssl.keystore.* do not go together or cannot be read: ${(cause as Error).message}`
    throw fault('ssl.keystore.location', message, cause)
  }
  return options
}

function trust(config: Config): Pick<ConnectionOptions, 'ca'> {
  const location = config['ssl.truststore.location']
  const given = config['ssl.truststore.certificates']
  if (location !== undefined && given !== undefined) {
    throw fault('ssl.truststore.certificates', 'ssl.truststore.location and ssl.truststore.certificates are both given; give one')
  }
  if (location === undefined && given === undefined) return {}
  const key = given === undefined ? 'ssl.truststore.location' : 'ssl.truststore.certificates'
  const bytes = given === undefined ? readStore(key, location!) : Buffer.from(given)
  refuseForeign(key, location ?? '', bytes)
  const blocks = pemBlocks(bytes.toString('latin1')).filter(({ label }) => label.endsWith('CERTIFICATE'))
  if (blocks.length === 0) throw fault(key, `${key} has no certificate: PEM text with BEGIN CERTIFICATE is wanted`)
  for (const [n, { text }] of blocks.entries()) checkCertificate(key, n, text)
  return { ca: blocks.map(({ text }) => text) }
}

function identity(config: Config): Pick<ConnectionOptions, 'key' | 'cert' | 'pfx' | 'passphrase'> {
  const location = config['ssl.keystore.location']
  const chain = config['ssl.keystore.certificate.chain']
  const keyText = config['ssl.keystore.key']
  if (location === undefined && chain === undefined && keyText === undefined) return {}
  if (location === undefined && (chain === undefined || keyText === undefined)) {
    throw fault('ssl.keystore.key', 'ssl.keystore.key and ssl.keystore.certificate.chain belong together; one of them is missing')
  }
  if (location !== undefined && (chain !== undefined || keyText !== undefined)) {
    throw fault('ssl.keystore.location', 'ssl.keystore.location and ssl.keystore.key are both given; give a file or texts')
  }
  const key = location === undefined ? 'ssl.keystore.key' : 'ssl.keystore.location'
  const bytes = location === undefined ? Buffer.from(`${keyText}\n${chain}`) : readStore(key, location)
  if (isDer(bytes)) return pkcs12(key, location ?? '', bytes, config['ssl.keystore.password'])
  refuseForeign(key, location ?? '', bytes)
  const blocks = pemBlocks(bytes.toString('latin1'))
  const own = blocks.find(({ label }) => label.endsWith('PRIVATE KEY'))
  const certificates = blocks.filter(({ label }) => label.endsWith('CERTIFICATE'))
  if (!own || certificates.length === 0) {
    throw fault(
      key,
      `${key} has no ${own ? 'certificate' : 'private key'}: PEM text with both is wanted (BEGIN PRIVATE KEY, BEGIN CERTIFICATE)`,
    )
  }
  for (const [n, { text }] of certificates.entries()) checkCertificate(key, n, text)
  const passphrase = config['ssl.key.password']
  checkKey(own.text, passphrase)
  return { key: own.text, cert: certificates.map(({ text }) => text).join(''), ...(passphrase === undefined ? {} : { passphrase }) }
}

function pkcs12(key: string, location: string, pfx: Buffer, password: string | undefined): Pick<ConnectionOptions, 'pfx' | 'passphrase'> {
  const store = { pfx, passphrase: password ?? '' }
  try {
    createSecureContext(store)
  } catch (cause) {
    const message = (cause as Error).message
    const reason = /mac verify/i.test(message) ? 'ssl.keystore.password is not its password' : message
    throw fault(key, `The PKCS12 file ${location} in ${key} cannot be read: ${reason}`, cause)
  }
  return store
}

function readStore(key: string, location: string): Buffer {
  try {
    return readFileSync(location)
  } catch (cause) {
    throw fault(key, `${key}: the file ${location} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unknown'})`, cause)
  }
}

/** Java's own format begins with FEEDFEED; PKCS12 is DER. */
function refuseForeign(key: string, location: string, bytes: Buffer): void {
  const jks = bytes.length >= 4 && (bytes.readUInt32BE(0) === 0xfeedfeed || bytes.readUInt32BE(0) === 0xcececece)
  if (!jks && !isDer(bytes)) return
  const kind = jks ? 'a JKS store, which only Java reads' : 'a PKCS12 store'
  const p12 = jks ? 'store.p12' : location
  const first = jks ? `keytool -importkeystore -srckeystore ${location} -destkeystore store.p12 -deststoretype PKCS12 && ` : ''
  const parts = key.startsWith('ssl.truststore')
    ? `openssl pkcs12 -in ${p12} -nokeys -out store.pem`
    : `openssl pkcs12 -in ${p12} -out store.pem`
  const kindKey = key.startsWith('ssl.truststore') ? 'ssl.truststore' : 'ssl.keystore'
  throw fault(
    key,
    `${location} in ${key} is ${kind}. Convert it: ${first}${parts}; then set ${kindKey}.type=PEM and ${kindKey}.location=store.pem`,
  )
}

function isDer(bytes: Buffer): boolean {
  return bytes.length > 4 && bytes[0] === 0x30 && (bytes[1]! & 0x80) !== 0
}

/** PEM blocks in their order, lines put right where a properties file made one line of them. */
function pemBlocks(text: string): readonly { readonly label: string; readonly text: string }[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----([^]*?)-----END \1-----/g)].map(([whole, label, body]) => {
    // Old keys have headers, which end with an empty line: they stay as they are.
    if (body!.includes(':')) return { label: label!, text: `${whole}\n` }
    const lines = body!.replace(/\\n|\s/g, '').match(/.{1,64}/g) ?? []
    return { label: label!, text: [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n') }
  })
}

function checkCertificate(key: string, n: number, text: string): void {
  try {
    new X509Certificate(text)
  } catch (cause) {
    throw fault(key, `Certificate ${n + 1} in ${key} cannot be read: ${(cause as Error).message}`, cause)
  }
}

function checkKey(key: string, passphrase: string | undefined): void {
  try {
    createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) })
  } catch (cause) {
    const encrypted = key.includes('ENCRYPTED')
    const reason = encrypted ? `ssl.key.password is ${passphrase === undefined ? 'missing' : 'not its password'}` : (cause as Error).message
    throw fault('ssl.key.password', `The private key of ssl.keystore.* cannot be read: ${reason}`, cause)
  }
}

function fault(key: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ key, message }], cause === undefined ? {} : { cause })
}
