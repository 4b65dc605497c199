import { plain } from './terminal.ts'

// `rawJSON` is in V8 since Node 22; TypeScript's library does not declare it yet.
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown }

/** Prints lines of the answer to standard output; nothing for none. */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`)
}

/** Prints a value as JSON to standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Prints an answer's JSON text, indented; numbers keep all their digits. */
export function printJsonText(text: string): void {
  printJson(JSON.parse(text, spelled))
}

/** Says something beside the answer, on standard error. */
export function note(text: string): void {
  process.stderr.write(`${plain(text, true)}\n`)
}

/** For `JSON.parse`: numbers keep their spelling when they are written again. */
export function spelled(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? rawJSON(context.source) : value
}

/** A time (milliseconds since the epoch) as a person reads it, in the local zone. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  const two = (part: number) => String(part).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
