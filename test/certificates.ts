import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './downloads.ts'

/** PEM files of an authority and what it signed, valid for two days: no key is ever in the tree. */
export interface Certificates {
  readonly folder: string
  readonly caFile: string
  /** For 127.0.0.1 and localhost. `serverStoreFile` holds key and certificate, as Kafka's PEM stores want it. */
  readonly serverKeyFile: string
  readonly serverCertificateFile: string
  readonly serverStoreFile: string
  /** The name in it is `CN=client`. */
  readonly clientKeyFile: string
  readonly clientCertificateFile: string
  readonly clientStoreFile: string
  /** The client's key under the password `keyPassword`. */
  readonly clientEncryptedKeyFile: string
  readonly keyPassword: string
  /** An authority that signed none of these. */
  readonly otherCaFile: string
}

/** Makes them with openssl (a tenth of a second); throws where that is missing. */
export function makeCertificates(folder: string): Certificates {
  mkdirSync(folder, { recursive: true })
  const file = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => run('openssl', args, folder)
  writeFileSync(file('extensions'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n')
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  for (const ca of ['ca', 'other-ca'])
    openssl('req', '-x509', '-days', '2', '-subj', `/CN=millrace test ${ca}`, ...newKey, '-keyout', `${ca}.key`, '-out', `${ca}.pem`)
  for (const [serial, name] of ['server', 'client'].entries()) {
    openssl('req', '-new', '-subj', `/CN=${name}`, ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', String(serial + 2), '-days', '2', '-extfile', 'extensions']
    openssl('x509', '-req', '-in', `${name}.csr`, ...signed, '-out', `${name}.pem`)
    writeFileSync(file(`${name}.store.pem`), readFileSync(file(`${name}.key`), 'utf8') + readFileSync(file(`${name}.pem`), 'utf8'))
  }
  const keyPassword = 'key-secret-5'
  openssl('pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-in', 'client.key', '-out', 'client.encrypted.key', '-passout', `pass:${keyPassword}`)
  return {
    folder,
    caFile: file('ca.pem'),
    serverKeyFile: file('server.key'),
    serverCertificateFile: file('server.pem'),
    serverStoreFile: file('server.store.pem'),
    clientKeyFile: file('client.key'),
    clientCertificateFile: file('client.pem'),
    clientStoreFile: file('client.store.pem'),
    clientEncryptedKeyFile: file('client.encrypted.key'),
    keyPassword,
    otherCaFile: file('other-ca.pem'),
  }
}
