import {
  allConnectors,
  connectorPath,
  hasFailed,
  objectOf,
  shownStatus,
  traceReason,
  type JsonObject,
  type ShownStatus,
} from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { exitCodes } from '../exit.ts'
import { drawLive } from '../output/live.ts'
import { note, printLines } from '../output/print.ts'
import { table } from '../output/table.ts'
import { paint, plain, stateColour } from '../output/terminal.ts'
import type { RestClient } from '../rest-client.ts'

export interface StatusOptions extends ClientOptions {
  readonly watch?: boolean
}

const watchMs = 2000

/**
 * The states of connectors: of all, or of those named with their tasks and what failed. Exits with 1 where something is FAILED. With
 * `watch` it goes on until interrupted.
 */
export async function status(names: readonly string[], options: StatusOptions): Promise<void> {
  const client = clientOf(options)
  if (options.watch) return drawLive(watchMs, async () => (await picture(client, names, options)).lines)
  const { lines, failed } = await picture(client, names, options)
  printLines(lines)
  if (lines.length === 0) note('No connectors')
  if (failed) process.exitCode = exitCodes.failed
}

async function picture(
  client: RestClient,
  names: readonly string[],
  { output }: StatusOptions,
): Promise<{ readonly lines: readonly string[]; readonly failed: boolean }> {
  const { statuses, raw } = await ask(client, names)
  const failed = statuses.some(hasFailed)
  if (output === 'json') return { lines: [JSON.stringify(names.length === 1 ? Object.values(raw)[0] : raw, null, 2)], failed }
  return { lines: names.length === 0 ? overviewLines(statuses) : statuses.flatMap(detailLines), failed }
}

async function ask(
  client: RestClient,
  names: readonly string[],
): Promise<{ readonly statuses: readonly ShownStatus[]; readonly raw: JsonObject }> {
  if (names.length === 0) {
    const all = [...(await allConnectors(client))]
    return { statuses: all.map(([, { status }]) => status), raw: Object.fromEntries(all.map(([name, { rawStatus }]) => [name, rawStatus])) }
  }
  const answers = await Promise.all(
    names.map(async (name) => {
      const path = connectorPath(name, '/status')
      return [name, objectOf(client, path, await client.call('GET', path))] as const
    }),
  )
  return { statuses: answers.map(([name, answer]) => shownStatus(name, answer)), raw: Object.fromEntries(answers) }
}

/** A line for each connector. */
export function overviewLines(statuses: readonly ShownStatus[]): readonly string[] {
  if (statuses.length === 0) return []
  const rows = statuses.map((status) => {
    const running = status.tasks.filter(({ state }) => state === 'RUNNING').length
    return [status.name, status.type, status.connector.state, taskText(status, running), status.connector.worker, reason(status)]
  })
  return table(['NAME', 'TYPE', 'STATE', 'TASKS', 'WORKER', 'FAILURE'], rows, cellColour)
}

/** A connector with its tasks, and why what failed did. */
export function detailLines(status: ShownStatus): readonly string[] {
  const { name, type, connector, tasks } = status
  const head = [name, type, connector.state, connector.worker]
  const rows = tasks.map((task) => [`  task ${task.id}`, '', task.state, task.worker])
  const failed = [{ ...connector, what: name }, ...tasks.map((task) => ({ ...task, what: `${name} task ${task.id}` }))]
  const causes = failed.filter(({ trace }) => trace !== '')
  return [
    ...table(['NAME', 'TYPE', 'STATE', 'WORKER'], [head, ...rows]),
    ...causes.flatMap(({ what, trace, state }) => [
      '',
      paint(`${plain(what)} ${state}`, stateColour(state)),
      ...traceReason(trace).map((line) => `  ${plain(line, true)}`),
    ]),
  ]
}

function taskText({ tasks }: ShownStatus, running: number): string {
  return tasks.length === 0 ? '0' : `${running} of ${tasks.length}`
}

/** The first line of the first trace. */
function reason({ connector, tasks }: ShownStatus): string {
  return [connector, ...tasks].map(({ trace }) => trace.split('\n', 1)[0]!).find((line) => line !== '') ?? ''
}

function cellColour(cell: string, column: number): ReturnType<typeof stateColour> {
  if (column === 2) return stateColour(cell)
  if (column === 5) return 'red'
  const [, running, all] = (column === 3 ? /^(\d+) of (\d+)$/.exec(cell) : null) ?? []
  return running === all ? undefined : 'yellow'
}
