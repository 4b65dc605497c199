import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectPlugins, downloadsSkip, javaProgram, kafkaClassPath } from './downloads.ts'
import { javaFlags } from './kafka.ts'
import { freePort } from './postgres.ts'
import { ServerProcess } from './server-process.ts'

/** What a connector of it reports (GET /connectors/{name}/status). */
export interface ConnectorStatus {
  readonly connector: { readonly state: string; readonly trace?: string }
  readonly tasks: readonly { readonly id: number; readonly state: string; readonly trace?: string }[]
}

/** For `test(name, { skip: connectSkip() }, ...)`: why there is no Kafka Connect here, or false. With CI set it throws instead. */
export function connectSkip(): string | false {
  return downloadsSkip(kafkaClassPath, connectPlugins)
}

/**
 * Starts Apache Kafka Connect 4.3.1, standalone, with Debezium's Postgres source and JDBC sink, the file sink, JsonConverter and Apicurio's
 * Avro converter. Converters of the worker: JSON with schemas. It ends with this process at the latest. Skip with `connectSkip`.
 */
export async function startConnectWorker(bootstrap: string, settings: Readonly<Record<string, string>> = {}): Promise<TestConnectWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-connect-'))
  const port = await freePort()
  const properties: Record<string, string> = {
    'bootstrap.servers': bootstrap,
    'key.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'offset.storage.file.filename': join(folder, 'offsets'),
    'offset.flush.interval.ms': '500',
    'plugin.path': connectPlugins(),
    'plugin.discovery': 'service_load',
    listeners: `http://127.0.0.1:${port}`,
    ...settings,
  }
  const file = join(folder, 'worker.properties')
  await writeFile(file, Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join('')) // prettier-ignore
  const jvm = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx384m']
  const url = `http://127.0.0.1:${port}`
  const server = await ServerProcess.start({
    program: javaProgram,
    args: [...jvm, ...javaFlags, '-cp', kafkaClassPath(), 'org.apache.kafka.connect.cli.ConnectStandalone', file],
    folder,
    ready: () => answers(url),
  })
  return new TestConnectWorker(url, server, folder)
}

export class TestConnectWorker implements AsyncDisposable {
  /** Of its REST API. */
  readonly url: string
  readonly #server: ServerProcess
  readonly #folder: string

  constructor(url: string, server: ServerProcess, folder: string) {
    this.url = url
    this.#server = server
    this.#folder = folder
  }

  /** What it printed last: warnings and worse. */
  get log(): string {
    return this.#server.log
  }

  /** Makes or changes a connector; resolves when all tasks run, rejects with the trace of one that failed. */
  async create(name: string, config: Readonly<Record<string, string>>): Promise<void> {
    await this.call('PUT', `/connectors/${name}/config`, config)
    for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
      const status = await this.status(name)
      const failed = [status?.connector, ...(status?.tasks ?? [])].find((part) => part?.state === 'FAILED')
      if (failed !== undefined) throw new Error(`Connector ${name} failed: ${failed.trace}`)
      if (status !== undefined && status.tasks.length > 0 && status.tasks.every((task) => task.state === 'RUNNING')) return
      if (Date.now() > deadline) throw new Error(`Connector ${name} does not run: ${JSON.stringify(status)}\n${this.log}`)
    }
  }

  /** Undefined: not there yet. */
  async status(name: string): Promise<ConnectorStatus | undefined> {
    const answer = await fetch(`${this.url}/connectors/${name}/status`)
    return answer.ok ? ((await answer.json()) as ConnectorStatus) : undefined
  }

  async remove(name: string): Promise<void> {
    await this.call('DELETE', `/connectors/${name}`)
  }

  /** One call of the REST API; throws unless the answer is 2xx. */
  async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, body?: object): Promise<unknown> {
    const content = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = await fetch(this.url + path, { method, ...content })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`Kafka Connect answered ${method} ${path} with ${answer.status}: ${text}`)
    return text === '' ? undefined : JSON.parse(text)
  }

  async stop(): Promise<void> {
    await this.#server.end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}

/** Config keys of a connector that uses Confluent's Avro format with the registry at `url` (its whole address, `/apis/ccompat/v7` and all). */
export function avroConverters(url: string): Record<string, string> {
  const keys: Record<string, string> = {}
  for (const side of ['key', 'value']) {
    const prefix = `${side}.converter`
    keys[prefix] = 'io.apicurio.registry.utils.converter.AvroConverter'
    keys[`${prefix}.apicurio.registry.url`] = url.replace(/\/ccompat\/v7$/, '/registry/v2')
    keys[`${prefix}.apicurio.registry.auto-register`] = 'true'
    keys[`${prefix}.apicurio.registry.find-latest`] = 'false'
    keys[`${prefix}.apicurio.registry.as-confluent`] = 'true'
    keys[`${prefix}.apicurio.registry.use-id`] = 'contentId'
    keys[`${prefix}.apicurio.registry.headers.enabled`] = 'false'
    keys[`${prefix}.schemas.enable`] = 'false'
  }
  return keys
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/connectors`, { signal: AbortSignal.timeout(2_000) })).ok
  } catch {
    // It does not listen yet.
    return false
  }
}
