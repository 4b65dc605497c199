import { hints } from '../contract/errors.ts'

/** Why a task or a call failed, in a form that crosses processes. Secrets are already removed. */
export interface Failure {
  readonly name: string
  /** The contract's error code, or how a host died: CRASH, MEMORY, SPIN, STALL, EXIT. */
  readonly code: string
  readonly message: string
  /** Stack with its causes, as people see it in a status. Never empty. */
  readonly trace: string
}

/** Most characters of a trace that are kept. */
const traceMax = 32_768
/** Most characters of a message. */
const messageMax = 8_192

/** Turns whatever was thrown into a failure. `redact` removes secrets. */
export function failureOf(thrown: unknown, redact: (text: string) => string): Failure {
  const error = thrown instanceof Error ? thrown : new Error(`Thrown: ${show(thrown)}`)
  // What decides is the fault of the work, not one of closing afterwards.
  let first: unknown = error
  while (first instanceof Error && suppressedBy(first)) first = suppressedBy(first)!.first
  const cause = first instanceof Error ? first : error
  const code = (cause as { code?: unknown }).code
  return {
    name: cause.name,
    code: typeof code === 'string' ? code : 'BUG',
    message: redact(cause.message).slice(0, messageMax),
    trace: redact(traceOf(error)).slice(0, traceMax) + hintOf(code),
  }
}

function hintOf(code: unknown): string {
  const hint = typeof code === 'string' && Object.hasOwn(hints, code) ? hints[code] : undefined
  return hint === undefined ? '' : `\n(${hint})`
}

/** What to do about an end that the host did not tell of itself. */
const endHints: Readonly<Record<string, string>> = {
  CRASH: 'Native code of a plugin crashed, or the system ended the process, as it does where memory is short.',
  EXIT: 'A plugin ended the process; it should throw an error instead of calling process.exit.',
  MEMORY: 'Give the task more (task.heap.max.mb, task.memory.max.bytes) if its work needs that; if it grows for ever, the plugin leaks.',
  SPIN: 'Some code of a plugin computes without pause; it has to give way now and then by an await, or work in a thread of its own.',
  STALL:
    'A plugin waits for what does not come: is the far side reachable? A long step reports its progress, or task.stall.timeout.ms is raised.',
}

/** A failure that the runtime itself found. */
export function failure(code: string, message: string): Failure {
  const hint = Object.hasOwn(endHints, code) ? `\n(${endHints[code]})` : ''
  return { name: 'TaskFailure', code, message, trace: message.slice(0, traceMax) + hint }
}

/** The error that a failure stands for, on this side of the process boundary. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError'
  readonly code: string
  constructor(failed: Failure) {
    super(failed.message)
    this.code = failed.code
    this.stack = failed.trace
  }
}

function traceOf(error: Error): string {
  const suppressed = suppressedBy(error)
  if (suppressed?.first instanceof Error) return `${traceOf(suppressed.first)}\nWhile closing: ${suppressed.closing}`
  const lines: string[] = []
  const seen = new Set<unknown>()
  let current: unknown = error
  while (current instanceof Error && !seen.has(current) && seen.size < 10) {
    seen.add(current)
    const head = `${current.name}: ${current.message}`
    const stack = current.stack ?? ''
    // A stack is built when the error is made: a name or a message that was set later stands only in the fields.
    const text = stack.startsWith(head) ? stack : `${head}\n${placeOf(current)}${stack.slice(Math.max(0, stack.indexOf('\n    at ') + 1))}`
    lines.push(lines.length === 0 ? text : `Caused by: ${text}`)
    if (current instanceof AggregateError)
      for (const part of current.errors.slice(0, 5)) lines.push(`With: ${part instanceof Error ? part.message : show(part)}`)
    current = current.cause
  }
  return lines.join('\n').trimEnd()
}

/** Where code that cannot be parsed is wrong: Node writes file, line and the piece of code in front of the name. Empty: it does not say. */
function placeOf(error: Error): string {
  if (!(error instanceof SyntaxError)) return ''
  const place = /^(\S*:\d+\n[^]*?)\n\s*SyntaxError\b/.exec(error.stack ?? '')?.[1]
  return place === undefined ? '' : `${place.trimEnd()}\n`
}

/** An error while closing hides the one that came first. Told by its name: Node 22 has no such class of its own. */
function suppressedBy(error: Error): { readonly first: unknown; readonly closing: string } | undefined {
  if (error.name !== 'SuppressedError') return undefined
  const { error: closing, suppressed: first } = error as Error & { error: unknown; suppressed: unknown }
  return { first, closing: closing instanceof Error ? (closing.stack ?? closing.message) : show(closing) }
}

function show(value: unknown): string {
  try {
    return typeof value === 'object' && value !== null ? (JSON.stringify(value) ?? String(value)) : String(value)
  } catch {
    return Object.prototype.toString.call(value) // A value that cannot even be shown is still named by its kind.
  }
}
