import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs, { type Admin, type Kafka } from 'kafkajs'
import { makeCertificates } from './certificates.ts'
import { cached, downloadsSkip, javaProgram, kafkaClassPath, run } from './downloads.ts'
import { scramArguments, secureListeners, secureSettings, type SecureListeners } from './kafka-security.ts'
import { NotStartedError, ServerProcess } from './server-process.ts'

export interface KafkaOptions {
  /** Broker settings laid over the test's own (one node, no topics made by themselves, no waiting for group members). */
  readonly settings?: Readonly<Record<string, string | number>>
  /** Never the server of MILLRACE_TEST_KAFKA: for tests that kill it or give it settings. */
  readonly own?: boolean
  /** Listeners with SASL and TLS beside the plain one, users and ACLs: `TestKafka.secure`. Implies `own`. Needs openssl. */
  readonly secure?: boolean
  /** Java's heap, such as `1g`; 256 MB by default. Given, the JIT compiler works at full strength, too: for benchmarks. */
  readonly heap?: string
}

/**
 * For `test(name, { skip: kafkaSkip() }, ...)`: why no Kafka can be had here, or false. With CI set it throws instead of skipping.
 * `own` as in KafkaOptions.
 */
export function kafkaSkip(own = false): string | false {
  return external(own) !== undefined ? false : downloadsSkip(kafkaClassPath)
}

/**
 * Starts an Apache Kafka 4.3.1 (KRaft, one node) in a temporary folder on free loopback ports, or gives the one at MILLRACE_TEST_KAFKA
 * (`host:port`, without TLS). It ends with this process at the latest.
 */
export async function startKafka(options: KafkaOptions = {}): Promise<TestKafka> {
  const address = external(options.own === true || options.settings !== undefined || options.secure === true)
  if (address !== undefined) return new TestKafka({ bootstrap: address })
  const folder = await mkdtemp(join(tmpdir(), 'millrace-kafka-'))
  for (let attempt = 1; ; attempt++) {
    const port = await quietPort()
    const secure = options.secure === true ? await openListeners(folder) : undefined
    const kafka = new TestKafka({ bootstrap: `127.0.0.1:${port}`, folder, heap: options.heap, secure })
    await writeNode(folder, { port, controllerPort: await quietPort(), secure, settings: options.settings ?? {} })
    try {
      await kafka.start()
      return kafka
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      if (attempt === 3 || !(error instanceof NotStartedError && /Address already in use|Failed to bind/.test(error.message))) throw error
    }
  }
}

interface KafkaParts {
  readonly bootstrap: string
  readonly folder?: string
  readonly heap?: string
  readonly secure?: SecureListeners
}

/** A running broker. `stop` and dispose remove its folder; `kill`, `halt` and `start` leave it, and it keeps its ports. */
export class TestKafka implements AsyncDisposable {
  /** `host:port` of the listener without TLS and passwords. */
  readonly bootstrap: string
  readonly #folder: string | undefined
  readonly #heap: string | undefined
  readonly #secure: SecureListeners | undefined
  #server: ServerProcess | undefined

  constructor(parts: KafkaParts) {
    this.bootstrap = parts.bootstrap
    this.#folder = parts.folder
    this.#heap = parts.heap
    this.#secure = parts.secure
  }

  /** Its temporary folder: `data` holds a folder for each partition. Throws for a server that is not ours. */
  get home(): string {
    if (this.#folder === undefined) throw new Error(`The Kafka at ${this.bootstrap} is not ours to stop or look into: ask for an own one`)
    return this.#folder
  }

  /** Addresses, properties, keys and users of the secured listeners. Throws unless it was started with `secure`. */
  get secure(): SecureListeners {
    if (this.#secure === undefined) throw new Error('This Kafka was started without `secure: true`')
    return this.#secure
  }

  /** Process id; undefined while it is down or not ours. */
  get pid(): number | undefined {
    return this.#server?.running === true ? this.#server.pid : undefined
  }

  /** What the broker printed last: warnings and worse. */
  get log(): string {
    return this.#server?.log ?? ''
  }

  /** Starts it (again) on the same ports and folder. Resolves when it takes requests. */
  async start(): Promise<void> {
    const jit =
      this.#heap === undefined ? ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m'] : ['-XX:+UseG1GC', `-Xmx${this.#heap}`]
    // A node that was killed is taken in again when its old session is over; one on a busy machine should not lose it (9 s by default).
    const again = this.#server === undefined ? [] : ['--override', 'broker.session.timeout.ms=2000']
    const start = () =>
      this.#begin([...jit, ...javaFlags, '-cp', kafkaClassPath(), 'kafka.Kafka', join(this.home, 'server.properties'), ...again])
    if (this.#server === undefined) return start()
    // Killed while topics were made, Kafka 4.3.1 may fall over half-made partitions once more (a NoSuchFileException), and starts after that.
    for (let attempt = 1; ; attempt++) {
      try {
        return await start()
      } catch (error) {
        if (attempt === 3 || !(error instanceof NotStartedError)) throw error
      }
    }
  }

  async #begin(args: readonly string[]): Promise<void> {
    this.#server = await ServerProcess.start({
      program: javaProgram,
      args,
      folder: this.home,
      ready: (log) => log.includes('Kafka Server started'),
    })
  }

