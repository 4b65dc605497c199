import { RetriableError, type Json } from '../../core/index.ts'
import type { Answer } from './client.ts'
import type { Operation } from './operation.ts'

/** What became of one operation. */
export type Outcome =
  /** `newer`: it changed nothing, as the document has a newer version; the server's words. */
  | { readonly kind: 'done'; readonly newer?: string }
  /** Brief trouble of the server: the same may go well the next time. `missing`: the index is not there. */
  | { readonly kind: 'again'; readonly reason: string; readonly missing?: boolean }
  /** This document can never pass. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Nothing can pass, such as without a right. */
  | { readonly kind: 'fatal'; readonly reason: string }

const done: Outcome = { kind: 'done' }

interface Fault {
  readonly type?: string
  readonly reason?: string
  readonly caused_by?: Fault
}

interface Item {
  readonly status: number
  readonly error?: Fault | string
}

/** Undefined: every operation is done. Else the outcome of each, in their order. Throws a RetriableError for an answer that is no bulk's. */
export function bulkOutcomes(answer: Answer, operations: readonly Operation[], whole: boolean): readonly Outcome[] | undefined {
  if (answer.text.startsWith('{"errors":false')) return undefined
  const { items } = parsed(answer) as { readonly items?: readonly Readonly<Record<string, Item>>[] }
  if (items?.length !== operations.length) {
    throw new RetriableError(
      `The server answered a bulk request of ${operations.length} with ${items?.length ?? 'no'} items: ${answer.text.slice(0, 200)}`,
    )
  }
  return items.map((item, index) => outcomeOf(Object.values(item)[0]!, operations[index]!, whole))
}

/** For the status of one operation, or of a whole request of one. */
function outcomeOf({ status, error }: Item, operation: Operation, whole: boolean): Outcome {
  if (status >= 200 && status < 300) return done
  const type = typeof error === 'object' ? error.type : undefined
  const reason = faultText(error, status, whole)
  if (status === 404 && type === 'index_not_found_exception' && operation.kind !== 'delete') return { kind: 'again', reason, missing: true }
  // Gone already, as after a replay.
  if (status === 404 && operation.kind === 'delete') return done
  // A newer version is there, or the document of this very record.
  if (status === 409 && operation.versioned) return { kind: 'done', newer: reason }
  if (status === 409) return operation.kind === 'create' ? done : { kind: 'again', reason }
  if (status === 408 || status === 429 || status >= 500) return { kind: 'again', reason }
  // A block on an index (a full disk) goes away; a right that is missing does not.
  if (status === 403 && type === 'cluster_block_exception') return { kind: 'again', reason }
  // Closed for a while by a person; its documents are as good as before.
  if (type === 'index_closed_exception') return { kind: 'again', reason }
  // An alias of several indices of which none is for writing: no document would pass.
  if (status === 401 || status === 403 || reason.includes('no write index is defined for alias')) return { kind: 'fatal', reason }
  return { kind: 'refused', reason }
}

/** What an answer to a whole request says beside 2xx: `smaller`: parts of it may pass. */
export function requestFault({ status, text }: Answer): 'again' | 'smaller' | 'fatal' {
  if (status === 408 || status === 429 || status >= 500) return 'again'
  if (status === 400 || status === 413) return 'smaller'
  return status === 403 && text.includes('cluster_block_exception') ? 'again' : 'fatal'
}

/** The reason in the server's words; its details may quote the record, so they come only where that is wanted. */
export function reasonOf(answer: Answer, whole = false): string {
  let error: unknown
  try {
    error = (JSON.parse(answer.text) as { readonly error?: Json }).error
  } catch {
    // Something else than Elasticsearch may have answered, such as a proxy in HTML.
    return `status ${answer.status}: ${answer.text.slice(0, 200)}`
  }
  return faultText(error as Fault | string | undefined, answer.status, whole)
}

/** The parsed body of an answer. Throws a RetriableError where it is no JSON. */
export function parsed(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text)
  } catch (cause) {
    throw new RetriableError(`The server answered with status ${answer.status} and no JSON: ${answer.text.slice(0, 200)}`, { cause })
  }
}

/** Values stand in the reasons after "Preview of field's value" and in nested causes. */
function faultText(error: Fault | string | undefined, status: number, whole: boolean): string {
  if (error === undefined || error === null) return `status ${status}`
  if (typeof error === 'string') return error
  const own = `${error.type ?? `status ${status}`}: ${error.reason ?? ''}`
  if (!whole) return own.replace(/\s*Preview of field's value:.*$/s, '').replace(/For input string: ".*?"/s, 'For input string')
  return error.caused_by ? `${own} (${faultText(error.caused_by, status, whole)})` : own
}
