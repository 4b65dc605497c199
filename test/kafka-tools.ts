import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { javaProgram, kafkaClassPath } from './downloads.ts'
import { javaFlags } from './kafka.ts'

/** One record as Kafka's own console consumer read it: bytes are exact, null is a null and no empty text. */
export interface ConsoleRecord {
  readonly partition: number
  readonly offset: number
  /** CreateTime, LogAppendTime or NoTimestampType. */
  readonly timestampType: string
  readonly timestamp: number
  /** In the record's order; `Buffer` or null as for `value`. */
  readonly headers: readonly (readonly [string, Buffer | null])[]
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export interface ConsumeOptions {
  /** Ends after that many records; without it, when `idleMs` (2,000) passed without one. */
  readonly max?: number
  readonly idleMs?: number
  /** Default true. */
  readonly readCommitted?: boolean
  /** One partition from an offset on; all from the beginning otherwise. */
  readonly partition?: number
  readonly offset?: number
  /** Given, records go there as they come and the answer is empty: for millions of them. */
  readonly each?: (record: ConsoleRecord) => void
}

export interface GroupLag {
  readonly topic: string
  readonly partition: number
  /** Undefined: nothing is committed. */
  readonly current: number | undefined
  readonly end: number
  readonly lag: number | undefined
  /** Empty: nobody reads it. */
  readonly consumer: string
  readonly client: string
}

/** Figures of a perf tool's last line. */
export interface PerfResult {
  readonly recordsPerSecond: number
  readonly mbPerSecond: number
  /** The producer's alone. */
  readonly p99Ms?: number
}

/**
 * Kafka's own command line tools against one cluster. Each call starts a JVM, which takes most of a second: ask for much at once,
 * and for independent things with Promise.all.
 */
export class KafkaTools {
  readonly #bootstrap: string
  readonly #properties: Readonly<Record<string, string>>

  /** `properties`: Java client properties for a secured listener; their `bootstrap.servers` wins. */
  constructor(bootstrap: string, properties: Readonly<Record<string, string>> = {}) {
    this.#bootstrap = properties['bootstrap.servers'] ?? bootstrap
    this.#properties = properties
  }

  /** Reads topics with the console consumer; for several topics give `a|b`. */
  async consume(topic: string, options: ConsumeOptions = {}): Promise<readonly ConsoleRecord[]> {
    const records: ConsoleRecord[] = []
    const each = options.each ?? ((record: ConsoleRecord) => void records.push(record))
    const shape = ['timestamp', 'key', 'offset', 'partition', 'headers', 'value'].flatMap((part) => [
      '--formatter-property',
      `print.${part}=true`,
    ])
    const separators = { 'key.separator': field, 'line.separator': line, 'headers.separator': header, 'null.literal': none }
    const places = options.partition === undefined ? [] : ['--partition', String(options.partition)]
    const start = options.offset === undefined ? ['--from-beginning'] : ['--offset', String(options.offset)]
    const end = options.max === undefined ? ['--timeout-ms', String(options.idleMs ?? 2_000)] : ['--max-messages', String(options.max)]
    const texts = Object.entries(separators).flatMap(([name, value]) => ['--formatter-property', `${name}=${value}`])
    const isolation = ['--isolation-level', options.readCommitted === false ? 'read_uncommitted' : 'read_committed']
    const subject = topic.includes('|') ? ['--include', topic] : ['--topic', topic]
    await this.run('consumer.ConsoleConsumer', {
      args: [...subject, ...isolation, ...places, ...start, ...end, ...shape, ...texts],
      output: (child) => splitLines(child, each),
    })
    return records
  }

  /** Writes records with the console producer; texts without tabs and line breaks. `null` is a null. */
  async produce(
    topic: string,
    records: readonly {
      readonly key?: string | null
      readonly value: string | null
      readonly headers?: Readonly<Record<string, string>>
    }[],
    properties: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const lines = records.map(({ key, value, headers }) => {
      const pairs = Object.entries(headers ?? {}).map(([name, content]) => `${name}:${content}`)
      return `${pairs.length === 0 ? none : pairs.join(',')}\t${key ?? none}\t${value ?? none}\n`
    })
    const shape = ['parse.headers=true', 'parse.key=true', `null.marker=${none}`].flatMap((part) => ['--reader-property', part])
    const command = Object.entries(properties).flatMap(([name, value]) => ['--command-property', `${name}=${value}`])
    await this.run('ConsoleProducer', { args: ['--topic', topic, ...shape, ...command], input: lines.join('') })
  }

