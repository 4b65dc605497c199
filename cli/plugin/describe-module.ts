import type { PluginDescription } from '../../core/runtime/plugins/describe.ts'
import { HostPool } from '../../core/runtime/host-pool.ts'
import { processHosting } from '../../core/runtime/hosting.ts'
import { Loggers } from '../../core/runtime/loggers.ts'
import { MemoryStore } from '../../core/store/memory.ts'

/** Bounds of the process in which a plugin's module is imported once. Its code may do anything: megabytes, bytes, milliseconds. */
const limits = { heapMaxMb: 256, memoryMaxBytes: 1_000_000_000, heartbeatTimeoutMs: 10_000 }
const importTimeoutMs = 30_000

/**
 * Imports a plugin's module in a process of its own, which ends with it, and answers what its code offers. Rejects with the module's own error
 * (its `stack` is the trace over there), or where the process died, spun or took longer than 30 seconds.
 */
export async function describeModule(module: string): Promise<PluginDescription> {
  const open = processHosting('ignore')
  const log = new Loggers({ level: 'OFF' }).logger('millrace.describe')
  const pool = new HostPool({
    open: { process: open, inline: open },
    hosting: 'process',
    store: new MemoryStore(),
    log,
    sharedHosts: 1,
    limits,
  })
  try {
    return (await pool.callAlone({ kind: 'describe', module }, [], importTimeoutMs)) as unknown as PluginDescription
  } finally {
    await pool.close()
  }
}

/** What a person who wrote the module needs of an error of `describeModule`: the module's own error with the frames of its own code. */
export function authorText(error: unknown, linesMax = 12): string {
  if (!(error instanceof Error)) return String(error)
  const stack = error.name === 'RemoteError' ? (error.stack ?? error.message) : error.message
  const cause = /could not be imported/.test(error.message) ? stack.indexOf('\nCaused by: ') : -1
  const text = cause < 0 ? stack : stack.slice(cause + '\nCaused by: '.length)
  // A hint for people who operate a worker follows in brackets.
  const lines = text.split('\n').filter((line) => !isOurs(line) && !/^\(.*\)$/.test(line))
  return lines.slice(0, linesMax).join('\n')
}

const root = new URL(import.meta.url.endsWith('.ts') ? '../../' : '../../../', import.meta.url).href

/** A frame of Node's code or of Millrace's. */
function isOurs(line: string): boolean {
  return (
    /^\s+at /.test(line) &&
    (/\(?node:/.test(line) || (line.includes(root) && !line.includes('/node_modules/', line.indexOf(root) + root.length)))
  )
}
