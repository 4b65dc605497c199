import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HostIdentity } from '../store/store.ts'

/** What tells this process from any other one that had or will have its id; undefined: it is gone, or the system has no /proc. */
export function identify(pid: number): HostIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The program's name, in parentheses, may hold spaces and parentheses itself; field 22 is the 20th after it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const state = fields[0]
    if (state === 'Z' || state === 'X') return undefined
    return { pid, started: fields[19]!, boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() }
  } catch {
    return undefined // No such process (any more), or no /proc.
  }
}

/** True while that very process lives. */
export function isAlive(host: HostIdentity): boolean {
  const now = identify(host.pid)
  return now !== undefined && now.started === host.started && now.boot === host.boot
}

/** Ends the processes that are still the ones they were, and waits for their end. Returns the ids that were ended. */
export async function endLeftovers(hosts: readonly HostIdentity[], waitMs = 10_000): Promise<readonly number[]> {
  const alive = hosts.filter(isAlive)
  for (const { pid } of alive) {
    try {
      process.kill(pid, 'SIGKILL')
      // It leads a group: what it started goes with it.
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It ended between the look and the signal, or leads none.
    }
  }
  const deadline = performance.now() + waitMs
  for (const host of alive) {
    while (isAlive(host)) {
      if (performance.now() > deadline)
        throw new Error(`Process ${host.pid} of the worker before this one does not end; end it and start again`)
      await sleep(20)
    }
  }
  return alive.map((host) => host.pid)
}
