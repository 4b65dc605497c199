import { setTimeout as sleep } from 'node:timers/promises'

/** CONCURRENT_TRANSACTIONS: the coordinator still writes the markers of the transaction before. */
const concurrentTransactions = 51
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR. */
const coordinatorMoves = [14, 15, 16]
const waitMinMs = 5
const waitMaxMs = 500

/** Asks again while the answer is that it is too early, or none comes. */
export async function patiently<T>(ask: () => Promise<T>, patienceMs: number, closing: () => boolean): Promise<T> {
  const until = performance.now() + patienceMs
  for (let waitMs = waitMinMs; ; waitMs = Math.min(waitMs * 2, waitMaxMs)) {
    try {
      return await ask()
    } catch (error) {
      if (!isEarly(error) || closing() || performance.now() > until) throw error
    }
    await sleep(waitMs)
  }
}

function isEarly(error: unknown): boolean {
  if ((error as { code?: unknown }).code === 'RETRIABLE') return true
  const code = (error as { errorCode?: unknown }).errorCode
  return typeof code === 'number' && (code === concurrentTransactions || coordinatorMoves.includes(code))
}
