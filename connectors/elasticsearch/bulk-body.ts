import type { Operation } from './operation.ts'

const newline = 10

/** The lines of a bulk request. */
export function bulkBody(operations: readonly Operation[]): Uint8Array {
  return operations.every(({ document }) => typeof document !== 'object' || document === null)
    ? textBody(operations)
    : mixedBody(operations)
}

function textBody(operations: readonly Operation[]): Uint8Array {
  let text = ''
  for (const { action, document } of operations) {
    text += document === null ? `${action}\n` : `${action}\n${document as string}\n`
  }
  return Buffer.from(text)
}

/** Bytes are copied as they are; texts, mostly short, are encoded in place. */
function mixedBody(operations: readonly Operation[]): Uint8Array {
  let most = 0
  for (const { action, document } of operations)
    most += action.length * 3 + 2 + (typeof document === 'string' ? document.length * 3 : (document?.length ?? 0))
  const body = Buffer.allocUnsafe(most)
  let at = 0
  for (const { action, document } of operations) {
    at += body.write(action, at)
    body[at++] = newline
    if (document === null) continue
    if (typeof document === 'string') at += body.write(document, at)
    else {
      body.set(document, at)
      at += document.length
    }
    body[at++] = newline
  }
  return body.subarray(0, at)
}
