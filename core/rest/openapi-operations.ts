import { deadLetterOperations } from './openapi-dead-letters.ts'
import { pluginOperations } from './openapi-plugins.ts'
import { previewOperations } from './openapi-preview.ts'
import { ref } from './openapi-schemas.ts'

/** One operation of the OpenAPI document, in short. */
export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** As in the routes: parameters begin with a colon. */
  readonly path: string
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly query?: Readonly<Record<string, { readonly description: string; readonly type: string; readonly [key: string]: unknown }>>
  readonly body?: object
  readonly answers: Readonly<Record<number, { readonly description?: string; readonly schema?: object }>>
}

const connector = '/connectors/:connector'
const flagQuery = (description: string) => ({ description: `${description} Only "true", in any case, is true.`, type: 'string' })

const connectors: readonly Operation[] = [
  {
    method: 'get',
    path: '/connectors',
    id: 'listConnectors',
    tag: 'Connectors',
    summary: 'Names of all connectors, or with expand what they are and how they stand.',
    query: { expand: { description: 'info, status; may be repeated.', type: 'array', items: { type: 'string' } } },
    answers: { 200: { schema: ref('Connectors') } },
  },
  {
    method: 'post',
    path: '/connectors',
    id: 'createConnector',
    tag: 'Connectors',
    summary: 'Validates a config, stores it and starts the connector.',
    body: ref('CreateRequest'),
    answers: { 201: { description: 'Created; Location says where.', schema: ref('ConnectorInfo') } },
  },
  {
    method: 'get',
    path: connector,
    id: 'getConnector',
    tag: 'Connectors',
    summary: 'Config, tasks and type of a connector.',
    answers: { 200: { schema: ref('ConnectorInfo') } },
  },
  {
    method: 'delete',
    path: connector,
    id: 'deleteConnector',
    tag: 'Connectors',
    summary: 'Stops and forgets a connector; its offsets stay.',
    answers: { 204: {} },
  },
  {
    method: 'get',
    path: `${connector}/config`,
    id: 'getConfig',
    tag: 'Connectors',
    summary: 'The config exactly as it was sent, with its name.',
    answers: { 200: { schema: ref('Config') } },
  },
  {
    method: 'put',
    path: `${connector}/config`,
    id: 'putConfig',
    tag: 'Connectors',
    summary: 'Creates a connector or replaces its config.',
    body: ref('SentConfig'),
    answers: {
      200: { description: 'Changed.', schema: ref('ConnectorInfo') },
      201: { description: 'Created.', schema: ref('ConnectorInfo') },
    },
  },
  {
    method: 'patch',
    path: `${connector}/config`,
    id: 'patchConfig',
    tag: 'Connectors',
    summary: 'Changes single keys; null removes one.',
    body: ref('SentConfig'),
    answers: { 200: { schema: ref('ConnectorInfo') } },
  },
  {
    method: 'get',
    path: `${connector}/status`,
    id: 'getStatus',
    tag: 'Connectors',
    summary: 'States of a connector and its tasks.',
    answers: { 200: { schema: ref('ConnectorStatus') } },
  },
  {
    method: 'post',
    path: `${connector}/restart`,
    id: 'restartConnector',
    tag: 'Connectors',
    summary: 'Restarts a connector and, when asked, its tasks.',
    query: { includeTasks: flagQuery('Restart the tasks, too.'), onlyFailed: flagQuery('Restart only what failed.') },
    answers: { 202: { description: 'The planned states.', schema: ref('ConnectorStatus') }, 204: {} },
  },
  ...(['pause', 'resume', 'stop'] as const).map((verb): Operation => ({
    method: 'put',
    path: `${connector}/${verb}`,
    id: `${verb}Connector`,
    tag: 'Connectors',
    summary: { pause: 'Pauses a connector; its tasks stay.', resume: 'Resumes a connector.', stop: 'Ends all tasks of a connector.' }[verb],
    answers: verb === 'stop' ? { 204: {} } : { 202: {} },
  })),
  {
    method: 'get',
    path: `${connector}/tasks`,
    id: 'getTasks',
    tag: 'Tasks',
    summary: 'Tasks with their configs.',
    answers: { 200: { schema: ref('Tasks') } },
  },
  {
    method: 'get',
    path: `${connector}/tasks/:task/status`,
    id: 'getTaskStatus',
    tag: 'Tasks',
    summary: 'State of a task.',
    answers: { 200: { schema: ref('TaskState') } },
  },
  {
    method: 'post',
    path: `${connector}/tasks/:task/restart`,
    id: 'restartTask',
    tag: 'Tasks',
    summary: 'Restarts a task.',
    answers: { 204: {} },
  },
  {
    method: 'get',
    path: `${connector}/topics`,
    id: 'getTopics',
    tag: 'Topics',
    summary: 'Topics that a connector has used.',
    answers: { 200: { schema: ref('Topics') } },
  },
  {
    method: 'put',
    path: `${connector}/topics/reset`,
    id: 'resetTopics',
    tag: 'Topics',
    summary: 'Forgets the topics that a connector has used.',
    answers: { 202: {} },
  },
  {
    method: 'get',
    path: `${connector}/offsets`,
    id: 'getOffsets',
    tag: 'Offsets',
    summary: 'Where a connector stands.',
    answers: { 200: { schema: ref('Offsets') } },
  },
  {
    method: 'patch',
    path: `${connector}/offsets`,
    id: 'alterOffsets',
    tag: 'Offsets',
    summary: 'Moves a stopped connector; a null offset forgets its partition.',
    body: ref('SentOffsets'),
    answers: { 200: { schema: ref('Message') } },
  },
  {
    method: 'delete',
    path: `${connector}/offsets`,
    id: 'resetOffsets',
    tag: 'Offsets',
    summary: 'Lets a stopped connector begin anew.',
    answers: { 200: { schema: ref('Message') } },
  },
]

