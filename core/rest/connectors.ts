import { BadRequestError, ConfigError, NotFoundError, type ConfigIssue } from '../contract/errors.ts'
import type { ConnectorInfo, ConnectorStatus, Control, TaskStatus } from '../runtime/control.ts'
import type { RawConfig } from '../runtime/ends.ts'
import { createRequest, mismatch, named, sentConfig, type SentConfig } from './connector-body.ts'
import { refusal } from './problem.ts'
import { flag, ok, type Answer, type Call, type Route } from './route.ts'

export interface ConnectorParts {
  readonly control: Control
  /** Faults of a config that cannot be stored at all, because it has null values. */
  issues(config: SentConfig): Promise<readonly ConfigIssue[]>
  readonly topicTracking: boolean
  readonly topicReset: boolean
}

/** /connectors and what lies under one of them, but for offsets. Status codes and texts: Kafka Connect 4.3.1. */
export function connectorRoutes(parts: ConnectorParts): readonly Route[] {
  const { control } = parts
  return [
    { method: 'GET', path: '/connectors', answer: ({ query }) => ok(list(control, query)) },
    { method: 'POST', path: '/connectors', answer: (call) => create(parts, call) },
    { method: 'GET', path: '/connectors/:connector', answer: (call) => ok(infoShape(known(control, call))) },
    {
      method: 'DELETE',
      path: '/connectors/:connector',
      answer: async (call) => {
        await control.delete(known(control, call).name)
        return { status: 204 }
      },
    },
    { method: 'GET', path: '/connectors/:connector/config', answer: (call) => ok(known(control, call).config) },
    { method: 'PUT', path: '/connectors/:connector/config', answer: (call) => put(parts, call) },
    { method: 'PATCH', path: '/connectors/:connector/config', answer: (call) => patch(control, call) },
    { method: 'GET', path: '/connectors/:connector/status', answer: (call) => ok(statusShape(status(control, call))) },
    { method: 'GET', path: '/connectors/:connector/tasks', answer: (call) => ok(control.tasks(known(control, call).name)) },
    { method: 'GET', path: '/connectors/:connector/tasks/:task/status', answer: (call) => ok(taskShape(taskStatus(control, call))) },
    ...stateRoutes(control),
    ...topicRoutes(parts),
  ]
}

function stateRoutes(control: Control): readonly Route[] {
  return [
    { method: 'POST', path: '/connectors/:connector/restart', answer: (call) => restart(control, call) },
    { method: 'POST', path: '/connectors/:connector/tasks/:task/restart', answer: (call) => restartTask(control, call) },
    {
      method: 'PUT',
      path: '/connectors/:connector/pause',
      answer: async (call) => {
        await control.pause(known(control, call, 'Unknown connector {}').name)
        return { status: 202 }
      },
    },
    {
      method: 'PUT',
      path: '/connectors/:connector/resume',
      answer: async (call) => {
        await control.resume(known(control, call, 'Unknown connector {}').name)
        return { status: 202 }
      },
    },
    {
      method: 'PUT',
      path: '/connectors/:connector/stop',
      answer: async (call) => {
        await control.stop(known(control, call, 'Unknown connector {}').name)
        return { status: 204 }
      },
    },
  ]
}

function topicRoutes({ control, topicTracking, topicReset }: ConnectorParts): readonly Route[] {
  const refuse = (text: string): Answer => ({ status: 403, body: { error_code: 403, message: text } })
  return [
    {
      method: 'GET',
      path: '/connectors/:connector/topics',
      answer: (call) => {
        if (!topicTracking) return refuse('Topic tracking is disabled.')
        const name = call.param('connector')
        return ok({ [name]: { topics: control.find(name) ? control.topics(name) : [] } })
      },
    },
    {
      method: 'PUT',
      path: '/connectors/:connector/topics/reset',
      answer: (call) => {
        if (!topicTracking) return refuse('Topic tracking is disabled.')
        if (!topicReset) return refuse('Topic tracking reset is disabled.')
        const name = call.param('connector')
        if (control.find(name)) control.resetTopics(name)
        return { status: 202 }
      },
    },
  ]
}

/** A plain list of names, or with any `expand` an object by name; unknown things to expand leave it empty, as in Connect. */
function list(control: Control, query: URLSearchParams): unknown {
  const names = control.connectors()
  if (!query.has('expand')) return names
  const expand = query.getAll('expand')
  const entries = names.map((name): [string, object] => {
    const found = control.find(name)
    return [
      name,
      {
        ...(expand.includes('info') && found && { info: infoShape(found) }),
        ...(expand.includes('status') && found && { status: statusShape(control.status(name)) }),
      },
    ]
  })
  return Object.fromEntries(entries)
}

