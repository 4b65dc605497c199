import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, RetriableError } from '../../../../core/index.ts'
import { apis } from '../../../../connectors/kafka/client/apis.ts'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import { WireWriter } from '../../../../connectors/kafka/client/wire-writer.ts'
import { kafkaSkip, startKafka } from '../../../kafka.ts'
import { acked, batchOf, clientTo, limits, makeTopic, settingsOf, silent, textsOf, write } from './clients.ts'
import { fetched, metadata, ScriptedBroker, type Script } from './scripted-broker.ts'

const never = new AbortController().signal
const place = { topic: 't', partition: 0 }

void test(
  'a broker that was killed fails what is under way, and the same client goes on when it is back',
  { skip: kafkaSkip(true) },
  async () => {
    const warnings: Error[] = []
    const warn = (warning: Error) => void warnings.push(warning)
    process.on('warning', warn)
    await using kafka = await startKafka({ own: true })
    await using client = await openClient(clientTo(kafka.bootstrap), silent)
    const topic = await makeTopic(client)
    await write(client, [{ topic, partition: 0, records: batchOf('before', 1) }])
    const poll = client.fetch([{ topic, partition: 0, offset: 1 }], { ...limits, maxWaitMs: 20_000 }, never)
    const broken = assert.rejects(poll, RetriableError)
    await sleep(300)
    await kafka.kill()
    await broken
    await assert.rejects(client.produce([{ topic, partition: 0, records: batchOf('lost', 1) }], acked), RetriableError)
    await assert.rejects(client.topics([topic], 0), RetriableError)
    await assert.rejects(client.fetch([{ topic, partition: 0, offset: 0 }], limits, never), RetriableError)
    await assert.rejects(client.groups.committed('g', null), RetriableError)
    await kafka.start()
    const until = performance.now() + 40_000
    for (let back = false; !back;) {
      assert.ok(performance.now() < until, 'the client does not find the broker again')
      back = await client.produce([{ topic, partition: 0, records: batchOf('after', 1) }], acked).then(
        ([answer]) => answer!.errorCode === 0,
        () => false,
      )
      if (!back) await sleep(100)
    }
    const texts = (await client.fetch([{ topic, partition: 0, offset: 0 }], limits, never)).flatMap(textsOf)
    assert.deepEqual(texts, ['before 0', 'after 0'])
    assert.deepEqual(await client.groups.committed('g', null), [])
    process.off('warning', warn)
    // kafkajs sets timers for the past (its issue 1751), of which Node 24 warns.
    assert.deepEqual(warnings, [])
  },
)

