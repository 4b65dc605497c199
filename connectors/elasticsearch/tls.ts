import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContextOptions, type ConnectionOptions } from 'node:tls'
import { ConfigError } from '../../core/index.ts'
import type { ElasticsearchConfig } from './config.ts'

const prefix = 'elastic.https.ssl.'

/** Node's TLS options from the `elastic.https.ssl.*` keys. Reads the files; throws a ConfigError that names the key. */
export function tlsOptions(config: ElasticsearchConfig): ConnectionOptions {
  const versions = config[`${prefix}enabled.protocols`]
  if (versions.length === 0) throw fault('enabled.protocols', `${prefix}enabled.protocols is empty; it lists TLSv1.2, TLSv1.3 or both`)
  const options: ConnectionOptions = {
    minVersion: versions.includes('TLSv1.2') ? 'TLSv1.2' : 'TLSv1.3',
    maxVersion: versions.includes('TLSv1.3') ? 'TLSv1.3' : 'TLSv1.2',
    ...trust(config),
    ...identity(config),
    ...(config[`${prefix}endpoint.identification.algorithm`] === '' ? { checkServerIdentity: () => undefined } : {}),
  }
  check(`${prefix}keystore.location`, options)
  return options
}

function trust(config: ElasticsearchConfig): ConnectionOptions {
  const location = config[`${prefix}truststore.location`] || undefined
  const given = config[`${prefix}truststore.certificates`]
  if (location !== undefined && given !== undefined) {
    throw fault('truststore.certificates', `${prefix}truststore.location and ${prefix}truststore.certificates are both given; give one`)
  }
  if (location === undefined && given === undefined) return {}
  const key = location === undefined ? 'truststore.certificates' : 'truststore.location'
  const text = location === undefined ? given! : pemFile(key, location).toString('latin1')
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw fault(key, `${prefix}${key} has no certificate: PEM text with BEGIN CERTIFICATE is wanted`)
  return { ca: text }
}

function identity(config: ElasticsearchConfig): ConnectionOptions {
  const location = config[`${prefix}keystore.location`] || undefined
  const key = config[`${prefix}keystore.key`]
  const cert = config[`${prefix}keystore.certificate.chain`]
  if ((key === undefined) !== (cert === undefined))
    throw fault('keystore.key', `${prefix}keystore.key and ${prefix}keystore.certificate.chain belong together; one of them is missing`)
  if (location !== undefined && key !== undefined)
    throw fault('keystore.location', `${prefix}keystore.location and ${prefix}keystore.key are both given; give a file or texts`)
  const passphrase = config[`${prefix}key.password`]
  const secret = passphrase === undefined ? {} : { passphrase }
  if (key !== undefined && cert !== undefined) return { key, cert, ...secret }
  if (location === undefined) return {}
  const bytes = readStore('keystore.location', location)
  // DER begins with a SEQUENCE; PKCS12 is DER.
  if (bytes[0] === 0x30) return { pfx: bytes, passphrase: config[`${prefix}keystore.password`] ?? '' }
  const text = pemFile('keystore.location', location).toString('latin1')
  return { key: text, cert: text, ...secret }
}

function pemFile(key: string, location: string): Buffer {
  const bytes = readStore(key, location)
  if (bytes.readUInt32BE(0) === 0xfeedfeed) {
    throw fault(
      key,
      `${location} is a Java key store (JKS): convert it, e.g. keytool -importkeystore -srckeystore ${location} -destkeystore store.p12 -deststoretype PKCS12, then openssl pkcs12 -in store.p12 -nodes -out store.pem`,
    )
  }
  if (bytes[0] === 0x30) throw fault(key, `${location} is PKCS12: convert it, openssl pkcs12 -in ${location} -nokeys -out store.pem`)
  return bytes
}

function readStore(key: string, location: string): Buffer {
  let bytes: Buffer
  try {
    bytes = readFileSync(location)
  } catch (cause) {
    throw fault(key, `${prefix}${key} ${location} cannot be read: ${(cause as Error).message}`, cause)
  }
  if (bytes.length < 4) throw fault(key, `${prefix}${key} ${location} is empty`)
  return bytes
}

function check(key: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options)
  } catch (cause) {
    throw fault(key.slice(prefix.length), `The key or certificates of ${prefix}* cannot be read: ${(cause as Error).message}`, cause)
  }
}

function fault(key: string, message: string, cause?: unknown): ConfigError {
  return new ConfigError([{ key: prefix + key, message }], { cause })
}
