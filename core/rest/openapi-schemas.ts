import { deadLetterSchemas } from './openapi-dead-letters.ts'
import { pluginSchemas } from './openapi-plugins.ts'
import { previewSchemas } from './openapi-preview.ts'

const text = { type: 'string' }
const textOrNull = { type: ['string', 'null'] }
const count = { type: 'integer', minimum: 0 }
const connectorType = { enum: ['source', 'sink', 'unknown'] }
const names = { type: 'array', items: text }

/** A closed object: its properties and no others; all are required but the named ones. */
function object(properties: Readonly<Record<string, object>>, optional: readonly string[] = []): object {
  const required = Object.keys(properties).filter((name) => !optional.includes(name))
  return { type: 'object', properties, required, additionalProperties: false }
}

function list(items: object): object {
  return { type: 'array', items }
}

function map(values: object): object {
  return { type: 'object', additionalProperties: values }
}

/** A reference to one of the schemas below. */
export function ref(name: keyof typeof schemas): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${name}` }
}

const point = (name: string) => ({ $ref: `#/components/schemas/${name}` })

/** Shapes of Connect's JSON (closed) and of ours. */
export const schemas = {
  Error: object({ error_code: { type: 'integer', minimum: 400, maximum: 599 }, message: text }),
  Root: object({ version: text, commit: text, kafka_cluster_id: text }),
  Health: object({ status: { enum: ['healthy', 'starting', 'unhealthy'] }, message: text }),
  Probe: object({ status: { enum: ['ok', 'starting'] } }),
  Config: map(text),
  SentConfig: {
    type: 'object',
    description: 'Keys and values of a connector’s config. Numbers and booleans become text as they are spelled.',
    additionalProperties: { type: ['string', 'number', 'boolean', 'null'] },
  },
  CreateRequest: object(
    {
      name: text,
      config: point('SentConfig'),
      initial_state: { type: ['string', 'null'], description: 'RUNNING, PAUSED or STOPPED, in any case.', pattern: '^[A-Za-z]+$' },
    },
    ['name', 'initial_state'],
  ),
  TaskId: object({ connector: text, task: count }),
  ConnectorInfo: object({ name: text, config: point('Config'), tasks: list(point('TaskId')), type: connectorType }),
  ConnectorState: object(
    {
      state: { enum: ['UNASSIGNED', 'RUNNING', 'PAUSED', 'STOPPED', 'FAILED', 'RESTARTING'] },
      worker_id: text,
      version: textOrNull,
      trace: text,
    },
    ['trace'],
  ),
  TaskState: object(
    {
      id: count,
      state: { enum: ['UNASSIGNED', 'RUNNING', 'PAUSED', 'FAILED', 'RESTARTING'] },
      worker_id: text,
      version: textOrNull,
      trace: text,
    },
    ['trace'],
  ),
  ConnectorStatus: object({ name: text, connector: point('ConnectorState'), tasks: list(point('TaskState')), type: connectorType }),
  Connectors: {
    oneOf: [names, map(object({ info: point('ConnectorInfo'), status: point('ConnectorStatus') }, ['info', 'status']))],
  },
  Tasks: list(object({ id: point('TaskId'), config: point('Config') })),
  Topics: map(object({ topics: names })),
  Offset: object({ partition: { type: 'object' }, offset: { type: ['object', 'null'] } }),
  Offsets: object({ offsets: list(point('Offset')) }),
  SentOffsets: object({
    offsets: {
      type: 'array',
      minItems: 1,
      items: object({ partition: { type: 'object' }, offset: { type: ['object', 'null'] } }, ['offset']),
    },
  }),
  Message: object({ message: text }),
  Plugins: list(
    object({
      class: text,
      type: { enum: ['source', 'sink', 'converter', 'header_converter', 'transformation', 'predicate'] },
      version: text,
    }),
  ),
  ConfigKey: object({
    name: text,
    type: { enum: ['BOOLEAN', 'STRING', 'INT', 'SHORT', 'LONG', 'DOUBLE', 'LIST', 'CLASS', 'PASSWORD'] },
    required: { type: 'boolean' },
    default_value: textOrNull,
    importance: { enum: ['HIGH', 'MEDIUM', 'LOW'] },
    documentation: text,
    group: textOrNull,
    order_in_group: { type: 'integer' },
    order: { type: 'integer' },
    width: { enum: ['NONE', 'SHORT', 'MEDIUM', 'LONG'] },
    display_name: text,
    dependents: names,
  }),
  ConfigKeys: list(point('ConfigKey')),
  ConfigValue: object({ name: text, value: textOrNull, recommended_values: names, errors: names, visible: { type: 'boolean' } }),
  ConfigInfos: object({
    name: text,
    error_count: count,
    groups: names,
    configs: list(object({ definition: { oneOf: [point('ConfigKey'), { type: 'null' }] }, value: point('ConfigValue') })),
  }),
  Logger: object({ level: text, last_modified: { type: ['integer', 'null'] } }),
  Loggers: map(point('Logger')),
  Level: object({ level: text }),
  Names: names,
  Records: object({ polled: count, put: count, filtered: count, rejected: count }),
  Overview: {
    type: 'object',
    properties: overview(),
    required: Object.keys(overview()),
  },
  Overviews: object({ connectors: list(point('Overview')) }),
  Progress: {
    type: 'object',
    properties: { ...overview(), tasks: list(point('TaskProgress')) },
    required: [...Object.keys(overview()), 'tasks'],
  },
  TaskProgress: {
    type: 'object',
    properties: {
      task: count,
      state: text,
      pid: { type: ['integer', 'null'] },
      stalled: { type: ['object', 'null'] },
      records: point('Records'),
      rate: { type: 'number' },
      flushes: count,
      lastFlushMs: { type: ['number', 'null'] },
      restarts: count,
      residentBytes: { type: ['number', 'null'] },
      failure: { type: ['object', 'null'], properties: { code: text, message: text, restartsAtMs: { type: ['number', 'null'] } } },
    },
    required: ['task', 'state', 'records', 'rate'],
  },
  Fault: object({ key: text, message: text }),
  Verdict: object({ valid: { type: 'boolean' }, errors: list(point('Fault')), warnings: list(point('Fault')) }),
  Worker: object({
    version: text,
    commit: text,
    connectApi: text,
    node: text,
    pid: count,
    ready: { type: 'boolean' },
    uptimeSeconds: count,
    connectors: count,
    residentBytes: count,
    heapUsedBytes: count,
  }),
  ...deadLetterSchemas,
  ...previewSchemas,
  ...pluginSchemas,
  OpenApi: { type: 'object', required: ['openapi', 'info', 'paths'] },
}

function overview(): Readonly<Record<string, object>> {
  return {
    name: text,
    type: connectorType,
    state: text,
    health: { enum: ['running', 'degraded', 'stalled', 'failed', 'starting', 'paused', 'stopped', 'completed'] },
    hint: textOrNull,
    taskCount: count,
    rate: { type: 'number' },
    records: point('Records'),
    restarts: count,
    plugins: point('PluginVersions'),
    wentBack: point('WentBack'),
  }
}
