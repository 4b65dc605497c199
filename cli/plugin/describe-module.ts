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
