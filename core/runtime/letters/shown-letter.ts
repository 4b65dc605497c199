import { exactJson } from './exact-json.ts'
import type { KeptLetter } from './letter.ts'

/** A value as people see it: text where it is text, else base64. `bytes` is its whole length; null: there is none. */
export type ShownValue = {
  readonly text?: string
  readonly base64?: string
  readonly bytes: number
  /** True: only the beginning is shown. */
  readonly truncated: boolean
} | null

/** A letter as `GET /api/v1/connectors/{c}/dead-letters` lists it. */
export interface ShownLetter {
  /** Names the letter for as long as it exists: file or partition, and the place in it. */
  readonly id: string
  readonly time: string | null
  readonly task: number | null
  readonly stage: string | null
  readonly step: string | null
  readonly class: string | null
  readonly error: { readonly class: string | null; readonly message: string; readonly trace: string | null }
  readonly topic: string | null
  readonly partition: number | null
  readonly offset: number | null
  readonly timestamp: number | null
  readonly key: ShownValue
  readonly value: ShownValue
  readonly headers: readonly { readonly key: string; readonly value: ShownValue }[]
  /** How often it was redriven before it failed again. */
  readonly redriven: number
  /** False: written by an older version, which did not keep the record exactly. */
  readonly redrivable: boolean
}

/** Most bytes of one value that are shown. */
export const shownBytesMax = 65_536

/** The letter without the config's secrets. */
export function showLetter(letter: KeptLetter, redact: (text: string) => string): ShownLetter {
  const { raw, record, shown, error } = letter
  const bytes = (content: Uint8Array | null) => showBytes(content, redact)
  const json = (content: unknown) => (content === null ? null : showBytes(Buffer.from(exactJson(content)), redact))
  return {
    id: letterId(letter),
    time: letter.timeMs === null ? null : new Date(letter.timeMs).toISOString(),
    task: letter.task,
    stage: letter.stage,
    step: letter.step,
    class: letter.class,
    error: {
      class: error.class,
      message: redact(error.message),
      trace: error.trace === null ? null : redact(error.trace),
    },
    topic: letter.topic,
    partition: letter.partition,
    offset: letter.offset,
    timestamp: letter.timestamp,
    key: raw ? bytes(raw.key) : json(record ? record.key : (shown?.key ?? null)),
    value: raw ? bytes(raw.value) : json(record ? record.value : (shown?.value ?? null)),
    headers: raw
      ? raw.headers.map((header) => ({ key: header.key, value: bytes(header.value) }))
      : (record?.headers ?? []).map((header) => ({ key: header.key, value: json(header.value) })),
    redriven: letter.redriven,
    redrivable: raw !== null || record !== null,
  }
}

/** The name of a letter. */
export function letterId({ unit, at }: { readonly unit: string; readonly at: number }): string {
  return `${unit}:${at}`
}

/** Where a letter lies; undefined: that is no name of one. */
export function placeOfId(id: string): { readonly unit: string; readonly at: number } | undefined {
  const match = /^([^/\\]+):(\d{1,15})$/.exec(id)
  return match ? { unit: match[1]!, at: Number(match[2]) } : undefined
}

function showBytes(content: Uint8Array | null, redact: (text: string) => string): ShownValue {
  if (content === null) return null
  const bytes = content.length
  const truncated = bytes > shownBytesMax
  const text = textOf(content)
  // Secrets are looked for before the cut, which might tear one apart.
  if (text !== undefined) return { text: truncated ? redact(text).slice(0, shownBytesMax) : redact(text), bytes, truncated }
  return { base64: Buffer.from(content.subarray(0, shownBytesMax)).toString('base64'), bytes, truncated }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** undefined: not text, or text with control characters. */
function textOf(content: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(content)
    // oxlint-disable-next-line no-control-regex
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text
  } catch {
    return undefined // Not UTF-8.
  }
}
