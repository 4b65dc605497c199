import { readFileSync } from 'node:fs'
import { ConfigError, defineConfig, parseConfig, type ConfigOf } from '../core/index.ts'
import { parseProperties } from '../core/runtime/properties.ts'

/** The worker's own keys: Connect's standalone ones under their names, and ours. */
export const workerConfig = defineConfig({
  listeners: { type: 'list', default: ['http://127.0.0.1:8083'], doc: 'Addresses of the REST API. `http://:8083` means every interface.' },
  'rest.advertised.host.name': { type: 'string', doc: 'Host name that other machines should use for this worker; shown in worker_id.' },
  'rest.advertised.port': {
    type: 'int',
    min: 0,
    max: 65535,
    doc: 'Port that other machines should use for this worker; shown in worker_id.',
  },
  'rest.allowed.hosts': {
    type: 'list',
    default: [],
    doc: 'Further names that a request may carry in its Host header (a proxy, a service name).',
  },
  'access.control.allow.origin': {
    type: 'string',
    default: '',
    doc: 'Value of Access-Control-Allow-Origin; empty: no cross-origin calls.',
  },
  'access.control.allow.methods': {
    type: 'string',
    default: '',
    doc: 'Methods that cross-origin calls may use; empty: GET, POST and HEAD.',
  },
  'response.http.headers.config': { type: 'string', default: '', doc: 'Headers put on every answer, as in Connect (KIP-577).' },
  'admin.listeners': { type: 'list', doc: 'Absent: the admin endpoints are served on `listeners`; empty: not at all.' },
  'store.path': {
    type: 'string',
    default: './millrace.db',
    doc: 'File that keeps configs, offsets, states and topics (SQLite). One worker per file.',
  },
  plugins: {
    type: 'list',
    default: [],
    doc: 'Packages, folders of packages or module files that offer connectors, transforms and converters, beside the dependencies that carry the keyword millrace-plugin.',
  },
  'plugin.path': { type: 'list', default: [], doc: 'Folders with plugin packages: each is a package itself, or holds packages.' },
  'plugin.install.path': {
    type: 'string',
    default: './millrace-plugins',
    doc: 'Folder into which `millrace plugin install` puts packages, each version beside the others.',
  },
  'key.converter': {
    type: 'class',
    default: 'org.apache.kafka.connect.json.JsonConverter',
    doc: 'Converter of keys where a connector names none.',
  },
  'value.converter': {
    type: 'class',
    default: 'org.apache.kafka.connect.json.JsonConverter',
    doc: 'Converter of values where a connector names none.',
  },
  'header.converter': {
    type: 'class',
    default: 'org.apache.kafka.connect.storage.SimpleHeaderConverter',
    doc: 'Converter of headers where a connector names none.',
  },
  'offset.flush.interval.ms': {
    type: 'long',
    min: 1,
    doc: 'Longest time between two flushes of a connector that sets no `flush.interval.ms` itself.',
  },
  'offset.flush.timeout.ms': {
    type: 'long',
    min: 1,
    default: 5000,
    doc: 'Accepted for Connect configs; flushes here have no time-out, they have retries.',
  },
  'offset.storage.file.filename': { type: 'string', doc: 'Accepted for Connect configs and not read: offsets live in `store.path`.' },
  'task.shutdown.graceful.timeout.ms': {
    type: 'long',
    min: 0,
    default: 5000,
    doc: 'How long tasks may drain at a stop before they are killed.',
  },
  'topic.tracking.enable': { type: 'boolean', default: true, doc: 'Whether the topics that connectors use are remembered.' },
  'topic.tracking.allow.reset': { type: 'boolean', default: true, doc: 'Whether the remembered topics may be reset by the REST API.' },
  'config.providers': { type: 'list', default: [], doc: 'Names of config providers; each has a `config.providers.<name>.class`.' },
  'host.mode': {
    type: 'string',
    oneOf: ['process', 'shared', 'inline'],
    default: 'process',
    doc: 'Where tasks run: a process each, a few shared ones, or inside the worker (tests, embedding).',
  },
  'host.shared.processes': { type: 'int', min: 1, max: 64, default: 2, doc: 'How many hosts share the tasks in host.mode=shared.' },
  'file.allowed.roots': { type: 'list', default: [], doc: 'Folders that file and lake connectors may use; empty: any.' },
  'log.level': {
    type: 'string',
    oneOf: ['trace', 'debug', 'info', 'warn', 'error'],
    default: 'info',
    doc: 'Level of the root logger at start.',
  },
  'errors.deadletterqueue.path': {
    type: 'string',
    default: './dead-letters',
    doc: 'Folder of the dead letters of connectors that name none themselves.',
  },
  'bootstrap.servers': { type: 'list', doc: 'Kafka brokers, for connectors with Kafka at one end.' },
  'group.id': { type: 'string', doc: 'Begins the transactional ids of connectors that write to Kafka exactly once; default: millrace.' },
  'offset.storage.topic': {
    type: 'string',
    doc: 'Topic in which connectors that write to Kafka exactly once keep their positions, unless they name their own; default: millrace-offsets.',
  },
  'exactly.once.source.support': {
    type: 'string',
    oneOf: ['disabled', 'preparing', 'enabled'],
    doc: 'enabled: source connectors write to Kafka exactly once unless they say otherwise; disabled: those that require it are refused; absent: those that require it do.',
  },
  'topic.creation.enable': { type: 'boolean', default: true, doc: 'Whether connectors may create the topics that they write to.' },
  'connector.client.config.override.policy': {
    type: 'class',
    default: 'Allowlist',
    oneOf: ['All', 'None', 'Principal', 'Allowlist'],
    doc: 'What connectors may change of their Kafka clients by consumer.override.*, producer.override.* and admin.override.* keys.',
  },
  'connector.client.config.override.allowlist': {
    type: 'list',
    doc: 'Client keys that connectors may change under the policy Allowlist; absent: those that change speed, memory and reading position, no addresses and no credentials.',
  },
  ...Object.fromEntries(
    ['config.storage.topic', 'status.storage.topic', 'rest.port', 'rest.host.name', 'plugin.discovery'].map((key) => [
      key,
      { type: 'string', doc: 'Accepted for Connect configs and not read.' } as const,
    ]),
  ),
})

