import { isUtf8 } from 'node:buffer'
import { constants } from 'node:fs'
import { stat, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import {
  DataError,
  GapError,
  idle,
  partitionKey,
  primitive,
  record,
  type ConfigOf,
  type ConnectRecord,
  type Offsets,
  type RecordBatch,
  type SourceTask,
  type TaskContext,
} from '../../core/index.ts'
import type { fileSourceConfig } from './config.ts'
import { LineReader, type Line } from './line-reader.ts'
import { checkPosition } from './offsets.ts'
import { openRegular } from './regular-file.ts'

/** How often a file without news is looked at. */
const lookMs = 100
/** Longest wait of one poll, so that a quiet source is still seen to be alive. */
const pollWaitMs = 1000

const textSchema = primitive('string')

/**
 * Follows a file line by line, as Kafka Connect's FileStreamSource does; the position counts bytes. A last line without its end waits for
 * the rest. `tail` in the saved position is a checksum of the bytes before it: a file that was truncated, rewritten or replaced meanwhile
 * is a GapError and never read as if it were the same.
 */
export class FileSourceTask implements SourceTask {
  readonly #config: ConfigOf<typeof fileSourceConfig>
  readonly #context: TaskContext
  readonly #partition: string
  #start: { readonly position: number; readonly tail: number | undefined } = { position: 0, tail: undefined }
  #file: FileHandle | undefined
  #reader: LineReader | undefined

  constructor(config: ConfigOf<typeof fileSourceConfig>, context: TaskContext) {
    this.#config = config
    this.#context = context
    this.#partition = partitionKey({ filename: config.file })
  }

  async open(offsets: Offsets | undefined): Promise<void> {
    const saved = offsets?.[this.#partition] as { position?: unknown; tail?: unknown } | null | undefined
    if (saved !== undefined && saved !== null) {
      checkPosition(saved)
      this.#start = { position: Number(saved.position), tail: typeof saved.tail === 'number' ? saved.tail : undefined }
    }
    await this.#openFile()
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    const until = performance.now() + pollWaitMs
    do {
      const lines = await this.#lines()
      if (lines.length > 0) return this.#batch(lines)
      await wait(lookMs, signal)
    } while (!signal.aborted && performance.now() < until)
    return idle
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #lines(): Promise<Line[]> {
    const reader = this.#reader ?? (await this.#openFile())
    if (reader === undefined) return []
    const most = this.#config['batch.size']
    let lines = reader.take(most)
    while (lines.length === 0) {
      if (!(await reader.fill())) {
        await this.#checkSameFile(reader)
        return []
      }
      lines = reader.take(most)
    }
    return lines
  }

  async #openFile(): Promise<LineReader | undefined> {
    const { file: path, 'line.max.bytes': lineBytesMax } = this.#config
    this.#file = await openRegular(path, constants.O_RDONLY)
    if (this.#file === undefined) {
      if (this.#start.position > 0) {
        throw new GapError(
          `File ${path} is gone; byte ${this.#start.position} of it was reached. Bring it back, or reset the connector's offsets.`,
        )
      }
      this.#context.report({ phase: `waiting for file ${path}` })
      return undefined
    }
    this.#reader = await LineReader.at(this.#file, path, lineBytesMax, this.#start.position, this.#start.tail, crc32)
    this.#context.report({ phase: `following ${path}` })
    return this.#reader
  }

  // All of the opened file is read: only now may another one stand in its place.
  async #checkSameFile(reader: LineReader): Promise<void> {
    const path = this.#config.file
    const opened = await this.#file!.stat()
    // Moved away and not made anew yet: that is told below.
    const named = await stat(path).catch(() => undefined)
    if (named !== undefined && named.ino === opened.ino && named.dev === opened.dev) return
    const rest = reader.partial ? ', but for a last line without its end' : ''
    throw new GapError(
      `File ${path} was ${named === undefined ? 'removed' : 'replaced'} (rotated?) after byte ${reader.position}; all before was read${rest}. ` +
        "Reset the connector's offsets to read the new file from the start.",
    )
  }

  async #batch(lines: readonly Line[]): Promise<RecordBatch> {
    const json = this.#config.format.toLowerCase() === 'json'
    if (json)
      await this.#context.converters.value.prepare?.(
        this.#config.topic,
        lines.map((line) => line.bytes),
      )
    const timestamp = Date.now()
    const records: ConnectRecord[] = []
    const rejected: (readonly [ConnectRecord, DataError])[] = []
    let bytes = 0
    for (const line of lines) {
      bytes += line.bytes.length
      if (json && line.bytes.length === 0) continue
      try {
        records.push(this.#record(line, json, timestamp))
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        const failed = record(this.#config.topic, Buffer.from(line.bytes), {
          valueSchema: bytesSchema,
          timestamp,
          origin: this.#origin(line),
        })
        rejected.push([failed, new DataError(`Line before byte ${line.next} of ${this.#config.file}: ${error.message}`, { cause: error })])
      }
    }
    for (const [failed, error] of rejected) await this.#context.reject(failed, error)
    const reader = this.#reader!
    return { records, bytes, offsets: { [this.#partition]: { position: reader.position, tail: crc32(reader.tail) } } }
  }

  #record(line: Line, json: boolean, timestamp: number): ConnectRecord {
    const { topic } = this.#config
    const origin = this.#origin(line)
    if (json) {
      const { schema, value } = this.#context.converters.value.deserialize(topic, line.bytes)
      return record(topic, value, { valueSchema: schema, timestamp, origin })
    }
    if (!isUtf8(line.bytes)) throw new DataError('it is not UTF-8 text')
    return record(topic, line.bytes.toString('utf8'), { valueSchema: textSchema, timestamp, origin })
  }

  #origin(line: Line) {
    return { partition: this.#partition, position: line.next, seq: 0 }
  }
}

const bytesSchema = primitive('bytes')

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch {
    // Aborted: the caller returns what there is.
  }
}
