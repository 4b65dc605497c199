import { mkdir, open, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Schema } from '../contract/schema.ts'
import type { ConnectRecord } from '../contract/record.ts'

/** Connect's names of the stages at which a record can be rejected. */
export type Stage = 'TRANSFORMATION' | 'TASK_PUT' | 'TASK_POLL'

export interface DeadLetter {
  readonly stage: Stage
  /** Alias of the transform, if that is where it happened. */
  readonly step?: string
  readonly error: Error
  readonly record: ConnectRecord
}

/**
 * Rejected records as JSON lines, one file per task. Written at once, made durable by `sync` before the flush whose offsets pass over them:
 * after a crash a record may stand there twice, never not at all.
 */
export class DeadLetters implements AsyncDisposable {
  readonly #directory: string
  readonly #connector: string
  readonly #task: number
  #file: FileHandle | undefined
  #dirty = false

  constructor(directory: string, connector: string, task: number) {
    this.#directory = directory
    this.#connector = connector
    this.#task = task
  }

  async add({ stage, step, error, record }: DeadLetter): Promise<void> {
    this.#file ??= await this.#open()
    const line = {
      time: new Date().toISOString(),
      connector: this.#connector,
      task: this.#task,
      stage,
      ...(step === undefined ? {} : { step }),
      error: { class: error.name, message: error.message },
      topic: record.topic,
      partition: record.partition,
      timestamp: record.timestamp,
      origin: record.origin,
      key: record.key,
      keySchema: schemaText(record.keySchema),
      value: record.value,
      valueSchema: schemaText(record.valueSchema),
      headers: record.headers.map(({ key, value }) => ({ key, value })),
    }
    await this.#file.appendFile(`${exactJson(line)}\n`)
    this.#dirty = true
  }

  /** Resolved: all that was added is on the disk. */
  async sync(): Promise<void> {
    if (!this.#dirty) return
    await this.#file!.datasync()
    this.#dirty = false
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #open(): Promise<FileHandle> {
    await mkdir(this.#directory, { recursive: true })
    return open(join(this.#directory, `${encodeURIComponent(this.#connector).replaceAll('*', '%2A')}-${this.#task}.jsonl`), 'a')
  }
}

/** JSON in which nothing is lost: 64-bit integers with all digits, bytes as base64, maps as pairs, numbers that JSON lacks as text. */
export function exactJson(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  switch (typeof value) {
    case 'bigint':
      return value.toString()
    case 'number':
      return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
    case 'boolean':
      return String(value)
    case 'object':
      break
    default:
      return JSON.stringify(String(value))
  }
  if (value instanceof Uint8Array) return `{"base64":"${Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')}"}`
  if (Array.isArray(value)) return `[${value.map(exactJson).join(',')}]`
  if (value instanceof Map) return `{"map":[${[...value].map(([key, item]) => `[${exactJson(key)},${exactJson(item)}]`).join(',')}]}`
  if (value instanceof Date) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${exactJson(item)}`)
    .join(',')}}`
}

function schemaText(schema: Schema | null): string | null {
  return schema && (schema.name === null ? schema.type : `${schema.type} ${schema.name}`)
}