  /** As a crash: SIGKILL. */
  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL')
  }

  /** An orderly end (SIGTERM: leaders move, logs are flushed). */
  async halt(): Promise<void> {
    await this.#server?.end('SIGTERM')
  }

  /** An orderly end, unless it is down, and a new start. */
  async restart(): Promise<void> {
    await this.halt()
    await this.start()
  }

  /** Ends it and removes its folder; leaves a server alone that is not ours. */
  async stop(): Promise<void> {
    await this.kill()
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** A client to prepare and look with; the caller disconnects what it makes of it. */
  client(): Kafka {
    return new kafkajs.Kafka({ brokers: [this.bootstrap], clientId: 'millrace-test', logLevel: kafkajs.logLevel.NOTHING })
  }

  /** Runs `use` with a connected admin client. */
  async admin<Result>(use: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = this.client().admin()
    await admin.connect()
    try {
      return await use(admin)
    } finally {
      await admin.disconnect()
    }
  }

  /** Makes a topic and gives its name, which nobody else has when `name` is left out. */
  async topic(name = `t-${randomUUID()}`, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
    await this.admin(async (admin) => {
      await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions, configEntries }], waitForLeaders: false })
      // A busy broker does not know the topic for a moment (waiting for leaders in the call above fails then), and a little later leads it
      // without having it: a producer that tries again meanwhile would write twice. Who tells its offsets has it.
      const ready = async () => (await admin.fetchTopicOffsets(name).catch(() => [])).length === partitions
      while (!(await ready())) await sleep(20)
    })
    return name
  }
}

/** Of every program of Kafka's: no look-ups of the machine's name, logs as the fixture says. */
export const javaFlags = [
  '-Xshare:auto',
  '-Djava.net.preferIPv4Stack=true',
  `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'fixtures', 'kafka', 'log4j2.properties')}`,
]

function external(own: boolean): string | undefined {
  const address = process.env['MILLRACE_TEST_KAFKA']
  return own || address === undefined || address === '' ? undefined : address
}

async function openListeners(folder: string): Promise<SecureListeners> {
  const ports = { saslSsl: await quietPort(), saslPlaintext: await quietPort(), ssl: await quietPort() }
  return secureListeners(ports, makeCertificates(join(folder, 'certificates')))
}

/**
 * A free loopback port below those that the system deals to clients: while a broker is down, nobody's outgoing connection may take its port,
 * nor may a client that dials it all the time end up connected to itself.
 */
async function quietPort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
}

interface Node {
  readonly port: number
  readonly controllerPort: number
  readonly secure: SecureListeners | undefined
  readonly settings: Readonly<Record<string, string | number>>
}

/** Writes server.properties and the formatted data folder. */
async function writeNode(folder: string, node: Node): Promise<void> {
  const listeners = [`PLAINTEXT://127.0.0.1:${node.port}`, `CONTROLLER://127.0.0.1:${node.controllerPort}`]
  if (node.secure !== undefined)
    listeners.push(`SASL_SSL://${node.secure.saslSsl}`, `SASL_PLAINTEXT://${node.secure.saslPlaintext}`, `SSL://${node.secure.ssl}`)
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${node.controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: listeners.join(','),
    'log.dirs': join(folder, 'data'),
    'auto.create.topics.enable': 'false',
    'num.partitions': 1,
    'default.replication.factor': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 100,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    // Heartbeats go on at once, and the only node elects itself at once.
    'broker.heartbeat.interval.ms': 500,
    'controller.quorum.election.timeout.ms': 100,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    // The defaults take 128 MB of heap for the cleaner and 20 MB of address space for each partition's indexes.
    'log.cleaner.dedupe.buffer.size': 4 * 1024 * 1024,
    'log.index.size.max.bytes': 1024 * 1024,
    ...(node.secure === undefined ? {} : secureSettings(node.secure.certificates)),
    ...node.settings,
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  await writeFile(join(folder, 'server.properties'), `${lines.join('\n')}\n`)
  await format(folder, node.secure === undefined ? 'plain' : 'secure')
}

/** Kafka's formatting takes a second and writes two small files, so it is done once: here they get a cluster id of their own. */
async function format(folder: string, kind: 'plain' | 'secure'): Promise<void> {
  const template = cached(`kafka/formatted-4.3.1-${kind}`, (into) => {
    const lines = ['process.roles=broker,controller', 'node.id=1', 'controller.quorum.voters=1@127.0.0.1:9093']
    const listeners = ['listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093', 'controller.listener.names=CONTROLLER']
    const properties = join(into, 'server.properties')
    writeFileSync(properties, [...lines, ...listeners, `log.dirs=${join(into, 'data')}`].join('\n'))
    const users = kind === 'secure' ? scramArguments() : []
    const tool = ['-cp', kafkaClassPath(), 'kafka.tools.StorageTool', 'format', '-t', templateCluster, '-c', properties]
    run(javaProgram, [...javaFlags, ...tool, ...users])
  })
  const data = join(folder, 'data')
  await cp(join(template, 'data'), data, { recursive: true })
  const meta = join(data, 'meta.properties')
  const cluster = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
  await writeFile(meta, (await readFile(meta, 'utf8')).replace(templateCluster, cluster))
}

const templateCluster = 'AAAAAAAAQACAAAAAAAAAAQ'
