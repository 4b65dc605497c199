import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import {
  DataError,
  defineConfig,
  definePlugin,
  idle,
  partitionKey,
  record,
  source,
  structOf,
  types,
  wait,
  type ConfigOf,
  type Offsets,
  type RecordBatch,
  type SourceTask,
} from 'millrace'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** Types, defaults, validation and documentation of the settings, from one constant. */
export const config = defineConfig({
  file: { type: 'string', required: true, doc: 'File with an item on each line, as JSON such as {"id": 1, "text": "..."}; ids rise.' },
  topic: { type: 'string', required: true, doc: 'Topic of the records.' },
  'batch.max.rows': { type: 'int', default: 500, min: 1, doc: 'Most records of a batch.' },
  'poll.interval.ms': { type: 'int', default: 1000, min: 1, doc: 'Milliseconds between two looks at the file when nothing is new.' },
})

const keySchema = structOf({ id: types.int64 })
const valueSchema = structOf({ id: types.int64, text: types.string })

interface Item {
  readonly id: number
  readonly text: string
}

/** One task: opened where it was saved last, polled for batches, disposed at the end. */
class ItemSource implements SourceTask {
  readonly #config: ConfigOf<typeof config>
  readonly #partition: string
  #lastId = 0

  constructor(settings: ConfigOf<typeof config>) {
    this.#config = settings
    this.#partition = partitionKey({ file: settings.file })
  }

  async open(offsets: Offsets | undefined): Promise<void> {
    this.#lastId = Number(offsets?.[this.#partition] ?? 0)
  }

  /** `offsets` is where to go on after the last record: it is saved once the sink has the records for good. */
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    const items = await itemsAfter(this.#lastId, this.#config)
    const last = items.at(-1)
    if (!last) {
      await wait(this.#config['poll.interval.ms'], signal)
      return idle
    }
    this.#lastId = last.id
    return { records: items.map((item) => this.#record(item)), offsets: { [this.#partition]: last.id } }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Close here what `open` opened: connections, timers, watchers.
  }

  #record({ id, text }: Item) {
    return record(
      this.#config.topic,
      { id: BigInt(id), text },
      {
        key: { id: BigInt(id) },
        keySchema,
        valueSchema,
        // The record's own place: the same however often it is read, so that sinks can drop what they have.
        origin: { partition: this.#partition, position: id, seq: 0 },
      },
    )
  }
}

/** Stands for your system: the items after an id, in order. Throw a RetriableError where it does not answer just now (`answerError` and `requestError` do for HTTP). */
async function itemsAfter(id: number, { file, 'batch.max.rows': most }: ConfigOf<typeof config>): Promise<readonly Item[]> {
  const text = await readFile(file, 'utf8')
  // What follows the last line break is still being written.
  const lines = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
  return lines
    .map(itemOf)
    .filter((item) => item.id > id)
    .slice(0, most)
}

function itemOf(line: string): Item {
  const { id, text } = JSON.parse(line) as Partial<Item>
  if (!Number.isSafeInteger(id) || typeof text !== 'string') throw new DataError(`${line} is no item: {"id": number, "text": string}`)
  return { id: id!, text }
}

export default definePlugin({
  name: '{{package}}',
  version,
  api: 1,
  sources: [
    source({
      class: '{{class}}',
      aliases: ['{{alias}}'],
      doc: 'Reads the items of a file, a record for each.',
      config,
      create: (settings) => new ItemSource(settings),
    }),
  ],
})
