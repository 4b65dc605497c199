import { createRequire } from 'node:module'
import { mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DataError,
  defineConfig,
  definePlugin,
  jsonText,
  sink,
  type ConfigOf,
  type ConnectRecord,
  type Offsets,
  type SinkTask,
  type TaskContext,
} from 'millrace'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** Types, defaults, validation and documentation of the settings, from one constant. */
export const config = defineConfig({
  folder: {
    type: 'string',
    required: true,
    doc: 'Folder of the files; it is created. Each flush adds a file with the records and the positions after them.',
  },
})

/**
 * The first line of a file: what its flush came with. Records and offsets are in one file, so that both are there or neither is: that makes the
 * sink exactly once.
 */
interface Head {
  readonly generation: number
  readonly offsets: Offsets
}

class PartSink implements SinkTask {
  readonly #folder: string
  readonly #context: TaskContext
  #pending: string[] = []
  #next = 1
  #committed: Offsets | undefined

  constructor(settings: ConfigOf<typeof config>, context: TaskContext) {
    this.#folder = join(settings.folder, `task-${context.task}`)
    this.#context = context
  }

  /** Finds out what the task before this one committed. */
  async open(): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    const numbers = (await readdir(this.#folder)).flatMap((name) => Number(/^(\d+)\.jsonl$/.exec(name)?.[1] ?? []))
    const last = Math.max(0, ...numbers)
    this.#next = last + 1
    if (last === 0) return
    const text = await readFile(join(this.#folder, `${last}.jsonl`), 'utf8')
    const { generation, offsets } = JSON.parse(text.slice(0, text.indexOf('\n'))) as Head
    // Another generation: a person has reset the connector, and what was committed before says nothing about it.
    if (generation === this.#context.generation) this.#committed = offsets
  }

  /** Takes the records; they may wait in memory until the flush. A record that cannot be taken goes to the dead letters by `context.reject`. */
  async put(records: readonly ConnectRecord[]): Promise<void> {
    for (const record of records) {
      if (record.value === null) await this.#context.reject(record, new DataError('A record without a value cannot be written'))
      else this.#pending.push(jsonText(record.value))
    }
  }

  /** Resolves when all that was put is durable, together with the offsets. */
  async flush(offsets: Offsets, kill: AbortSignal): Promise<void> {
    kill.throwIfAborted()
    if (this.#pending.length > 0) {
      const head: Head = { generation: this.#context.generation, offsets }
      const path = join(this.#folder, `${this.#next}.jsonl`)
      await writeFile(`${path}.tmp`, `${[JSON.stringify(head), ...this.#pending].join('\n')}\n`, { flush: true })
      await rename(`${path}.tmp`, path)
      await syncFolder(this.#folder)
      this.#next++
      this.#pending = []
    }
    this.#committed = offsets
  }

  /** The truth on restart: the offsets that were committed with the data. */
  async committed(): Promise<Offsets | undefined> {
    return this.#committed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Close here what `open` opened: connections, timers, pools. What was put and not flushed is dropped: it comes again.
  }
}

/** A new name is durable once its folder is; Windows has no such step. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export default definePlugin({
  name: '{{package}}',
  version,
  api: 1,
  sinks: [
    sink({
      class: '{{class}}',
      aliases: ['{{alias}}'],
      doc: 'Writes records into files of a folder, exactly once.',
      config,
      create: (settings, context) => new PartSink(settings, context),
    }),
  ],
})