  /** As fast as it goes; payloads are picked from a list, as inventing each one would cost more than sending it. A tenth comes first, uncounted. */
  async producerPerf(topic: string, records: number, size: number, properties: Readonly<Record<string, string>> = {}): Promise<PerfResult> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-payloads-'))
    try {
      const payloads = join(folder, 'payloads')
      writeFileSync(payloads, Array.from({ length: 1_000 }, (_, n) => `{"id":${n},"text":"`.padEnd(size - 2, String(n)) + '"}').join('\n')) // prettier-ignore
      const settings = Object.entries(properties).map(([name, value]) => `${name}=${value}`)
      const numbers = ['--num-records', String(records), '--warmup-records', String(Math.ceil(records / 10)), '--throughput', '-1']
      const more = settings.length === 0 ? [] : ['--command-property', ...settings]
      const args = ['--topic', topic, '--payload-file', payloads, ...numbers, ...more]
      return producerResult(await this.run('ProducerPerformance', { args, bench: true }))
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }

  /** From the beginning, with a group of its own. */
  async consumerPerf(topic: string, records: number): Promise<PerfResult> {
    const args = ['--topic', topic, '--num-records', String(records), '--hide-header', '--timeout', '60000']
    const printed = await this.run('ConsumerPerformance', { args, bench: true })
    // start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch records/s: the last two leave the joining out.
    const columns = (printed.trim().split('\n').at(-1) ?? '').split(',').map((column) => Number(column.trim()))
    if (columns.length !== 10 || Number.isNaN(columns[9])) throw new Error(`ConsumerPerformance printed no result: ${printed}`)
    return { recordsPerSecond: columns[9]!, mbPerSecond: columns[8]! }
  }

  /** What `kafka-consumer-groups --describe` says; empty where the group is unknown. */
  async groupLag(group: string): Promise<readonly GroupLag[]> {
    const printed = await this.run('consumer.group.ConsumerGroupCommand', { args: ['--describe', '--group', group] })
    const lines = printed.split('\n').map((text) => text.trim().split(/\s+/))
    const titles = lines.find((cells) => cells[0] === 'GROUP') ?? []
    const value = (cells: readonly string[], title: string) => cells[titles.indexOf(title)] ?? '-'
    const number = (text: string) => (text === '-' ? undefined : Number(text))
    return lines
      .filter((cells) => cells[0] === group && cells.length >= titles.length)
      .map((cells) => ({
        topic: value(cells, 'TOPIC'),
        partition: Number(value(cells, 'PARTITION')),
        current: number(value(cells, 'CURRENT-OFFSET')),
        end: Number(value(cells, 'LOG-END-OFFSET')),
        lag: number(value(cells, 'LAG')),
        consumer: value(cells, 'CONSUMER-ID').replace(/^-$/, ''),
        client: value(cells, 'CLIENT-ID').replace(/^-$/, ''),
      }))
  }

  /** `kafka-consumer-groups --reset-offsets`, for a group without members. `topic` may be `name:0,1`. */
  async resetOffsets(group: string, topic: string, to: 'earliest' | 'latest' | number): Promise<void> {
    const target = typeof to === 'number' ? ['--to-offset', String(to)] : [`--to-${to}`]
    const printed = await this.run('consumer.group.ConsumerGroupCommand', {
      args: ['--reset-offsets', '--group', group, '--topic', topic, ...target, '--execute'],
    })
    if (/Error/.test(printed)) throw new Error(`kafka-consumer-groups did not reset ${group}: ${printed}`)
  }

  /** Batches and records of a partition's first segment as DumpLogSegments prints them; `folder` is that of the partition in the broker's data. */
  async dumpLog(folder: string): Promise<readonly string[]> {
    const args = ['--files', join(folder, '00000000000000000000.log'), '--print-data-log', '--deep-iteration']
    return (await this.run('DumpLogSegments', { args, local: true })).split('\n').filter((text) => /^(baseOffset|\| offset)/.test(text))
  }

