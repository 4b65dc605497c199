/** Colours are for people at a terminal who did not decline them (no-color.org). */
export function hasColours(stream: NodeJS.WriteStream = process.stdout): boolean {
  return stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
}

/** Columns of the terminal; undefined where nobody looks at one: then nothing is cut. */
export function terminalWidth(): number | undefined {
  return process.stdout.isTTY === true ? process.stdout.columns || 80 : undefined
}

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'
const codes: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 }

/** The text in a colour, on a standard output that shows colours. */
export function paint(text: string, colour: Colour | undefined, stream: NodeJS.WriteStream = process.stdout): string {
  return colour === undefined || text === '' || !hasColours(stream) ? text : `\u001b[${codes[colour]}m${text}\u001b[0m`
}

/** The colour of a connector's or task's state. */
export function stateColour(state: string): Colour | undefined {
  if (state === 'RUNNING') return 'green'
  if (state === 'FAILED') return 'red'
  if (state === 'PAUSED' || state === 'STOPPED') return 'yellow'
  return state === 'UNASSIGNED' || state === 'RESTARTING' ? 'cyan' : undefined
}

/**
 * Text from elsewhere, safe to print: characters that steer a terminal or turn the direction of writing are shown as \u escapes.
 * `lines`: newlines and tabs stay.
 */
export function plain(text: string, lines = false): string {
  // oxlint-disable-next-line no-control-regex -- these are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (found) =>
    lines && (found === '\n' || found === '\t') ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Whether a person is there to be asked. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true
}

/** Asks the person at the terminal; anything but y or yes is no, and so are the end of input and an interrupt. */
export async function confirm(question: string): Promise<boolean> {
  const { createInterface } = await import('node:readline')
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await new Promise<string>((resolve) => {
    asking.once('close', () => resolve(''))
    asking.once('SIGINT', () => resolve(''))
    asking.question(`${question} [y/N] `, resolve)
  })
  asking.close()
  return /^y(es)?$/i.test(answer.trim())
}
