import type { TaskContext } from '../../contract/context.ts'
import { record, type ConnectRecord, type Header, type RawHeader } from '../../contract/record.ts'
import type { SinkTask } from '../../contract/sink.ts'
import { javaName, letterTrace, type DeadLetter, type LetterBox } from './letter.ts'
import { exactRecordText } from './line.ts'

/** Connect's prefix of the headers that tell what happened (KIP-298). */
export const contextPrefix = '__connect.errors.'
/** How often the record was redriven; absent: never. */
export const redriveCountHeader = 'millrace.redrive.count'
/** `exact`: the value is the record in the form of a folder's letters. `chained`: as that, and the chain is behind it. */
export const formHeader = 'millrace.letter.form'

export interface TopicBoxSettings {
  readonly topic: string
  /** Whether Connect's ten headers are written. */
  readonly contextHeaders: boolean
  readonly connector: string
  readonly task: number
  readonly redact: (text: string) => string
  /** Aborts when waiting for the topic is no longer wanted. */
  readonly kill: AbortSignal
}

/**
 * Dead letters as messages of a Kafka topic, as Connect writes them: the original key, value and headers, and, where enabled, ten headers that
 * tell what happened. A record that never was bytes is written by the connector's converters, or where those refuse it in an exact JSON form.
 * Nothing is dropped: a letter that cannot be written fails the task.
 */
export class TopicBox implements LetterBox {
  readonly #sink: SinkTask
  readonly #settings: TopicBoxSettings
  readonly #converters: TaskContext['converters']
  #dirty = false

  /** `sink` writes bytes as they are; `converters` are the connector's own. */
  constructor(sink: SinkTask, settings: TopicBoxSettings, converters: TaskContext['converters']) {
    this.#sink = sink
    this.#settings = settings
    this.#converters = converters
  }

  async add(letter: DeadLetter): Promise<void> {
    this.#dirty = true
    await this.#sink.put([await this.#message(letter)], this.#settings.kill)
  }

  async sync(kill: AbortSignal): Promise<void> {
    if (!this.#dirty) return
    await this.#sink.flush?.({}, kill)
    this.#dirty = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink[Symbol.asyncDispose]()
  }

  async #message(letter: DeadLetter): Promise<ConnectRecord> {
    const { topic, contextHeaders } = this.#settings
    const { key, value, headers, form } = await this.#bytes(letter)
    const own: RawHeader[] = contextHeaders ? this.#context(letter) : []
    if (letter.redriven > 0) own.push({ key: redriveCountHeader, value: Buffer.from(String(letter.redriven)) })
    if (form !== null) own.push({ key: formHeader, value: Buffer.from(form) })
    const { timestamp } = letter.record.origin?.raw ?? letter.record
    return record(topic, value, { key, timestamp, headers: [...headers.filter(isNotOurs), ...own].map(plainHeader) })
  }

  async #bytes({ record: one, chained }: DeadLetter): Promise<{
    readonly key: Uint8Array | null
    readonly value: Uint8Array | null
    readonly headers: readonly RawHeader[]
    readonly form: string | null
  }> {
    const raw = one.origin?.raw
    if (raw) return { key: raw.key, value: raw.value, headers: raw.headers, form: null }
    const { key, value, header } = this.#converters
    if (!chained) {
      try {
        const [keyData, valueData] = [
          { schema: one.keySchema, value: one.key },
          { schema: one.valueSchema, value: one.value },
        ]
        await key.prepare?.(one.topic, [keyData])
        await value.prepare?.(one.topic, [valueData])
        await header.prepare?.(
          one.topic,
          one.headers.map((part) => ({ schema: part.schema, value: part.value })),
        )
        return {
          key: key.serialize(one.topic, keyData),
          value: value.serialize(one.topic, valueData),
          headers: one.headers.map((part) => ({
            key: part.key,
            value: header.serialize(one.topic, { schema: part.schema, value: part.value }),
          })),
          form: null,
        }
      } catch {
        // What the converters cannot write is often the very reason of the letter: then the exact form is.
      }
    }
    return { key: null, value: Buffer.from(exactRecordText(one)), headers: [], form: chained ? 'chained' : 'exact' }
  }

  #context({ stage, class: at, error, record: one }: DeadLetter): RawHeader[] {
    const { connector, task, redact } = this.#settings
    const raw = one.origin?.raw
    const headers: readonly (readonly [string, string | null])[] = [
      ['topic', raw?.topic ?? one.topic],
      ['partition', numberText(raw ? raw.partition : one.partition)],
      ['offset', numberText(raw ? raw.offset : (one.origin?.position ?? null))],
      ['connector.name', connector],
      ['task.id', String(task)],
      ['stage', stage],
      ['class.name', at],
      ['exception.class.name', javaName(error)],
      ['exception.message', redact(error.message)],
      ['exception.stacktrace', redact(letterTrace(error))],
    ]
    return headers.map(([key, text]) => ({ key: contextPrefix + key, value: text === null ? null : Buffer.from(text) }))
  }
}

/** A redriven letter that fails again tells of its last failure alone. */
function isNotOurs({ key }: RawHeader): boolean {
  return !key.startsWith(contextPrefix) && key !== redriveCountHeader && key !== formHeader
}

function plainHeader({ key, value }: RawHeader): Header {
  return { key, value, schema: null }
}

function numberText(value: number | null): string | null {
  return value === null ? null : String(value)
}
