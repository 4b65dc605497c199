import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { makeCertificates, type Certificates } from '../../../certificates.ts'
import { settingsOf } from '../client/clients.ts'

const servers = { 'bootstrap.servers': 'a:9092' }
const plain = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="hunter2";'

void test('brokers are read with and without a protocol, and by IPv6 addresses', () => {
  const { brokers } = settingsOf({ 'bootstrap.servers': 'a:9092, SASL_SSL://b.example.org:9093,[2001:db8::1]:9094' })
  assert.deepEqual(brokers, [
    { host: 'a', port: 9092 },
    { host: 'b.example.org', port: 9093 },
    { host: '2001:db8::1', port: 9094 },
  ])
  for (const wrong of ['a', 'a:b', 'a:0', 'a:65536', '2001:db8::1:9094', 'http://a:1/x']) {
    assert.throws(() => settingsOf({ 'bootstrap.servers': wrong }), /bootstrap\.servers.*host:port/)
  }
  assert.throws(() => settingsOf({ 'bootstrap.servers': '' }), /No bootstrap urls/)
})

void test('a login needs a mechanism, and the module of that mechanism', () => {
  const sasl = { ...servers, 'security.protocol': 'SASL_SSL' }
  assert.throws(() => settingsOf(sasl), /sasl\.mechanism is missing/)
  assert.throws(() => settingsOf({ ...sasl, 'sasl.mechanism': 'PLAIN' }), /sasl\.jaas\.config is missing/)
  assert.throws(() => settingsOf({ ...sasl, 'sasl.mechanism': 'GSSAPI' }), /String must be one of: PLAIN/)
  assert.throws(() => settingsOf({ ...sasl, 'sasl.mechanism': 'SCRAM-SHA-256', 'sasl.jaas.config': plain }), /another mechanism/)
  assert.throws(
    () => settingsOf({ ...sasl, 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': plain.replace('"hunter2"', '""') }),
    /no password/,
  )
  const { sasl: login, tls } = settingsOf({ ...sasl, 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': plain })
  assert.deepEqual(login, { mechanism: 'PLAIN', username: 'u', password: 'hunter2' })
  assert.equal(tls?.minVersion, 'TLSv1.2')
})

void test('settings that are not used, and logins without encryption, are warned of', () => {
  const login = { ...servers, 'sasl.mechanism': 'PLAIN', 'sasl.jaas.config': plain }
  assert.match(settingsOf(login).warnings.join(), /not used/)
  assert.match(settingsOf({ ...login, 'security.protocol': 'SASL_PLAINTEXT' }).warnings.join(), /without encryption/)
  assert.deepEqual(settingsOf({ ...login, 'security.protocol': 'SASL_SSL' }).warnings, [])
})

void describe('stores of keys and certificates', () => {
  let certificates: Certificates
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-stores-'))
    certificates = makeCertificates(folder)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))
  const ssl = { ...servers, 'security.protocol': 'SSL' }

  void test('a JKS store is refused with the commands that convert it', () => {
    const jks = join(folder, 'trust.jks')
    writeFileSync(jks, Buffer.from('feedfeed00000002', 'hex'))
    assert.throws(
      () => settingsOf({ ...ssl, 'ssl.truststore.location': jks }),
      (error: Error) => {
        assert.match(error.message, /JKS store/)
        assert.match(error.message, /keytool -importkeystore -srckeystore \S+trust\.jks -destkeystore store\.p12 -deststoretype PKCS12/)
        assert.match(error.message, /openssl pkcs12 -in store\.p12 -nokeys -out store\.pem/)
        assert.match(error.message, /ssl\.truststore\.type=PEM/)
        return true
      },
    )
    assert.throws(() => settingsOf({ ...ssl, 'ssl.keystore.location': jks }), /openssl pkcs12 -in store\.p12 -out store\.pem/)
  })

  void test('a PKCS12 trust store is refused with the command that converts it', () => {
    const p12 = join(folder, 'trust.p12')
    execFileSync('openssl', ['pkcs12', '-export', '-nokeys', '-in', certificates.caFile, '-out', p12, '-passout', 'pass:x'])
    assert.throws(() => settingsOf({ ...ssl, 'ssl.truststore.location': p12 }), /openssl pkcs12 -in \S+trust\.p12 -nokeys -out store\.pem/)
  })

  void test('what is missing or does not go together is named by its key', () => {
    const { caFile, clientKeyFile, clientStoreFile, serverCertificateFile } = certificates
    const read = (file: string) => readFileSync(file, 'utf8')
    const cases: [Record<string, string>, RegExp][] = [
      [
        { 'ssl.truststore.location': join(folder, 'absent.pem') },
        /ssl\.truststore\.location: the file \S+absent\.pem cannot be read \(ENOENT\)/,
      ],
      [{ 'ssl.truststore.location': clientKeyFile }, /ssl\.truststore\.location has no certificate/],
      [{ 'ssl.truststore.location': caFile, 'ssl.truststore.certificates': read(caFile) }, /both given/],
      [
        { 'ssl.truststore.certificates': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
        /Certificate 1 in ssl\.truststore\.certificates/,
      ],
      [{ 'ssl.keystore.location': caFile }, /ssl\.keystore\.location has no private key/],
      [{ 'ssl.keystore.location': clientKeyFile }, /ssl\.keystore\.location has no certificate/],
      [{ 'ssl.keystore.key': read(clientKeyFile) }, /belong together/],
      [{ 'ssl.keystore.key': read(clientKeyFile), 'ssl.keystore.certificate.chain': read(serverCertificateFile) }, /do not go together/],
      [{ 'ssl.keystore.location': clientStoreFile, 'ssl.keystore.key': read(clientKeyFile) }, /a file or texts/],
      [{ 'ssl.enabled.protocols': 'TLSv1.1' }, /ssl\.enabled\.protocols/],
      [{ 'ssl.cipher.suites': 'TLS_AES_128_GCM_SHA256' }, /--tls-cipher-list/],
    ]
    for (const [properties, pattern] of cases) assert.throws(() => settingsOf({ ...ssl, ...properties }), pattern)
  })

  void test("no error has anything of a key's text", () => {
    const key = readFileSync(certificates.clientKeyFile, 'utf8')
    const broken = key.replace(/.{30}\n-----END/, 'AAAA\n-----END')
    const chain = readFileSync(certificates.clientCertificateFile, 'utf8')
    assert.throws(
      () => settingsOf({ ...ssl, 'ssl.keystore.key': broken, 'ssl.keystore.certificate.chain': chain }),
      (error: Error) => {
        assert.doesNotMatch(error.message, new RegExp(key.split('\n')[1]!.slice(0, 20).replaceAll('+', '\\+')))
        return true
      },
    )
  })
})
