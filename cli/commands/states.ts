import { connectorPath, statusOf, type ShownStatus } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { exitCodes, UsageError } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { plain } from '../output/terminal.ts'
import { RestError, type RestClient } from '../rest-client.ts'
import { awaitState, type WantedState } from '../waiting.ts'

export interface StateOptions extends ClientOptions {
  readonly wait?: number
}

export interface RestartOptions extends StateOptions {
  readonly task?: number
  readonly onlyFailed?: boolean
}

interface Change {
  readonly method: string
  readonly path: string
  readonly said: string
  /** Undefined: there is nothing to wait for. */
  readonly wanted: WantedState | undefined
}

export const pause = (names: readonly string[], options: StateOptions) =>
  change(names, options, { method: 'PUT', path: '/pause', said: 'paused', wanted: 'PAUSED' })

export const resume = (names: readonly string[], options: StateOptions) =>
  change(names, options, { method: 'PUT', path: '/resume', said: 'resumed', wanted: 'RUNNING' })

export const stop = (names: readonly string[], options: StateOptions) =>
  change(names, options, { method: 'PUT', path: '/stop', said: 'stopped', wanted: 'STOPPED' })

/** Offsets stay, as in Kafka Connect. */
export const remove = (names: readonly string[], options: ClientOptions) =>
  change(names, options, { method: 'DELETE', path: '', said: 'deleted', wanted: undefined })

/** Restarts connectors with all their tasks, only what failed of them, or one task. */
export async function restart(names: readonly string[], options: RestartOptions): Promise<void> {
  const { task, onlyFailed } = options
  if (task !== undefined && onlyFailed) throw new UsageError('--task names what is restarted: --only-failed goes without it')
  const said = task === undefined ? 'restarted' : `task ${task} restarted`
  const path = task === undefined ? `/restart?includeTasks=true&onlyFailed=${onlyFailed ?? false}` : `/tasks/${task}/restart`
  await change(names, options, { method: 'POST', path, said, wanted: 'RUNNING' })
}

/** Each in turn; what fails is told, and the others are tried all the same. */
async function change(names: readonly string[], options: StateOptions, { method, path, said, wanted }: Change): Promise<void> {
  const client = clientOf(options)
  const outcomes: object[] = []
  for (const name of names) {
    try {
      const before = options.wait !== undefined && method === 'POST' ? await statusOf(client, name) : undefined
      await client.call(method, connectorPath(name, path))
      if (options.wait !== undefined && wanted !== undefined)
        await awaitState(client, name, afterwards(wanted, before), options.wait, before)
      if (options.output !== 'json') printLines([`${plain(name)}: ${said}`])
      outcomes.push({ name, outcome: said })
    } catch (error) {
      const { message } = error as Error
      if (error instanceof RestError && error.status === 0) throw error
      note(`millrace: ${name}: ${message}`)
      outcomes.push({ name, error: message })
      process.exitCode = exitCodes.failed
    }
  }
  if (options.output === 'json') printJson(outcomes)
}

/** A restart does not wake what is paused or stopped. */
function afterwards(wanted: WantedState, before: ShownStatus | undefined): WantedState {
  const state = before?.connector.state
  return state === 'PAUSED' || state === 'STOPPED' ? state : wanted
}

/** Runs something while the connector is stopped, and gives it back the state that it had, whatever happens. */
export async function whileStopped(client: RestClient, name: string, timeoutMs: number, act: () => Promise<void>): Promise<void> {
  const { connector } = await statusOf(client, name)
  if (connector.state === 'STOPPED') return act()
  await client.call('PUT', connectorPath(name, '/stop'))
  try {
    await awaitState(client, name, 'STOPPED', timeoutMs)
    await act()
  } finally {
    await client.call('PUT', connectorPath(name, connector.state === 'PAUSED' ? '/pause' : '/resume'))
  }
}
