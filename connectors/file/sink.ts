import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import {
  ConfigError,
  DataError,
  FencedError,
  GapError,
  type ConfigOf,
  type ConnectRecord,
  type Offsets,
  type SinkTask,
  type TaskContext,
} from '../../core/index.ts'
import type { fileSinkConfig } from './config.ts'
import { openRegular } from './regular-file.ts'
import { renderJson, renderText, type Render } from './render.ts'
import { readState, removeUnfinished, statePath, syncFolder, writeState, type SinkState } from './sink-state.ts'

/** Bytes before the flushed length whose checksum the state keeps. */
const tailBytes = 4096
/** How long after a crash bytes in the file may still be those of the killed worker's last task, rather than of somebody else. */
const leftoverMs = 10_000

/**
 * Appends a line per record. At each flush the file's length and the source's offsets are kept together beside it; on open, what a crash
 * left behind that length is cut off. So a kill at any instant neither loses nor doubles a line. A file that somebody else changed is
 * refused. A task that was left over from a killed worker is fenced: it finds another owner in the state, or the new task finds its bytes
 * and starts again.
 */
export class FileSinkTask implements SinkTask {
  readonly #config: ConfigOf<typeof fileSinkConfig>
  readonly #context: TaskContext
  readonly #render: Render
  readonly #owner = randomUUID()
  #file: FileHandle | undefined
  #state: SinkState | undefined
  /** Bytes in the file by our own account. */
  #length = 0
  #committed: Offsets | undefined
  /** Until then the task of a killed worker may still be writing. */
  #leftoverUntil = 0
  /** Who else wrote to the file: a task left over from a crash, whose bytes are cut off, or somebody for whom a person must decide. */
  #intruder: 'none' | 'leftover' | 'unknown' = 'none'

  constructor(config: ConfigOf<typeof fileSinkConfig>, context: TaskContext) {
    this.#config = config
    this.#context = context
    if (context.task > 0) {
      throw new ConfigError([
        { key: 'tasks.max', message: 'The file sink writes one file by one task; set tasks.max to 1, or give each connector its own file' },
      ])
    }
    this.#render = config.format.toLowerCase() === 'json' ? renderJson(context.converters) : renderText(context.converters)
  }

  async open(): Promise<void> {
    const path = this.#config.file
    const { O_RDWR, O_APPEND, O_CREAT } = constants
    this.#file = (await openRegular(path, O_RDWR | O_APPEND | O_CREAT))!
    await removeUnfinished(path)
    const saved = await readState(path)
    if (saved === undefined) await this.#adopt()
    else await this.#resume(saved)
    // From now on this task owns the file; one left over sees that at its next flush.
    await this.#save({ ...this.#state!, owner: this.#owner, clean: false, generation: this.#context.generation })
  }