void describe('a Kafka client and brokers that fail', () => {
  /** Two brokers; who leads the partition is the test's to say. */
  const pair = async (leader: () => number, script: (node: number) => Script) => {
    const brokers: ScriptedBroker[] = []
    for (const node of [0, 1]) {
      brokers.push(
        await ScriptedBroker.start((request) =>
          request.key === apis.Metadata.key ? metadata(brokers, 't', [leader()]) : script(node)(request),
        ),
      )
    }
    return brokers
  }
  const quick = { 'request.timeout.ms': '500', 'default.api.timeout.ms': '3000', 'retry.backoff.ms': '10', 'reconnect.backoff.ms': '10' }

  void test('a partition whose leader moved is left out and read from its new leader', async () => {
    let leader = 0
    const asked: number[] = []
    const brokers = await pair(
      () => leader,
      (node) => () => {
        asked.push(node)
        return node === leader ? fetched('t', 0, batchOf('x', 1)) : fetched('t', 6)
      },
    )
    await using client = await openClient(clientTo(brokers[0]!.address, quick), silent)
    assert.equal((await client.fetch([{ ...place, offset: 0 }], limits, never)).length, 1)
    leader = 1
    const texts: string[] = []
    for (let left = 10; left > 0 && texts.length === 0; left--) {
      const partitions = await client.fetch([{ ...place, offset: 0 }], limits, never)
      assert.ok(partitions.every(({ errorCode }) => errorCode === 0))
      texts.push(...partitions.flatMap(textsOf))
    }
    assert.deepEqual(texts, ['x 0'])
    assert.deepEqual(asked, [0, 0, 1])
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('one broker that is gone does not stop what the others have', async () => {
    const brokers: ScriptedBroker[] = []
    for (const node of [0, 1]) {
      brokers.push(
        await ScriptedBroker.start(({ key }) => {
          if (key === apis.Metadata.key) return metadata(brokers, 't', [0, 1])
          return node === 0 ? 'cut' : fetched('t', 0, batchOf('x', 1))
        }),
      )
    }
    await using client = await openClient(clientTo(brokers[1]!.address, quick), silent)
    let texts = 0
    const positions = [0, 1].map((partition) => ({ topic: 't', partition, offset: 0 }))
    const begun = performance.now()
    while (performance.now() - begun < 1000) texts += (await client.fetch(positions, limits, never)).flatMap(textsOf).length
    assert.ok(texts >= 3)
    // The lost one is asked again, but not in a circle without pause.
    assert.ok(brokers[0]!.accepted < 20, `${brokers[0]!.accepted} connections`)
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('a coordinator that moved is found anew, one that loads is waited for', async () => {
    let found = 0
    const codes = [16, 14, 0]
    const brokers = await pair(
      () => 0,
      (node) =>
        ({ key }) => {
          if (key === apis.FindCoordinator.key) {
            const owner = found++ === 0 ? 0 : 1
            return new WireWriter().int32(0).int16(0).string(null).int32(owner).string('127.0.0.1').int32(brokers[owner]!.port)
          }
          assert.equal(node, found === 1 ? 0 : 1)
          return new WireWriter().int32(0).int16(codes.shift()!)
        },
    )
    await using client = await openClient(clientTo(brokers[0]!.address, quick), silent)
    await client.groups.heartbeat({ group: 'g', generation: 1, member: 'm' })
    assert.deepEqual(codes, [])
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('a coordinator that loads for ever fails in the time of a call', { timeout: 30_000 }, async () => {
    const brokers = await pair(
      () => 0,
      () =>
        ({ key }) =>
          key === apis.FindCoordinator.key
            ? new WireWriter().int32(0).int16(0).string(null).int32(0).string('127.0.0.1').int32(brokers[0]!.port)
            : new WireWriter().int32(0).int16(14),
    )
    await using client = await openClient(clientTo(brokers[0]!.address, { ...quick, 'default.api.timeout.ms': '700' }), silent)
    await assert.rejects(client.groups.heartbeat({ group: 'g', generation: 1, member: 'm' }), /COORDINATOR_LOAD_IN_PROGRESS/)
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('a silent broker is left after request.timeout.ms, and its connection is made anew', async () => {
    let mute = true
    const brokers = await pair(
      () => 0,
      () => () => (mute ? 'silence' : fetched('t', 0, batchOf('x', 1))),
    )
    await using client = await openClient(clientTo(brokers[0]!.address, quick), silent)
    const [answer] = await client
      .produce([{ ...place, records: batchOf('x', 1) }], { ...acked, timeoutMs: 100 })
      .catch((error: unknown) => {
        assert.ok(error instanceof RetriableError)
        return [undefined]
      })
    assert.equal(answer, undefined)
    const before = brokers[0]!.accepted
    mute = false
    for (let left = 10; left > 0; left--) {
      const texts = (await client.fetch([{ ...place, offset: 0 }], limits, never)).flatMap(textsOf)
      if (texts.length > 0) break
      assert.ok(left > 1)
    }
    assert.ok(brokers[0]!.accepted > before)
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('dispose ends all that is under way and every connection, and waits for nothing', { timeout: 30_000 }, async () => {
    const brokers = await pair(
      () => 0,
      () => () => 'silence',
    )
    const client = await openClient(clientTo(brokers[0]!.address), silent)
    const calls = [
      client.fetch([{ ...place, offset: 0 }], { ...limits, maxWaitMs: 60_000 }, never),
      client.produce([{ ...place, records: batchOf('x', 1) }], acked),
      client.groups.heartbeat({ group: 'g', generation: 1, member: 'm' }),
      client.transactions.identify('t', 1000),
      client.offsetsAt([{ ...place, timestamp: -1 }], false),
    ].map((call) =>
      call.then(
        () => 'done',
        (error: unknown) => (error instanceof RetriableError ? 'closed' : String(error)),
      ),
    )
    await sleep(200)
    await client[Symbol.asyncDispose]()
    assert.deepEqual(await Promise.all(calls), Array(5).fill('closed'))
    while (brokers.some(({ open }) => open > 0)) await sleep(10)
    await assert.rejects(client.topics(['t'], 0), RetriableError)
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('a client that is disposed of in the middle of a connect leaves nothing behind', { timeout: 30_000 }, async () => {
    // Takes connections and never says a word, as a broker that hangs.
    await using mute = createServer().listen(0, '127.0.0.1')
    await once(mute, 'listening')
    let open = 0
    mute.on('connection', (socket) => {
      open++
      socket.on('close', () => open--).on('error', () => {})
      socket.resume()
    })
    const { port } = mute.address() as AddressInfo
    const brokers: ScriptedBroker[] = []
    brokers.push(
      await ScriptedBroker.start(({ key }) => {
        if (key === apis.Metadata.key) return metadata(brokers, 't', [0])
        return new WireWriter().int32(0).int16(0).string(null).int32(7).string('127.0.0.1').int32(port)
      }),
    )
    const client = await openClient(clientTo(brokers[0]!.address), silent)
    const call = client.groups.heartbeat({ group: 'g', generation: 1, member: 'm' })
    while (open === 0) await sleep(10)
    await client[Symbol.asyncDispose]()
    await assert.rejects(call, RetriableError)
    while (open > 0) await sleep(10)
    await brokers[0]![Symbol.asyncDispose]()
  })

  void test('a server that never answers is left after socket.connection.setup.timeout.ms', async () => {
    await using mute = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as AddressInfo
    await assert.rejects(
      openClient(clientTo(`127.0.0.1:${port}`, { 'socket.connection.setup.timeout.ms': '300' }), silent),
      /within 300 ms/,
    )
  })

  void test('names without an address are told at the start, addresses that the cluster gives with the setting to blame', async () => {
    const servers = 'a.invalid:9092,b.invalid:9092'
    await assert.rejects(
      openClient(clientTo(servers), silent),
      (error) => error instanceof ConfigError && /a\.invalid, b\.invalid/.test(error.message),
    )
    const brokers = await pair(
      () => 0,
      () => () => new WireWriter().int32(0).int16(0).string(null).int32(7).string('c.invalid').int32(9092),
    )
    await using client = await openClient(clientTo(brokers[0]!.address, quick), silent)
    await assert.rejects(client.groups.heartbeat({ group: 'g', generation: 1, member: 'm' }), /c\.invalid:9092.*advertised\.listeners/)
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('a leader that never settles is asked now and then, not without a pause', async () => {
    let asked = 0
    const brokers = await pair(
      () => 0,
      () => () => {
        asked++
        return fetched('t', 6)
      },
    )
    await using client = await openClient(clientTo(brokers[0]!.address), silent)
    const begun = performance.now()
    while (performance.now() - begun < 1000) await client.fetch([{ ...place, offset: 0 }], limits, never)
    assert.ok(asked <= 11, `asked ${asked} times in a second`)
    for (const broker of brokers) await broker[Symbol.asyncDispose]()
  })

  void test('a server that speaks HTTP, and one that speaks TLS, are told as such', async () => {
    for (const [hello, pattern] of [
      ['HTTP/1.1 400 Bad Request\r\n\r\n', /does not speak Kafka's protocol/],
      ['\x15\x03\x03\x00\x02\x02\x46', /it speaks TLS; set security\.protocol to SSL/],
    ] as const) {
      await using server = createServer(
        (socket) =>
          void socket
            .on('error', () => {})
            .resume()
            .end(hello, 'latin1'),
      ).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      await assert.rejects(
        openClient(clientTo(`127.0.0.1:${port}`), silent),
        (error) => error instanceof ConfigError && pattern.test(error.message),
      )
    }
  })

  void test('a broker that does not know the password is not believed (CVE-2024-56128)', async () => {
    const login = settingsOf({
      'bootstrap.servers': 'a:1',
      'security.protocol': 'SASL_PLAINTEXT',
      'sasl.mechanism': 'SCRAM-SHA-256',
      'sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required username="u" password="p";',
    })
    const salted = (nonce: string, iterations = 4096) => `r=${nonce},s=${Buffer.from('salt').toString('base64')},i=${iterations}`
    const lies: readonly [(nonce: string) => string, RegExp][] = [
      [(nonce) => salted(`${nonce}more`), /signature/i],
      [() => salted('another nonce'), /nonce/i],
      [(nonce) => salted(`${nonce}more`, 1), /iterations/i],
    ]
    for (const [first, pattern] of lies) {
      let round = 0
      await using broker = await ScriptedBroker.start(({ key, body }) => {
        if (key === 17) return new WireWriter().int16(0).int32(1).string(login.sasl!.mechanism)
        const said = body.bytes().toString()
        const text = round++ === 0 ? first(/r=(.*)$/.exec(said)![1]!) : `v=${Buffer.alloc(32).toString('base64')}`
        return new WireWriter().int16(0).string(null).bytesField(Buffer.from(text)).int64(0)
      })
      const brokers = [{ host: '127.0.0.1', port: broker.port }]
      await assert.rejects(
        openClient({ ...login, brokers }, silent),
        (error) => error instanceof ConfigError && pattern.test(error.message),
      )
    }
  })
})
