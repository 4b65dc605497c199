import { treeText, type Tree } from '../core/runtime/preview/exact-tree.ts'

/** As much of a preview's answer as the picture needs (core/rest/openapi-preview.ts has all of it). */
interface Answer {
  readonly records: readonly PreviewedRecord[]
  readonly recordsLeftOut: number
  readonly plan: readonly string[] | null
  readonly notes: readonly string[]
}

interface PreviewedRecord {
  readonly before: ShownRecord
  readonly steps: readonly Step[]
  readonly outcome: 'passed' | 'dropped' | 'rejected'
  readonly rejected: { readonly stage: string; readonly step: string | null; readonly error: string; readonly message: string } | null
  readonly after: ShownRecord | null
  readonly bytes: {
    readonly key: Bytes
    readonly value: Bytes
    readonly headers: readonly { readonly key: string; readonly value: Bytes }[]
  } | null
}

interface ShownRecord {
  readonly topic: string
  readonly key: Tree
  readonly value: Tree
  readonly headers: readonly { readonly key: string; readonly value: Tree }[]
  readonly unfit?: readonly string[]
}

interface Step {
  readonly step: string
  readonly class: string
  readonly predicate: { readonly name: string; readonly matched: boolean | null; readonly negated: boolean } | null
  readonly applied: boolean
  readonly outcome: 'passed' | 'dropped' | 'rejected'
  readonly error: { readonly error: string; readonly message: string } | null
  readonly record: ShownRecord | null
  readonly changes: readonly {
    readonly path: string
    readonly change: 'added' | 'removed' | 'changed'
    readonly before?: Tree
    readonly after?: Tree
  }[]
  readonly changesLeftOut: number
}

type Bytes = {
  readonly text?: string
  readonly base64?: string
  readonly length?: number
  readonly error?: string
  readonly message?: string
  readonly note?: string
} | null

type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold'
const codes: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 }
type Paint = (colour: Colour, text: string) => string

/** Characters of one value that are shown; all of it is in --output json. */
const valueMax = 400

/** A preview's answer as lines for a terminal: each record, and what each step changed in it. */
export function previewPicture(answer: Tree, coloured: boolean): readonly string[] {
  const { records, recordsLeftOut, plan, notes } = answer as unknown as Answer
  const paint: Paint = (colour, text) => (coloured ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text)
  const lines = records.flatMap((record, index) => [...recordLines(record, index + 1, paint), ''])
  if (recordsLeftOut > 0) lines.push(paint('yellow', `${recordsLeftOut} more records are left out: the answer would be too large`), '')
  if (plan) {
    lines.push(paint('bold', 'What the sink would do'))
    if (plan.length === 0) lines.push('  Nothing: no record reaches it')
    for (const line of plan) lines.push(`  ${paint(line.startsWith('REFUSED') ? 'red' : 'green', printable(line))}`)
    lines.push('')
  }
  for (const note of notes) lines.push(paint('yellow', printable(note)))
  while (lines.at(-1) === '') lines.pop()
  return lines
}

/** True where a record is rejected, by the chain, a converter or the sink. */
export function isRefused(answer: Tree): boolean {
  const { records, plan } = answer as unknown as Answer
  return records.some(({ outcome }) => outcome === 'rejected') || (plan ?? []).some((line) => line.startsWith('REFUSED'))
}

