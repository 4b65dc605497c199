import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ConfigError } from '../../../../core/index.ts'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { kafkaPasswords, type SaslMechanism } from '../../../kafka-security.ts'
import { acked, batchOf, limits, makeTopic, settingsOf, silent, textsOf, write } from './clients.ts'

const never = new AbortController().signal

void describe('a Kafka client and a broker with logins and TLS', { skip: kafkaSkip(true) }, () => {
  let kafka: TestKafka
  before(async () => {
    kafka = await startKafka({ secure: true, settings: { 'connections.max.reauth.ms': 4000 } })
  })
  after(async () => {
    await kafka?.[Symbol.asyncDispose]()
  })

  const open = (properties: Record<string, string>) => openClient(settingsOf(properties), silent)
  const refusedWith = async (properties: Record<string, string>, pattern: RegExp) => {
    const error = await open(properties).then(
      async (client) => {
        await client[Symbol.asyncDispose]()
        return undefined
      },
      (cause: unknown) => cause as Error,
    )
    assert.ok(error instanceof ConfigError, `a ConfigError, not ${error?.stack}`)
    assert.match(error.message, pattern)
    for (const password of Object.values(kafkaPasswords)) assert.ok(!error.message.includes(password))
  }

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] satisfies SaslMechanism[]) {
    for (const tls of [true, false]) {
      void test(`writes and reads with ${mechanism} ${tls ? 'over TLS' : 'without TLS'}`, async () => {
        await using client = await open(kafka.secure.saslProperties(mechanism, 'admin', tls))
        const topic = await makeTopic(client)
        await write(client, [{ topic, partition: 0, records: batchOf('x', 2) }])
        const fetched = await client.fetch([{ topic, partition: 0, offset: 0 }], limits, never)
        assert.deepEqual(fetched.flatMap(textsOf), ['x 0', 'x 1'])
      })
    }
  }

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    void test(`a wrong password of ${mechanism} is told with mechanism and user`, async () => {
      const properties = kafka.secure.saslProperties(mechanism)
      properties['sasl.jaas.config'] = properties['sasl.jaas.config']!.replace(kafkaPasswords.admin, 'wrong-secret-9')
      await refusedWith(properties, new RegExp(`user "admin" \\(${mechanism}\\)`))
      await refusedWith(properties, /^((?!wrong-secret).)*$/s)
    })
  }

  void test("a token that the broker refuses is told in the broker's words", async () => {
    const properties = kafka.secure.saslProperties('OAUTHBEARER')
    properties['sasl.jaas.config'] =
      'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin" unsecuredLoginLifetimeSeconds="0.001";'
    await refusedWith(properties, /OAUTHBEARER.*(invalid_token|expir)/i)
  })

  void test('a session is renewed before the broker ends it, with requests under way', async () => {
    await using client = await open(kafka.secure.saslProperties('SCRAM-SHA-256'))
    const topic = await makeTopic(client)
    const end = performance.now() + 9000
    let count = 0
    while (performance.now() < end) {
      const sets = Array.from({ length: 5 }, () => client.produce([{ topic, partition: 0, records: batchOf(`${count++}`, 1) }], acked))
      for (const [answer] of await Promise.all(sets)) assert.equal(answer!.errorCode, 0)
      await client.topics([topic], 0)
    }
    const [last] = await client.offsetsAt([{ topic, partition: 0, timestamp: -1 }], false)
    assert.equal(last!.offset, count)
  })

  void test('a client certificate lets us in, from a PEM file, PEM texts, an encrypted key and PKCS12', async () => {
    const { certificates } = kafka.secure
    const properties = kafka.secure.sslProperties()
    const read = (file: string) => readFileSync(file, 'utf8')
    const { 'ssl.keystore.location': _, ...bare } = properties
    const p12 = join(certificates.folder, 'client.p12')
    const files = ['-inkey', certificates.clientKeyFile, '-in', certificates.clientCertificateFile]
    execFileSync('openssl', ['pkcs12', '-export', ...files, '-out', p12, '-passout', 'pass:store-secret-6'])
    const texts = (key: string) => ({
      ...bare,
      'ssl.keystore.key': read(key).replaceAll('\n', ' '),
      'ssl.keystore.certificate.chain': read(certificates.clientCertificateFile).replaceAll('\n', ' '),
    })
    const ways: Record<string, string>[] = [
      properties,
      texts(certificates.clientKeyFile),
      { ...texts(certificates.clientEncryptedKeyFile), 'ssl.key.password': certificates.keyPassword },
      { ...bare, 'ssl.keystore.type': 'PKCS12', 'ssl.keystore.location': p12, 'ssl.keystore.password': 'store-secret-6' },
    ]
    for (const way of ways) {
      await using client = await open(way)
      assert.ok((await client.topics(null)).size >= 0)
    }
    await refusedWith(bare, /certificate/)
    assert.throws(() => settingsOf({ ...ways[3], 'ssl.keystore.password': 'other' }), /ssl.keystore.password is not its password/)
    assert.throws(() => settingsOf({ ...ways[2], 'ssl.key.password': 'other' }), /ssl.key.password is not its password/)
  })

  void test('a broker whose certificate nobody vouches for is not trusted', async () => {
    const properties = kafka.secure.saslProperties('PLAIN')
    await refusedWith({ ...properties, 'ssl.truststore.location': kafka.secure.certificates.otherCaFile }, /ssl\.truststore/)
    const { 'ssl.truststore.location': _, ...publicOnes } = properties
    await refusedWith(publicOnes, /ssl\.truststore/)
  })

  void test('a certificate for another name is refused unless the check is off, which is warned of', async () => {
    const properties = kafka.secure.saslProperties('PLAIN')
    // The certificate is for localhost and 127.0.0.1.
    const elsewhere = { ...properties, 'bootstrap.servers': properties['bootstrap.servers']!.replace('127.0.0.1', '127.0.0.2') }
    const port = Number(properties['bootstrap.servers']!.split(':')[1])
    await using front = createServer((socket) => socket.pipe(connect(port, '127.0.0.1').on('error', () => {})).pipe(socket))
    front.listen(0, '127.0.0.2')
    await once(front, 'listening')
    elsewhere['bootstrap.servers'] = `127.0.0.2:${(front.address() as AddressInfo).port}`
    await refusedWith(elsewhere, /another name/)
    const warned: string[] = []
    const log = { ...silent, warn: (_: object, message: string) => void warned.push(message) }
    await using client = await openClient(settingsOf({ ...elsewhere, 'ssl.endpoint.identification.algorithm': '' }), log)
    assert.equal(typeof (await client.clusterId()), 'string')
    assert.match(warned.join(), /stand in for a broker/)
    await client[Symbol.asyncDispose]()
  })

  void test('speaking plainly to TLS, and TLS to a plain listener, are told as such', async () => {
    await assert.rejects(open({ 'bootstrap.servers': kafka.bootstrap, 'security.protocol': 'SSL' }), /compare security\.protocol/)
    await assert.rejects(open({ 'bootstrap.servers': kafka.secure.saslSsl }), /security\.protocol/)
  })

  void test('what an ACL forbids is told with the ACL', async () => {
    await using admin = await open(kafka.secure.saslProperties('PLAIN'))
    const topic = await makeTopic(admin)
    await using guest = await open(kafka.secure.saslProperties('PLAIN', 'guest'))
    await assert.rejects(guest.topics([topic]), /TOPIC_AUTHORIZATION_FAILED.*ACL on the topic/)
    await assert.rejects(guest.groups.committed('some-group', null), /GROUP_AUTHORIZATION_FAILED.*ACL on the consumer group/)
    await assert.rejects(
      guest.admin.create([{ name: 'forbidden', partitions: 1, replicationFactor: 1, config: {} }]),
      /TOPIC_AUTHORIZATION_FAILED.*ACL/,
    )
    const [produced] = await guest.produce([{ topic, partition: 0, records: batchOf('x', 1) }], acked)
    assert.equal(produced!.errorCode, 29)
    const [fetched] = await guest.fetch([{ topic, partition: 0, offset: 0 }], limits, never)
    assert.equal(fetched!.errorCode, 29)
  })
})