const worker: readonly Operation[] = [
  {
    method: 'get',
    path: '/',
    id: 'getRoot',
    tag: 'Worker',
    summary: 'The level of the Connect API, by which clients switch features on.',
    answers: { 200: { schema: ref('Root') } },
  },
  {
    method: 'get',
    path: '/health',
    id: 'getHealth',
    tag: 'Worker',
    summary: 'Whether the worker answers (KIP-1017).',
    answers: { 200: { schema: ref('Health') }, 503: { description: 'Starting.', schema: ref('Health') } },
  },
  {
    method: 'get',
    path: '/livez',
    id: 'getLive',
    tag: 'Worker',
    summary: 'The process answers.',
    answers: { 200: { schema: ref('Probe') } },
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'getReady',
    tag: 'Worker',
    summary: 'The connectors of the last run are started.',
    answers: { 200: { schema: ref('Probe') }, 503: { description: 'Starting.', schema: ref('Probe') } },
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'getOpenApi',
    tag: 'Worker',
    summary: 'This document.',
    answers: { 200: { schema: ref('OpenApi') } },
  },
  {
    method: 'get',
    path: '/connector-plugins',
    id: 'listPlugins',
    tag: 'Plugins',
    summary: 'What this worker can run.',
    query: { connectorsOnly: { description: 'Anything but "true", empty and absent: all kinds of plugins.', type: 'string' } },
    answers: { 200: { schema: ref('Plugins') } },
  },
  {
    method: 'get',
    path: '/connector-plugins/:plugin/config',
    id: 'getPluginConfig',
    tag: 'Plugins',
    summary: 'Settings of a plugin.',
    query: { version: { description: 'latest, or a Maven range that the version must be in.', type: 'string' } },
    answers: { 200: { schema: ref('ConfigKeys') } },
  },
  {
    method: 'put',
    path: '/connector-plugins/:plugin/config/validate',
    id: 'validateConfig',
    tag: 'Plugins',
    summary: 'Whether a config would pass; errors are in the answer.',
    body: ref('SentConfig'),
    answers: { 200: { schema: ref('ConfigInfos') } },
  },
  {
    method: 'get',
    path: '/admin/loggers',
    id: 'listLoggers',
    tag: 'Loggers',
    summary: 'Loggers and their levels.',
    answers: { 200: { schema: ref('Loggers') } },
  },
  {
    method: 'get',
    path: '/admin/loggers/:logger',
    id: 'getLogger',
    tag: 'Loggers',
    summary: 'Level of a logger.',
    answers: { 200: { schema: ref('Logger') } },
  },
  {
    method: 'put',
    path: '/admin/loggers/:logger',
    id: 'setLogger',
    tag: 'Loggers',
    summary: 'Sets the level of a logger and of those under it; answers which changed.',
    query: { scope: { description: 'worker or cluster.', type: 'string' } },
    body: ref('Level'),
    answers: { 200: { schema: ref('Names') }, 204: { description: 'Done for the cluster.' } },
  },
  {
    method: 'get',
    path: '/api/v1/connectors',
    id: 'overview',
    tag: 'Millrace',
    summary: 'Connectors with their health and rates.',
    answers: { 200: { schema: ref('Overviews') } },
  },
  {
    method: 'get',
    path: '/api/v1/connectors/:connector/progress',
    id: 'progress',
    tag: 'Millrace',
    summary: 'Health of a connector and the progress of its tasks: snapshot, lag, rates.',
    answers: { 200: { schema: ref('Progress') } },
  },
  {
    method: 'put',
    path: '/api/v1/validate',
    id: 'validate',
    tag: 'Millrace',
    summary: 'Errors and warnings of a config, keys that nothing reads among them.',
    body: ref('SentConfig'),
    answers: { 200: { schema: ref('Verdict') } },
  },
  {
    method: 'get',
    path: '/api/v1/worker',
    id: 'worker',
    tag: 'Millrace',
    summary: 'Millrace’s own version, and what this process uses.',
    answers: { 200: { schema: ref('Worker') } },
  },
]

/** Every operation. A test holds it against the routes. */
export const operations: readonly Operation[] = [
  ...connectors,
  ...deadLetterOperations,
  ...previewOperations,
  ...pluginOperations,
  ...worker,
]