  async put(records: readonly ConnectRecord[]): Promise<void> {
    const lines = Buffer.from(await this.#lines(records))
    await this.#expectOwn()
    let written = 0
    try {
      while (written < lines.length) written += (await this.#file!.write(lines, written, lines.length - written)).bytesWritten
    } catch (error) {
      // The caller may put the same records again, so no half of them may stay.
      await this.#file!.truncate(this.#length)
      throw error
    }
    this.#length += lines.length
  }

  async flush(offsets: Offsets): Promise<void> {
    await this.#file!.datasync()
    const tail = await this.#tailSum(this.#length)
    await this.#expectOwn()
    const state = this.#state!
    await this.#save({ ...state, length: this.#length, tail, offsets: { ...state.offsets, ...offsets } })
    this.#committed = this.#state!.offsets
  }

  async committed(): Promise<Offsets | undefined> {
    return this.#committed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    const state = this.#state
    try {
      const settled = this.#intruder === 'unknown' || (this.#intruder === 'none' && state?.length === this.#length)
      if (settled && state?.owner === this.#owner && (await readState(this.#config.file))?.owner === this.#owner) {
        await writeState(this.#config.file, { ...state, clean: true })
      }
    } finally {
      await file.close()
    }
  }

  // No state: whatever the file holds is not ours, and stays.
  async #adopt(): Promise<void> {
    const path = this.#config.file
    const { size } = await this.#file!.stat()
    if (size > 0) {
      const last = Buffer.alloc(1)
      await this.#file!.read(last, 0, 1, size - 1)
      if (last[0] !== 0x0a) {
        throw new ConfigError([
          {
            key: 'file',
            value: path,
            message: `File ${path} does not end with a line break, so a line of ours would continue its last one`,
          },
        ])
      }
    }
    await syncFolder(path)
    this.#length = size
    this.#state = {
      version: 1,
      connector: this.#context.connector,
      generation: this.#context.generation,
      owner: this.#owner,
      clean: false,
      length: size,
      tail: await this.#tailSum(size),
      offsets: {},
    }
  }

  async #resume(saved: SinkState): Promise<void> {
    const path = this.#config.file
    if (saved.connector !== this.#context.connector) {
      const message = `File ${path} belongs to connector "${saved.connector}"; give this one another file, or remove ${statePath(path)} to append to it all the same`
      throw new ConfigError([{ key: 'file', value: path, message }])
    }
    const { size } = await this.#file!.stat()
    const changed = size < saved.length || (saved.clean && size !== saved.length) || (await this.#tailSum(saved.length)) !== saved.tail
    if (changed) {
      throw new GapError(
        `File ${path} was changed by someone else: it was left with ${saved.length} bytes and has ${size}, or other ones. ` +
          `Restore it, or remove ${statePath(path)} and reset the connector's offsets to go on with the file as it is.`,
      )
    }
    if (!saved.clean) this.#leftoverUntil = performance.now() + leftoverMs
    if (size > saved.length) {
      this.#context.log.warn({ file: path, bytes: size - saved.length }, 'Cutting off what was written after the last flush before a crash')
      await this.#file!.truncate(saved.length)
      await this.#file!.sync()
    }
    this.#length = saved.length
    const known = saved.generation === this.#context.generation
    // Nothing flushed yet is not the same as offsets that were reset: the worker's own still count.
    this.#committed = known && Object.keys(saved.offsets).length > 0 ? saved.offsets : undefined
    this.#state = known ? saved : { ...saved, offsets: {} }
  }

  async #lines(records: readonly ConnectRecord[]): Promise<string> {
    const { key, value } = this.#context.converters
    if (key.prepare !== undefined || value.prepare !== undefined) {
      for (const [topic, some] of Map.groupBy(records, (record) => record.topic)) {
        await key.prepare?.(
          topic,
          some.map((record) => ({ schema: record.keySchema, value: record.key })),
        )
        await value.prepare?.(
          topic,
          some.map((record) => ({ schema: record.valueSchema, value: record.value })),
        )
      }
    }
    let text = ''
    const rejected: (readonly [ConnectRecord, Error])[] = []
    for (const record of records) {
      try {
        text += this.#render(record) + '\n'
      } catch (error) {
        if (!(error instanceof DataError)) throw error
        rejected.push([record, error])
      }
    }
    for (const [record, error] of rejected) await this.#context.reject(record, error)
    return text
  }

  // The owner first: a task that was left over might find the length that it knows in a file that went on without it.
  async #expectOwn(): Promise<void> {
    const found = await readState(this.#config.file)
    if (found?.owner !== this.#owner) this.#fence(`File ${this.#config.file} was taken over by another task of the connector`)
    const { size } = await this.#file!.stat()
    if (size === this.#length) return
    const message = `File ${this.#config.file} has ${size} bytes where this task left ${this.#length}: another process writes to it`
    if (performance.now() < this.#leftoverUntil) this.#fence(message)
    this.#intruder = 'unknown'
    throw new GapError(`${message}. Take its bytes out, or remove ${statePath(this.#config.file)} and reset the connector's offsets.`)
  }

  #fence(message: string): never {
    this.#intruder = 'leftover'
    throw new FencedError(message)
  }

  async #save(state: SinkState): Promise<void> {
    await writeState(this.#config.file, state)
    this.#state = state
  }

  async #tailSum(length: number): Promise<number> {
    const tail = Buffer.alloc(Math.min(tailBytes, length))
    const { bytesRead } = await this.#file!.read(tail, 0, tail.length, length - tail.length)
    return crc32(tail.subarray(0, bytesRead))
  }
}
