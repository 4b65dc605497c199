import type { ConnectorStatus, State, TargetState, TaskInfo } from './control.ts'
import type { RawConfig } from './ends.ts'
import type { Failure } from './failure.ts'
import type { SupervisedTask } from './supervised-task.ts'

/** A connector as its status is told from. */
export interface StatusParts {
  readonly name: string
  readonly type: ConnectorStatus['type']
  readonly target: TargetState
  /** Why it has no tasks. */
  readonly failure: Failure | undefined
  /** Its work was split, so its tasks exist. */
  readonly split: boolean
  readonly workerId: string
  readonly version: string | null
  readonly tasks: readonly SupervisedTask[]
}

/** The status in Connect's words. */
export function connectorStatus({ name, type, target, failure, split, workerId, version, tasks }: StatusParts): ConnectorStatus {
  const state: State = target === 'STOPPED' ? 'STOPPED' : failure ? 'FAILED' : target === 'RUNNING' && !split ? 'UNASSIGNED' : target
  const connector = { state, worker_id: workerId, version }
  return {
    name,
    connector: state === 'FAILED' ? { ...connector, trace: failure!.trace } : connector,
    tasks: tasks.map((task) => task.status()),
    type,
  }
}

/** What `GET /connectors/{name}/tasks` tells: the connector's config with each task's own keys over it. */
export function taskInfos(name: string, config: RawConfig, overlays: readonly RawConfig[]): readonly TaskInfo[] {
  const taskClass = (config['connector.class'] ?? '').replace(/Connector$/, 'Task')
  return overlays.map((overlay, task) => ({
    id: { connector: name, task },
    config: { ...config, ...overlay, 'task.class': taskClass },
  }))
}