  /** Runs any class of org.apache.kafka.tools to its end and gives what it printed; throws with that if it fails. */
  async run(tool: string, options: ToolOptions): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-kafka-tool-'))
    try {
      const properties = join(folder, 'client.properties')
      writeFileSync(properties, Object.entries(this.#properties).map(([name, value]) => `${name}=${value}\n`).join('')) // prettier-ignore
      const connection = options.local === true ? [] : ['--bootstrap-server', this.#bootstrap, '--command-config', properties]
      const jvm = options.bench === true ? ['-Xmx512m'] : ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx256m']
      const program = ['-cp', kafkaClassPath(), `org.apache.kafka.tools.${tool}`]
      const child = spawn(javaProgram, [...jvm, ...javaFlags, ...program, ...connection, ...options.args], {
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      return await result(child, tool, options)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

export interface ToolOptions {
  readonly args: readonly string[]
  /** Needs no cluster. */
  readonly local?: boolean
  /** At full strength, for measuring. */
  readonly bench?: boolean
  readonly input?: string
  /** Takes standard output; it is not collected then. */
  readonly output?: (child: ChildProcess) => void
}

// Separators that no payload of a test holds.
const [field, line, header, none] = ['\x1e\x1fF\x1f\x1e', '\x1e\x1fL\x1f\x1e', '\x1e\x1fH\x1f\x1e', '\x1e\x1fN\x1f\x1e']

function producerResult(printed: string): PerfResult {
  const last = printed.trim().split('\n').at(-1) ?? ''
  const found = /([\d.]+) records\/sec \(([\d.]+) MB\/sec\).* (\d+) ms 99th/.exec(last)
  if (found === null) throw new Error(`ProducerPerformance printed no result: ${printed}`)
  return { recordsPerSecond: Number(found[1]), mbPerSecond: Number(found[2]), p99Ms: Number(found[3]) }
}

async function result(child: ChildProcess, tool: string, options: ToolOptions): Promise<string> {
  let [printed, faults] = ['', '']
  if (options.output === undefined) child.stdout!.setEncoding('utf8').on('data', (text: string) => (printed += text))
  else options.output(child)
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (faults = (faults + text).slice(-20_000)))
  const killOnExit = () => child.kill('SIGKILL')
  process.on('exit', killOnExit)
  // A tool that ended early does not read its input to the end; its exit code says what was wrong.
  child.stdin!.on('error', () => {})
  child.stdin!.end(options.input ?? '')
  const [code] = (await once(child, 'close')) as [number | null]
  process.off('exit', killOnExit)
  if (code !== 0) throw new Error(`${tool} ended with ${code}:\n${printed}\n${faults}`)
  return printed
}

function splitLines(child: ChildProcess, each: (record: ConsoleRecord) => void): void {
  // Latin-1 keeps every byte as one character.
  child.stdout!.setEncoding('latin1')
  let rest = ''
  child.stdout!.on('data', (text: string) => {
    const lines = (rest + text).split(line)
    rest = lines.pop() ?? ''
    for (const found of lines) each(toRecord(found))
  })
}

/** `CreateTime:T Partition:P Offset:O headers key value`, as DefaultMessageFormatter orders them. */
function toRecord(text: string): ConsoleRecord {
  const [time, partition, offset, headers, key, value] = text.split(field) as [string, string, string, string, string, string]
  const [timestampType, timestamp] = time.split(':') as [string, string | undefined]
  return {
    partition: Number(partition.slice('Partition:'.length)),
    offset: Number(offset.slice('Offset:'.length)),
    timestampType,
    timestamp: Number(timestamp ?? -1),
    headers: headers === 'NO_HEADERS' ? [] : headers.split(header).map(toHeader),
    key: bytes(key),
    value: bytes(value),
  }
}

function toHeader(text: string): readonly [string, Buffer | null] {
  const at = text.indexOf(':')
  return [Buffer.from(text.slice(0, at), 'latin1').toString('utf8'), bytes(text.slice(at + 1))]
}

function bytes(text: string): Buffer | null {
  return text === none ? null : Buffer.from(text, 'latin1')
}
