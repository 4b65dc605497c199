import { RestError, segment, type RestClient } from './rest-client.ts'

// What workers answer, checked: a proxy or another kind of server may stand behind the address, and no answer may crash the command.

/** A connector's status as Connect tells it. */
export interface ShownStatus {
  readonly name: string
  readonly type: string
  readonly connector: ShownState
  readonly tasks: readonly (ShownState & { readonly id: number })[]
}

export interface ShownState {
  readonly state: string
  readonly worker: string
  readonly version: string
  /** Empty: none. */
  readonly trace: string
}

/** A connector's info as Connect tells it. */
export interface ShownInfo {
  readonly name: string
  readonly type: string
  readonly config: Readonly<Record<string, string>>
}

export type JsonObject = Readonly<Record<string, unknown>>

/** The path of a connector, and of what lies under it. */
export function connectorPath(name: string, rest = ''): string {
  return `/connectors/${segment(name)}${rest}`
}

export async function connectorNames(client: RestClient): Promise<readonly string[]> {
  return listOf(client, '/connectors', await client.call('GET', '/connectors')).map(String)
}

export async function statusOf(client: RestClient, name: string): Promise<ShownStatus> {
  const path = connectorPath(name, '/status')
  return shownStatus(name, objectOf(client, path, await client.call('GET', path)))
}

/** All connectors with status and info, by name, in the order of their names. */
export async function allConnectors(
  client: RestClient,
): Promise<ReadonlyMap<string, { readonly status: ShownStatus; readonly info: ShownInfo; readonly rawStatus: JsonObject }>> {
  const path = '/connectors?expand=status&expand=info'
  const answer = objectOf(client, path, await client.call('GET', path))
  const entries = Object.entries(answer).map(([name, entry]) => {
    const { status, info } = asObject(entry)
    const rawStatus = asObject(status)
    return [name, { status: shownStatus(name, rawStatus), info: shownInfo(name, asObject(info)), rawStatus }] as const
  })
  return new Map(entries.sort(([one], [other]) => (one < other ? -1 : 1)))
}

/** Throws a RestError where the answer is no object: then no worker gave it. */
export function objectOf(client: RestClient, path: string, answer: unknown): JsonObject {
  if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer as JsonObject
  throw strange(client, path)
}

/** Throws a RestError where the answer is no list. */
export function listOf(client: RestClient, path: string, answer: unknown): readonly unknown[] {
  if (Array.isArray(answer)) return answer
  throw strange(client, path)
}

/** The value if it is an object, else one without members. */
export function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
}

/** The value as text; empty for null and undefined. */
export function asText(value: unknown): string {
  return value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

export function shownStatus(name: string, answer: JsonObject): ShownStatus {
  const tasks = Array.isArray(answer['tasks']) ? (answer['tasks'] as readonly unknown[]).map(asObject) : []
  return {
    name,
    type: asText(answer['type']),
    connector: shownState(asObject(answer['connector'])),
    tasks: tasks.map((task) => ({ id: Number(task['id']), ...shownState(task) })),
  }
}

export function shownInfo(name: string, { type, config }: JsonObject): ShownInfo {
  const entries = Object.entries(asObject(config)).map(([key, value]) => [key, asText(value)])
  return { name, type: asText(type), config: Object.fromEntries(entries) as Record<string, string> }
}

/** The topics that a connector has used, of Connect's `{name: {topics}}`. */
export function topicsOf(answer: JsonObject): readonly string[] {
  return Object.values(answer).flatMap((entry) => {
    const { topics } = asObject(entry)
    return Array.isArray(topics) ? topics.map(asText) : []
  })
}

/** Whether the connector or one of its tasks is FAILED. */
export function hasFailed({ connector, tasks }: ShownStatus): boolean {
  return [connector, ...tasks].some(({ state }) => state === 'FAILED')
}

/** Of a trace what says why: its first line, the causes, and when the task starts again. */
export function traceReason(trace: string): readonly string[] {
  const lines = trace.split('\n').map((line) => line.trimEnd())
  const telling = lines.filter((line, at) => line !== '' && (at === 0 || !/^\s+(at |\.\.\. \d+ more)/.test(line)))
  return telling.slice(0, 12)
}

function shownState(part: JsonObject): ShownState {
  return {
    state: asText(part['state']),
    worker: asText(part['worker_id']),
    version: asText(part['version']),
    trace: asText(part['trace']),
  }
}

function strange(client: RestClient, path: string): RestError {
  return new RestError(0, `${client.url} does not answer GET ${path} as a worker does; check --url`)
}
