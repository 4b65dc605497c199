import { spawnSync } from 'node:child_process'
import { Worker } from 'node:worker_threads'

/**
 * A host must not outlive its worker by a second, whatever its main thread does: it may spin, or be inside a native call, and then neither
 * timers nor the closing channel reach it. Two ways: Linux itself kills it (`prctl(PR_SET_PDEATHSIG)`, set by util-linux's `setpriv`
 * before Node starts), or a thread of its own watches the parent. The thread costs 16 MB of resident memory (9 of them private) per host
 * and 15 ms of its start, so it is used only where the kernel's way is missing (macOS, Alpine without util-linux).
 */
export type OrphanWatch = 'kernel' | 'thread'

/** How often the thread looks for the parent, in milliseconds. */
const lookMs = 200
const command = ['setpriv', '--pdeathsig', 'KILL'] as const
let found: OrphanWatch | undefined

/** Which way this system offers; asked once. */
export function orphanWatch(): OrphanWatch {
  found ??= process.platform === 'linux' && spawnSync(command[0], [...command.slice(1), 'true']).status === 0 ? 'kernel' : 'thread'
  return found
}

/** How to start a program that the kernel ends when this process ends: the command before the program's own. */
export function boundToParent(program: string): { readonly execPath: string; readonly execArgv: readonly string[] } {
  return { execPath: command[0], execArgv: [...command.slice(1), program] }
}

/** Called in the host. Ends it with SIGKILL within `lookMs` after the parent is gone. */
export function watchParent(parent: number, way: OrphanWatch): void {
  // The parent may have died before the kernel was told.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL')
  if (way === 'kernel') return
  const code = `setInterval(() => { if (process.ppid !== ${parent}) process.kill(process.pid, 'SIGKILL') }, ${lookMs})`
  const limits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 8, codeRangeSizeMb: 1, stackSizeMb: 1 }
  const watch = new Worker(code, { eval: true, env: {}, execArgv: [], resourceLimits: limits })
  watch.unref()
}
