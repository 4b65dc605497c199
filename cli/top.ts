import type { TaskProgress } from '../core/runtime/control.ts'
import { allConnectors, asObject, type ShownStatus } from './answers.ts'
import { drawLive } from './output/live.ts'
import { printLines } from './output/print.ts'
import { table } from './output/table.ts'
import { stateColour } from './output/terminal.ts'
import { RestError, segment, type RestClient } from './rest-client.ts'

const refreshMs = 1000

/** Draws the connectors of a worker until interrupted, once a second; a single picture with `once`. Throws a RestError where no worker answers. */
export async function top(client: RestClient, options: { readonly once: boolean }): Promise<void> {
  if (options.once) return printLines(await picture(client))
  await drawLive(refreshMs, () => picture(client))
}

/** The picture as lines of text: a row per task. Kafka Connect's workers know states alone. */
export async function picture(client: RestClient): Promise<readonly string[]> {
  const connectors = await allConnectors(client)
  if (connectors.size === 0) return ['No connectors yet: millrace create, or POST one to /connectors']
  const rows = await Promise.all([...connectors].map(async ([name, { status }]) => tasksOf(client, name, status)))
  return table(header, rows.flat(), (cell, column) => (column === 2 ? stateColour(cell.split(',', 1)[0]!) : undefined))
}

const header = ['CONNECTOR', 'TASK', 'STATE', 'PHASE', 'SNAPSHOT', 'ROWS/S', 'TOTAL', 'LAG', 'MEMORY', 'RESTARTS']

async function tasksOf(client: RestClient, name: string, { connector, tasks }: ShownStatus): Promise<readonly (readonly string[])[]> {
  const rows = await ownTasks(client, name, tasks)
  return rows.length > 0 ? rows : [padded(name, '', connector.state)]
}

async function ownTasks(client: RestClient, name: string, tasks: ShownStatus['tasks']): Promise<readonly (readonly string[])[]> {
  try {
    const { tasks: own } = asObject(await client.call('GET', `/api/v1/connectors/${segment(name)}/progress`))
    if (Array.isArray(own) && own.every(isProgress)) return own.map((task) => row(name, task))
  } catch (error) {
    if (!(error instanceof RestError) || error.status !== 404) throw error
    // Another kind of worker, or the connector was deleted in between.
  }
  return tasks.map(({ id, state }) => padded(name, String(id), state))
}

/** A server of another kind may answer anything; of ours the counts are taken for a proof. */
function isProgress(task: unknown): task is TaskProgress {
  const { records, rate } = asObject(task)
  return typeof asObject(records)['put'] === 'number' && typeof rate === 'number'
}

function padded(...cells: readonly string[]): readonly string[] {
  return [...cells, ...header.slice(cells.length).map(() => '')]
}

/** One task in the picture's columns. */
function row(name: string, task: TaskProgress): readonly string[] {
  return [
    name,
    String(task.task),
    task.stalled
      ? `${task.state}, stalled in ${task.stalled.step} for ${Math.round((Date.now() - task.stalled.sinceMs) / 1000)} s`
      : task.state,
    task.phase ?? '',
    snapshotText(task),
    Math.round(task.rate).toLocaleString('en'),
    task.records.put.toLocaleString('en'),
    lagText(task),
    task.residentBytes === null ? '' : `${Math.round(task.residentBytes / 2 ** 20)} MB`,
    String(task.restarts),
  ]
}

/** "orders 2 of 5, 40%" while a snapshot runs; empty otherwise. */
export function snapshotText({ snapshot }: Pick<TaskProgress, 'snapshot'>): string {
  if (!snapshot) return ''
  const share = snapshot.rowsEstimated
    ? `${Math.min(100, Math.round((snapshot.rows / snapshot.rowsEstimated) * 100))}%`
    : `${snapshot.rows} rows`
  return `${snapshot.table} (${Math.min(snapshot.tablesDone + 1, snapshot.tables)} of ${snapshot.tables}) ${share}`
}

/** "1.2 MB, 0.4 s" or "1,200 records, 0.4 s"; parts that are unknown are left out. */
export function lagText({ lag }: Pick<TaskProgress, 'lag'>): string {
  if (!lag) return ''
  const records = lag.records === undefined ? '' : `${lag.records.toLocaleString('en')} records`
  const parts = [records, lag.bytes === null ? '' : byteText(lag.bytes), lag.seconds === null ? '' : `${lag.seconds.toFixed(1)} s`]
  return parts.filter((part) => part !== '').join(', ')
}

function byteText(bytes: number): string {
  const unit = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${['B', 'KB', 'MB', 'GB', 'TB'][unit]}`
}
