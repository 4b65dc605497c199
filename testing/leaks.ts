import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BrokenLaw } from './law.ts'

/** How long what was closed may take to be gone, in milliseconds. */
const settleMs = 3_000

/** What keeps this process alive now, by kind. Compare with `ensureGone`. */
export type Resources = ReadonlyMap<string, number>

/**
 * Timers, sockets, servers, child processes and the like that are open. Connections that a server of this very process accepted are left out:
 * they belong to the upstream of a test, and end when it ends.
 */
export function openResources(): Resources {
  const counts = new Map<string, number>()
  const add = (kind: string) => counts.set(kind, (counts.get(kind) ?? 0) + 1)
  for (const kind of process.getActiveResourcesInfo()) if (kind !== 'TCPSocketWrap') add(kind)
  for (const handle of activeHandles()) if (handle instanceof Socket && isOutgoing(handle)) add('TCPSocketWrap')
  return counts
}

/** Waits until nothing more is open than `before`. Throws a BrokenLaw that names what stays. */
export async function ensureGone(before: Resources, when: string): Promise<void> {
  const deadline = performance.now() + settleMs
  for (;;) {
    const left = [...openResources()].flatMap(([kind, count]) => {
      const more = count - (before.get(kind) ?? 0)
      return more > 0 ? [`${more} ${names[kind] ?? kind}`] : []
    })
    if (left.length === 0) return
    if (performance.now() > deadline) throw new BrokenLaw(`${settleMs / 1000} s after ${when} there is still open: ${left.join(', ')}`)
    await sleep(20)
  }
}

/** Bytes of the JavaScript heap that are in use, after all garbage is collected. */
export function heapBytes(): number {
  collect ??= exposeCollector()
  collect()
  return process.memoryUsage().heapUsed
}

const names: Readonly<Record<string, string>> = {
  Timeout: 'timer(s)',
  Immediate: 'immediate(s)',
  TCPSocketWrap: 'TCP connection(s)',
  TCPServerWrap: 'listening server(s)',
  TLSWrap: 'TLS connection(s)',
  PipeWrap: 'pipe(s)',
  ProcessWrap: 'child process(es)',
  FSEventWrap: 'file watcher(s)',
  FSReqCallback: 'file operation(s)',
  MessagePort: 'worker thread(s) or message port(s)',
}

let collect: (() => void) | undefined

function exposeCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Not in Node's types; `getActiveResourcesInfo` names only kinds, and here it matters whose socket it is. */
function activeHandles(): readonly unknown[] {
  return (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles()
}

/** A socket that a server accepted carries that server; the process's own standard streams are no connections. */
function isOutgoing(socket: Socket): boolean {
  return (socket as { server?: unknown }).server == null && socket.remoteAddress !== undefined
}
