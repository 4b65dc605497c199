import type { Json } from 'millrace'

/** Where the source stands after the last record that it gave. */
export interface Position {
  /** Sent with the next request; null: the first one. */
  readonly cursor: string | null
  /** Records given so far: the place of each record in the whole stream. */
  readonly count: number
  /** Items that lie on the cursor and were given: they may come again, and are passed over. */
  readonly seen: readonly string[]
  /** What the last answer to the request with this cursor was marked with: the same answer need not be sent again. */
  readonly etag: string | null
  readonly modified: string | null
}

export const start: Position = { cursor: null, count: 0, seen: [], etag: null, modified: null }

/** A saved position. Throws a TypeError for what is none: a person may have written it. */
export function readPosition(saved: Json | undefined): Position {
  if (saved === undefined || saved === null) return start
  if (typeof saved !== 'object' || Array.isArray(saved)) throw refusal(saved)
  const { cursor = null, count = 0, seen = [], etag = null, modified = null } = saved as { readonly [key in keyof Position]?: Json }
  const isTextOrNull = (value: Json): value is string | null => value === null || typeof value === 'string'
  if (!isTextOrNull(cursor) || !isTextOrNull(etag) || !isTextOrNull(modified)) throw refusal(saved)
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) throw refusal(saved)
  if (!Array.isArray(seen) || !seen.every((id) => typeof id === 'string')) throw refusal(saved)
  return { cursor, count, seen: seen as readonly string[], etag, modified }
}

function refusal(saved: Json): TypeError {
  return new TypeError(`A position is {"cursor": text or null, "count": records given so far, "seen": [ids]}, not ${JSON.stringify(saved)}`)
}
