import { hints, NotFoundError, type ConfigIssue } from '../contract/errors.ts'
import type { ConnectorStatus, Control, TaskProgress } from '../runtime/control.ts'
import { sentConfig, type SentConfig } from './connector-body.ts'
import { connectApiLevel, type WorkerIdentity } from './health.ts'
import { ok, type Route } from './route.ts'

/** One word for how a connector does, over all its tasks. `degraded`: some tasks failed; `stalled`: a task makes no progress. */
export type Health = 'running' | 'degraded' | 'stalled' | 'failed' | 'starting' | 'paused' | 'stopped' | 'completed'

type Validate = (config: SentConfig) => Promise<{ readonly issues: readonly ConfigIssue[]; readonly warnings: readonly ConfigIssue[] }>

/** /api/v1: what Connect's API has no place for. Never in Connect's shapes. */
export function overviewRoutes(control: Control, identity: WorkerIdentity, validate: Validate): readonly Route[] {
  return [
    {
      method: 'PUT',
      path: '/api/v1/validate',
      answer: async (call) => {
        const { issues, warnings } = await validate(sentConfig(call.body()))
        return ok({ valid: issues.length === 0, errors: issues.map(fault), warnings: warnings.map(fault) })
      },
    },
    {
      method: 'GET',
      path: '/api/v1/connectors',
      answer: () => ok({ connectors: control.connectors().flatMap((name) => (control.find(name) ? [overview(control, name)] : [])) }),
    },
    {
      method: 'GET',
      path: '/api/v1/connectors/:connector/progress',
      answer: (call) => {
        const name = call.param('connector')
        if (!control.find(name)) throw new NotFoundError(`Connector ${name} not found`)
        const tasks = control.progress(name)
        return ok({ ...overview(control, name), tasks })
      },
    },
    { method: 'GET', path: '/api/v1/worker', answer: () => ok(worker(control, identity)) },
  ]
}

function fault({ key, message }: ConfigIssue): object {
  return { key, message }
}

function overview(control: Control, name: string): object {
  const status = control.status(name)
  const tasks = control.progress(name)
  const { versions, wentBack } = control.versions(name)
  const sum = (pick: (task: TaskProgress) => number) => tasks.reduce((total, task) => total + pick(task), 0)
  return {
    name,
    type: status.type,
    state: status.connector.state,
    ...(control.completed(name) ? { health: 'completed' satisfies Health, hint: null } : healthOf(status, tasks)),
    taskCount: status.tasks.length,
    rate: sum((task) => task.rate),
    records: {
      polled: sum((task) => task.records.polled),
      put: sum((task) => task.records.put),
      filtered: sum((task) => task.records.filtered),
      rejected: sum((task) => task.records.rejected),
    },
    restarts: sum((task) => task.restarts),
    plugins: versions,
    wentBack,
  }
}

/** The aggregated health and, where something is wrong, one sentence that says what and what to do. */
export function healthOf(
  status: ConnectorStatus,
  tasks: readonly TaskProgress[],
): { readonly health: Health; readonly hint: string | null } {
  const { state, trace } = status.connector
  const failed = status.tasks.filter((task) => task.state === 'FAILED')
  if (state === 'FAILED') return { health: 'failed', hint: hintOf(trace) }
  if (failed.length > 0) {
    return {
      health: failed.length === status.tasks.length ? 'failed' : 'degraded',
      hint: `Task ${failed[0]!.id}: ${hintOf(failed[0]!.trace)}`,
    }
  }
  if (state === 'STOPPED') return { health: 'stopped', hint: null }
  const stuck = tasks.find((task) => task.stalled)
  if (stuck?.stalled) {
    const seconds = Math.max(0, Math.round((Date.now() - stuck.stalled.sinceMs) / 1000))
    return { health: 'stalled', hint: `Task ${stuck.task} has been ${stuck.stalled.step} for ${seconds} s without progress` }
  }
  if (state === 'PAUSED') return { health: 'paused', hint: null }
  const waiting = status.tasks.some((task) => task.state === 'UNASSIGNED' || task.state === 'RESTARTING')
  return { health: waiting || state !== 'RUNNING' ? 'starting' : 'running', hint: null }
}

/** First line of the trace, and the advice that belongs to its class of error. */
function hintOf(trace: string | undefined): string {
  const [first = ''] = (trace ?? '').split('\n', 1)
  const code = /^(?:Uncaught )?(\w+)Error\b/.exec(first)?.[1]?.toUpperCase() ?? ''
  const again = /\n\((This task starts again by itself [^)]*)\)$/.exec(trace ?? '')?.[1]
  // What the runtime itself found says what to do in its second line.
  const hint = hints[code] ?? /^[^\n]*\n\(([^\n]*)\)(?:\n|$)/.exec(trace ?? '')?.[1]
  return [first || 'It failed without a trace', hint === again ? undefined : hint, again].filter(Boolean).join(' — ')
}

function worker(control: Control, { version, commit }: WorkerIdentity): unknown {
  const memory = process.memoryUsage()
  return {
    version,
    commit,
    connectApi: connectApiLevel,
    node: process.version,
    pid: process.pid,
    ready: control.ready,
    uptimeSeconds: Math.round(process.uptime()),
    connectors: control.connectors().length,
    residentBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
  }
}
