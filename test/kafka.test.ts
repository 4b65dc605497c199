import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type KafkaConfig } from 'kafkajs'
import { kafkaPasswords } from './kafka-security.ts'
import { kafkaSkip, startKafka, type TestKafka } from './kafka.ts'

const skip = kafkaSkip(true)
let kafka: TestKafka
before(async () => {
  if (skip === false) kafka = await startKafka({ secure: true })
})
after(() => kafka?.stop())

test('a broker keeps its topics, its ports and its name when it is killed and started again', { skip }, async () => {
  const topic = await kafka.topic(undefined, 3, { 'cleanup.policy': 'compact' })
  const before = await kafka.admin((admin) => admin.describeCluster())
  await kafka.kill()
  assert.equal(kafka.pid, undefined)
  await kafka.start()
  const after = await kafka.admin((admin) => admin.describeCluster())
  assert.equal(after.clusterId, before.clusterId)
  const { topics } = await kafka.admin((admin) => admin.fetchTopicMetadata({ topics: [topic] }))
  assert.equal(topics[0]?.partitions.length, 3)
})

test('every secured listener takes its users and refuses others', { skip }, async () => {
  const { secure } = kafka
  const ssl = { ca: [readFileSync(secure.certificates.caFile, 'utf8')] }
  const { admin: password } = kafkaPasswords
  const over = (config: Partial<KafkaConfig>, broker = secure.saslSsl) => ({ brokers: [broker], ssl, ...config })
  const client = {
    cert: readFileSync(secure.certificates.clientCertificateFile),
    key: readFileSync(secure.certificates.clientEncryptedKeyFile),
    passphrase: secure.certificates.keyPassword,
  }
  await connect(over({ sasl: { mechanism: 'plain', username: 'admin', password } }))
  await connect(over({ sasl: { mechanism: 'scram-sha-256', username: 'admin', password } }))
  await connect(over({ sasl: { mechanism: 'scram-sha-512', username: 'admin', password } }))
  const token = async () => ({ value: secure.token('admin') })
  await connect(over({ sasl: { mechanism: 'oauthbearer', oauthBearerProvider: token } }))
  await connect(over({ ssl: false, sasl: { mechanism: 'plain', username: 'admin', password } }, secure.saslPlaintext))
  await connect(over({ ssl: { ...ssl, ...client } }, secure.ssl))
  await assert.rejects(connect(over({}, secure.ssl)))
  await assert.rejects(connect(over({ sasl: { mechanism: 'scram-sha-512', username: 'admin', password: 'wrong' } })))
  await assert.rejects(
    connect(over({ sasl: { mechanism: 'plain', username: 'guest', password: kafkaPasswords.guest } })),
    /creation errors/,
  )
})

test('a broker does not outlive a process that was killed', { skip }, async () => {
  const program = `import('./kafka.ts').then(async ({ startKafka }) => {
    const kafka = await startKafka({ own: true })
    console.log(JSON.stringify([kafka.pid, kafka.home]))
  })`
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', '-e', program], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const [pid, home] = JSON.parse(line) as [number, string]
  assert.ok(existsSync(join(home, 'data')))
  child.kill('SIGKILL')
  for (let waits = 0; waits < 100 && (alive(pid) || existsSync(home)); waits++) await sleep(50)
  assert.equal(alive(pid), false)
  assert.equal(existsSync(home), false)
})

async function connect(config: KafkaConfig): Promise<void> {
  const retry = { retries: 0 }
  const admin = new kafkajs.Kafka({ ...config, retry, logLevel: kafkajs.logLevel.NOTHING }).admin({ retry })
  try {
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: `t-${Math.random()}` }] })
  } finally {
    await admin.disconnect()
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH: gone.
    return false
  }
}
