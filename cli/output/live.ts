import { setTimeout as sleep } from 'node:timers/promises'
import { RestError } from '../rest-client.ts'
import { paint, plain } from './terminal.ts'

/**
 * Draws a picture again and again, until interrupted: over the last one on a terminal, below it elsewhere. A worker that is gone for a while
 * is told and asked again; only the first picture must succeed, else what `draw` throws is thrown.
 */
export async function drawLive(everyMs: number, draw: () => Promise<readonly string[]>): Promise<void> {
  for (let picture = await draw(); ; picture = await again(draw)) {
    process.stdout.write(process.stdout.isTTY ? `\u001b[2J\u001b[H${fitted(picture).join('\n')}\n` : `${picture.join('\n')}\n`)
    await sleep(everyMs)
  }
}

async function again(draw: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await draw()
  } catch (error) {
    if (!(error instanceof RestError)) throw error
    return [paint(plain(error.message), 'red')]
  }
}

/** What the terminal can show: a longer picture would scroll away. */
function fitted(lines: readonly string[]): readonly string[] {
  const rows = (process.stdout.rows ?? 25) - 1
  return lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more`]
}