export type WorkerKeys = ConfigOf<typeof workerConfig>

/** A worker's settings: the typed keys, and all keys as given (prefixes such as `config.providers.` and `value.converter.` are read from there). */
export interface WorkerSettings {
  readonly keys: WorkerKeys
  readonly raw: Readonly<Record<string, string>>
  /** Keys that nothing reads, with the nearest known key where one is near: for a warning at start. */
  readonly unknown: readonly string[]
}

/** Prefixes under which further keys belong to something else: providers, converters, Kafka clients, the tasks' defaults. */
const prefixes = [
  'config.providers.',
  'key.converter.',
  'value.converter.',
  'header.converter.',
  'producer.',
  'consumer.',
  'admin.',
  'task.',
  'flush.',
  'errors.',
  'host.',
  'listeners.https.',
  'ssl.',
  'security.',
  'sasl.',
  'config.storage.',
  'offset.storage.',
  'status.storage.',
  'transaction.',
]

/** Reads a worker file, JSON or Java properties by its content, and lays the overrides over it. Throws a ConfigError with all faults at once. */
export function readSettings(file: string | undefined, overrides: Readonly<Record<string, string>> = {}): WorkerSettings {
  const raw = { ...(file === undefined ? {} : readConfigFile(file)), ...overrides }
  const { config, issues } = parseConfig(workerConfig, raw)
  if (issues.length > 0) throw new ConfigError(issues)
  const known = Object.keys(workerConfig)
  const unknown = Object.keys(raw).filter((key) => !known.includes(key) && !prefixes.some((prefix) => key.startsWith(prefix)))
  return { keys: config, raw, unknown }
}

/** A flat config from a JSON or properties file; the values of JSON scalars become text. Throws a ConfigError that names the file. */
export function readConfigFile(file: string): Record<string, string> {
  const text = readText(file)
  if (!/^\s*\{/.test(text)) return parseProperties(text)
  return scalars(parseJson(text, file) as object, file)
}

/** A connector file as connect-standalone takes it: properties, a flat JSON config with `name`, or the REST form {name, config}. */
export function readConnectorFile(file: string): { readonly name: string; readonly config: Record<string, string> } {
  const text = readText(file)
  const nested = /^\s*\{/.test(text) ? (parseJson(text, file) as { name?: unknown; config?: unknown }) : undefined
  const config = nested && typeof nested.config === 'object' && nested.config !== null ? scalars(nested.config, file) : readConfigFile(file)
  const name = String((nested?.config ? nested.name : undefined) ?? config['name'] ?? '')
  if (name === '') throw new ConfigError([{ key: 'name', message: `${file} names no connector: add "name"` }])
  return { name, config: { ...config, name } }
}

function scalars(config: object, file: string): Record<string, string> {
  const flat: Record<string, string> = {}
  for (const [key, value] of Object.entries(config)) {
    if (value === null || typeof value === 'object') {
      const shown = Array.isArray(value)
        ? 'a list: write it as one string, its items separated by commas'
        : 'nested: write it with dots in the key'
      throw new ConfigError([
        { key, message: `Invalid value for configuration ${key} in ${file}: it is ${value === null ? 'null' : shown}` },
      ])
    }
    flat[key] = String(value)
  }
  return flat
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError([{ key: 'file', value: file, message: `Cannot read ${file}: ${(error as Error).message}` }], { cause: error })
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text, spelled)
  } catch (error) {
    throw new ConfigError([{ key: 'file', value: file, message: `${file} is not valid JSON: ${(error as Error).message}` }], {
      cause: error,
    })
  }
}

/** Numbers keep their spelling: 1.10 stays 1.10, and 64-bit ones all their digits. */
function spelled(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' && context?.source !== undefined ? context.source : value
}

/** What a connector gets where its own config is silent: converters, `flush.`, `task.` and `errors.` keys of the worker. */
export function taskDefaults({ keys, raw }: WorkerSettings): Readonly<Record<string, string>> {
  const inherited = Object.entries(raw).filter(([key]) =>
    /^(key\.converter|value\.converter|header\.converter|flush|task|errors|host)\./.test(key),
  )
  const interval = keys['offset.flush.interval.ms']
  return {
    'key.converter': keys['key.converter'],
    'value.converter': keys['value.converter'],
    'header.converter': keys['header.converter'],
    ...(interval === undefined ? {} : { 'flush.interval.ms': String(interval) }),
    ...Object.fromEntries(inherited),
  }
}

/** The settings that Kafka clients of connectors inherit, and the rules for what they may override. */
export function clientSettings({ raw }: WorkerSettings): Readonly<Record<string, string>> {
  const theirs =
    /^(bootstrap\.servers$|client\.dns|security\.|sasl\.|ssl\.|consumer\.|producer\.|connector\.client\.|group\.id$|offset\.storage\.topic$|exactly\.once\.|topic\.creation\.enable$)/
  return Object.fromEntries(Object.entries(raw).filter(([key]) => theirs.test(key)))
}
