import type { ConverterStage } from '../../contract/context.ts'
import type { Json } from '../../contract/json.ts'
import type { ConnectRecord, RawRecord } from '../../contract/record.ts'

/** Connect's names of the stages at which a record can be rejected (KIP-298). */
export type Stage = ConverterStage | 'TRANSFORMATION' | 'TASK_PUT' | 'TASK_POLL' | 'KAFKA_PRODUCE' | 'KAFKA_CONSUME'

/** A record that could not pass, and why. */
export interface DeadLetter {
  readonly stage: Stage
  /** Alias of the transform, if that is where it happened. */
  readonly step?: string
  /** Class that was at work: a converter, a transform, an end. */
  readonly class: string
  readonly error: Error
  /** As the source gave it, where that is still known; else as it stood (`chained`). */
  readonly record: ConnectRecord
  /** True: the chain's transforms are already applied to the record, and it is not known what it was before. */
  readonly chained: boolean
  /** How often it was redriven before. */
  readonly redriven: number
}

/** Where rejected records are kept. */
export interface LetterBox extends AsyncDisposable {
  /** Resolved: it is written, though perhaps not durable yet. Rejected: it is not kept, and the task must not go on. */
  add(letter: DeadLetter): Promise<void>
  /** Resolved: all that was added is durable. */
  sync(kill: AbortSignal): Promise<void>
}

/** A letter as it is read back. */
export interface KeptLetter {
  /** Where it lies: one file or partition, and the place in it. Stays the same for as long as the letter exists. */
  readonly unit: string
  readonly at: number
  /** When it was rejected; null: not noted. */
  readonly timeMs: number | null
  readonly task: number | null
  readonly stage: string | null
  readonly step: string | null
  readonly class: string | null
  readonly error: { readonly class: string | null; readonly message: string; readonly trace: string | null }
  readonly topic: string | null
  readonly partition: number | null
  readonly offset: number | null
  readonly timestamp: number | null
  readonly redriven: number
  /** The bytes that it was read from; null: its source had none. */
  readonly raw: RawRecord | null
  /** The record itself, exactly; null: only its bytes are kept, or it was written by a version that did not keep it. */
  readonly record: ConnectRecord | null
  readonly chained: boolean
  /** The readable form of key and value where neither bytes nor record are kept. */
  readonly shown: { readonly key: Json; readonly value: Json } | null
}

/** Most characters of a stack trace that a letter carries. */
export const letterTraceMax = 8_192

const javaNames: Readonly<Record<string, string>> = {
  DATA: 'org.apache.kafka.connect.errors.DataException',
  RETRIABLE: 'org.apache.kafka.connect.errors.RetriableException',
  CONFIG: 'org.apache.kafka.common.config.ConfigException',
  FENCED: 'org.apache.kafka.common.errors.ProducerFencedException',
}

/** The class of an error as Java would print it; ours where Java has no equal. */
export function javaName(error: Error): string {
  const { code } = error as { code?: unknown }
  return (typeof code === 'string' && Object.hasOwn(javaNames, code) ? javaNames[code] : undefined) ?? error.name
}

/** The error's stack with its causes, bounded. */
export function letterTrace(error: Error): string {
  const lines: string[] = []
  let current: unknown = error
  for (let depth = 0; current instanceof Error && depth < 5; depth++) {
    const text = current.stack ?? `${current.name}: ${current.message}`
    lines.push(depth === 0 ? text : `Caused by: ${text}`)
    current = current.cause
  }
  return lines.join('\n').slice(0, letterTraceMax)
}
