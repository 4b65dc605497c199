import type { Logger } from '../contract/context.ts'
import type { WorkerStore } from '../store/store.ts'
import { endLeftovers } from './process-identity.ts'

/** Ends the task processes that a killed worker left behind, and strikes them from the store. */
export async function endLeftoverHosts(store: WorkerStore, log: Logger): Promise<void> {
  const left = await store.hosts()
  const ended = await endLeftovers(left)
  if (ended.length > 0) log.warn({ pids: ended }, 'Task processes of the worker before this one were still alive and were ended')
  for (const { pid } of left) await store.removeHost(pid)
}