async function create(parts: ConnectorParts, call: Call): Promise<Answer> {
  const { name, config, state } = createRequest(call.body())
  const info = await parts.control.create(name, await storable(parts, config), state)
  return { status: 201, headers: { location: `${call.origin}/connectors/${encodeURIComponent(info.name)}` }, body: infoShape(info) }
}

async function put(parts: ConnectorParts, call: Call): Promise<Answer> {
  const name = call.param('connector')
  const config = named(sentConfig(call.body()), name)
  const { created, info } = await parts.control.put(name, await storable(parts, config))
  if (!created) return ok(infoShape(info))
  return { status: 201, headers: { location: `${call.origin}/connectors/${encodeURIComponent(name)}` }, body: infoShape(info) }
}

async function patch(control: Control, call: Call): Promise<Answer> {
  const changes = sentConfig(call.body())
  const { name } = known(control, call)
  const renamed = changes['name']
  if (renamed === null) throw new BadRequestError('The config key "name" cannot be removed: a connector keeps the name in its URL')
  if (renamed !== undefined && renamed !== name) throw mismatch(renamed, name)
  return ok(infoShape(await control.patch(name, changes)))
}

/** Null values are faults of the config, told together with its other faults. */
async function storable(parts: ConnectorParts, config: SentConfig): Promise<RawConfig> {
  const nulls = Object.entries(config).filter(([, value]) => value === null)
  if (nulls.length === 0) return config as RawConfig
  const issues = await parts.issues(config)
  throw new ConfigError(
    issues.length > 0
      ? issues
      : nulls.map(([key]) => ({ key, value: null, message: 'Null value can not be supplied as the configuration value.' })),
  )
}

async function restart(control: Control, call: Call): Promise<Answer> {
  const { name } = known(control, call, 'Unknown connector: {}')
  const includeTasks = flag(call.query, 'includeTasks', false)
  const onlyFailed = flag(call.query, 'onlyFailed', false)
  const planned = await control.restart(name, { includeTasks, onlyFailed })
  if (!includeTasks && !onlyFailed) return { status: 204 }
  return { status: 202, body: statusShape(planned ?? control.status(name)) }
}

async function restartTask(control: Control, call: Call): Promise<Answer> {
  const task = taskNumber(call)
  const { name } = known(control, call, 'Unknown connector: {}')
  if (!control.tasks(name).some(({ id }) => id.task === task)) throw new NotFoundError(`Unknown task: ${name}-${task}`)
  await control.restartTask(name, task)
  return { status: 204 }
}

function status(control: Control, call: Call): ConnectorStatus {
  return control.status(known(control, call, 'No status found for connector {}').name)
}

function taskStatus(control: Control, call: Call): TaskStatus {
  const task = taskNumber(call)
  const name = call.param('connector')
  const found = control.find(name) && control.status(name).tasks.some(({ id }) => id === task)
  if (!found) throw new NotFoundError(`No status found for task ${name}-${task}`)
  return control.taskStatus(name, task)
}

/** Connect's endpoints say "no such connector" in four ways; `{}` stands for its name. */
function known(control: Control, call: Call, text = 'Connector {} not found'): ConnectorInfo {
  const name = call.param('connector')
  const found = control.find(name)
  if (!found) throw new NotFoundError(text.replace('{}', () => name))
  return found
}

/** A segment that is no Java int is a path that does not exist. */
function taskNumber(call: Call): number {
  const text = call.param('task')
  const number = Number(text)
  if (!/^[+-]?\d{1,10}$/.test(text) || number > 2_147_483_647 || number < -2_147_483_648) throw refusal(404)
  return number
}

function infoShape({ name, config, tasks, type }: ConnectorInfo): unknown {
  return { name, config, tasks: tasks.map(({ connector, task }) => ({ connector, task })), type }
}

/** Closed shapes: clients with generated models fail on fields and words that Connect does not have. */
function statusShape({ name, connector, tasks, type }: ConnectorStatus): unknown {
  return {
    name,
    connector: { state: connector.state, worker_id: connector.worker_id, version: connector.version ?? null, ...traced(connector.trace) },
    tasks: tasks.toSorted((one, other) => one.id - other.id).map(taskShape),
    type,
  }
}

function taskShape({ id, state, worker_id, version, trace }: TaskStatus): unknown {
  return { id, state, worker_id, version: version ?? null, ...traced(trace) }
}

function traced(trace: string | undefined): object {
  return trace ? { trace } : {}
}
