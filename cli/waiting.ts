import { setTimeout as sleep } from 'node:timers/promises'
import { asObject, hasFailed, statusOf, traceReason, type ShownStatus } from './answers.ts'
import { FailedError } from './exit.ts'
import { RestError, segment, type RestClient } from './rest-client.ts'

export type WantedState = 'RUNNING' | 'PAUSED' | 'STOPPED'

const pollMs = 200
/** So long a connector must run without failing: one that cannot start runs for a moment, too. */
const settledMs = 1000
/** A failure that is told before a change takes effect is that of before, for so long at most. */
const staleMs = 3000

/**
 * Waits until the connector and all its tasks are in the wanted state; a source that came to its end counts as running. Throws a
 * FailedError with the trace when something is FAILED, or after the time, with the states. `before`: the status before the change that is
 * waited for.
 */
export async function awaitState(
  client: RestClient,
  name: string,
  wanted: WantedState,
  timeoutMs: number,
  before?: ShownStatus,
): Promise<void> {
  const began = Date.now()
  let since: number | undefined
  for (let last = 'nothing is known of it yet'; ; await sleep(pollMs)) {
    const status = await known(client, name)
    const now = Date.now()
    if (status !== undefined) {
      last = statesText(status)
      const isStale = before !== undefined && now - began < staleMs && JSON.stringify(status) === JSON.stringify(before)
      if (hasFailed(status) && !isStale) throw failure(status)
      const reached = inState(status, wanted) || (wanted === 'RUNNING' && (await hasCompleted(client, status)))
      since = reached ? (since ?? now) : undefined
      if (since !== undefined && (wanted !== 'RUNNING' || now - since >= settledMs)) return
    }
    if (now - began >= timeoutMs) {
      throw new FailedError(`Connector ${name} is not ${wanted} after ${timeoutMs / 1000} s: ${last}`)
    }
  }
}

/** "RUNNING, tasks 0 RUNNING, 1 UNASSIGNED" */
export function statesText({ connector, tasks }: ShownStatus): string {
  return `${connector.state}, ${tasks.length === 0 ? 'no tasks' : `tasks ${tasks.map(({ id, state }) => `${id} ${state}`).join(', ')}`}`
}

function inState({ connector, tasks }: ShownStatus, wanted: WantedState): boolean {
  if (connector.state !== wanted) return false
  if (wanted === 'STOPPED') return tasks.length === 0
  // What begins paused has no tasks yet in Kafka Connect.
  return (tasks.length > 0 || wanted === 'PAUSED') && tasks.every(({ state }) => state === wanted)
}

function failure(status: ShownStatus): FailedError {
  const failed = [{ ...status.connector, what: '' }, ...status.tasks.map((task) => ({ ...task, what: ` task ${task.id}` }))]
  const [first] = failed.filter(({ state }) => state === 'FAILED')
  return new FailedError(`Connector ${status.name}${first!.what} is FAILED: ${traceReason(first!.trace).join('\n')}`)
}

/** Undefined: a cluster has not heard of it yet. */
async function known(client: RestClient, name: string): Promise<ShownStatus | undefined> {
  try {
    return await statusOf(client, name)
  } catch (error) {
    if (error instanceof RestError && error.status === 404) return undefined
    throw error
  }
}

/** A bounded source is STOPPED when it is through; only our workers say why. */
async function hasCompleted(client: RestClient, { name, connector }: ShownStatus): Promise<boolean> {
  if (connector.state !== 'STOPPED') return false
  try {
    return asObject(await client.call('GET', `/api/v1/connectors/${segment(name)}/progress`))['health'] === 'completed'
  } catch (error) {
    if (error instanceof RestError && error.status === 404) return false // Kafka Connect's worker: it knows no end.
    throw error
  }
}