function recordLines({ before, steps, outcome, rejected, after, bytes }: PreviewedRecord, number: number, paint: Paint): readonly string[] {
  const lines = [paint('bold', `Record ${number}`), ...contentLines(before, '  ', paint)]
  for (const step of steps) lines.push(...stepLines(step, paint))
  if (outcome === 'dropped') return lines
  if (rejected) {
    // A step's own line has said it already.
    const fault = `${rejected.stage}: ${printable(rejected.error)}: ${printable(rejected.message)}`
    if (rejected.step === null) lines.push(`  ${paint('red', `REJECTED ${fault}`)}`)
  } else if (after && steps.some(({ changes }) => changes.length > 0)) {
    lines.push(`  ${paint('bold', 'result')}`, ...contentLines(after, '    ', paint))
  }
  if (bytes) {
    lines.push(`  ${paint('bold', 'bytes')}`)
    for (const [name, part] of [
      ['key', bytes.key],
      ['value', bytes.value],
    ] as const)
      lines.push(`    ${name.padEnd(6)}${bytesText(part, paint)}`)
    for (const { key, value } of bytes.headers) lines.push(`    header ${printable(key)}  ${bytesText(value, paint)}`)
  }
  return lines
}

function contentLines({ topic, key, value, headers, unfit }: ShownRecord, indent: string, paint: Paint): readonly string[] {
  return [
    `${indent}topic ${printable(topic)}`,
    `${indent}key   ${valueText(key)}`,
    `${indent}value ${valueText(value)}`,
    ...headers.map((header) => `${indent}header ${printable(header.key)} ${valueText(header.value)}`),
    ...(unfit ?? []).map((text) => `${indent}${paint('red', `does not fit its schema: ${printable(text)}`)}`),
  ]
}

function stepLines(
  { step, class: name, predicate, applied, outcome, error, record, changes, changesLeftOut }: Step,
  paint: Paint,
): readonly string[] {
  const lines = [`  ${paint('bold', printable(step))} ${paint('dim', printable(name))}${predicateText(predicate, applied)}`]
  if (outcome === 'dropped') lines.push(`    ${paint('yellow', 'DROPPED')}`)
  else if (error) lines.push(`    ${paint('red', `REJECTED ${printable(error.error)}: ${printable(error.message)}`)}`)
  else if (applied && changes.length === 0) lines.push(`    ${paint('dim', 'no change')}`)
  for (const { path, change, before, after } of changes) {
    const place = printable(path)
    if (change === 'added') lines.push(`    ${paint('green', `+ ${place} ${valueText(after)}`)}`)
    else if (change === 'removed') lines.push(`    ${paint('red', `- ${place} ${valueText(before)}`)}`)
    else if (before === undefined) lines.push(`    ${paint('yellow', `~ ${place}`)}`)
    else lines.push(`    ${paint('red', `- ${place} ${valueText(before)}`)}`, `    ${paint('green', `+ ${place} ${valueText(after)}`)}`)
  }
  if (changesLeftOut > 0) lines.push(`    ${paint('dim', `${changesLeftOut} more changes: see --output json`)}`)
  for (const text of record?.unfit ?? []) lines.push(`    ${paint('red', `does not fit its schema: ${printable(text)}`)}`)
  return lines
}

function predicateText(predicate: Step['predicate'], applied: boolean): string {
  if (!predicate) return ''
  const verdict = predicate.matched === null ? 'failed' : predicate.matched ? 'true' : 'false'
  return ` (predicate ${printable(predicate.name)} is ${verdict}${predicate.negated ? ', negated' : ''}${applied ? '' : ': not applied'})`
}

function bytesText(bytes: Bytes, paint: Paint): string {
  if (bytes === null) return 'null'
  if (bytes.error !== undefined)
    return paint('red', `${printable(`${bytes.error}: ${bytes.message}`)}${bytes.note ? ` (${bytes.note})` : ''}`)
  const content = bytes.text === undefined ? `base64 ${cut(bytes.base64 ?? '')}` : cut(printable(bytes.text))
  return `${content}  ${paint('dim', `${bytes.length} bytes`)}`
}

function valueText(value: Tree | undefined): string {
  return cut(printable(treeText(value ?? null)))
}

function cut(text: string): string {
  return text.length <= valueMax ? text : `${text.slice(0, valueMax)}... (${text.length} characters)`
}

/** Records are foreign text: what would move the cursor, colour the terminal or turn the writing around is shown by its number. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
