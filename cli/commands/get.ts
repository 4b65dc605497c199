import { asObject, asText, connectorNames, connectorPath, objectOf, topicsOf } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { UsageError } from '../exit.ts'
import { note, printJson, printJsonText, printLines } from '../output/print.ts'
import { pairs } from '../output/table.ts'
import { plain } from '../output/terminal.ts'
import { RestError } from '../rest-client.ts'

/** What `millrace get` can list, and whether a name has to follow. */
export const kinds = {
  connectors: 'may',
  plugins: 'may',
  loggers: 'may',
  offsets: 'must',
  config: 'must',
  topics: 'must',
  worker: 'not',
} as const satisfies Readonly<Record<string, 'may' | 'must' | 'not'>>

/** Lists one kind of thing, as kubectl and kcctl do; each is also a verb of its own. */
export async function get(kind: string, name: string | undefined, options: ClientOptions & { readonly all?: boolean }): Promise<void> {
  const known = kindOf(kind)
  if (kinds[known] === 'must' && name === undefined)
    throw new UsageError(`get ${known} needs the name of a connector: millrace get ${known} <connector>`)
  if (kinds[known] === 'not' && name !== undefined) throw new UsageError(`get ${known} takes no name`)
  switch (known) {
    case 'connectors':
      return (await import('./status.ts')).status(name === undefined ? [] : [name], options)
    case 'plugins':
      return (await import('./plugins.ts')).plugins(name, options)
    case 'loggers':
      return (await import('./loggers.ts')).loggers(name, undefined, options)
    case 'offsets':
      return (await import('./offsets.ts')).showOffsets(name!, options)
    case 'config':
      return config(name!, options)
    case 'topics':
      return topics(name!, options)
    case 'worker':
      return worker(options)
    default:
      return known satisfies never
  }
}

/** Names alone, one a line: for scripts. */
export async function list(options: ClientOptions): Promise<void> {
  const names = await connectorNames(clientOf(options))
  if (options.output === 'json') printJson(names)
  else printLines(names.map((name) => plain(name)))
}

/** A config as the worker keeps it: JSON that `apply` takes. */
export async function config(name: string, options: Partial<ClientOptions>): Promise<void> {
  const client = clientOf(options)
  const path = connectorPath(name, '/config')
  const text = await client.text('GET', path)
  objectOf(client, path, text === '' ? undefined : JSON.parse(text))
  printJsonText(text)
}

async function topics(name: string, options: ClientOptions): Promise<void> {
  const client = clientOf(options)
  const path = connectorPath(name, '/topics')
  const answer = objectOf(client, path, await client.call('GET', path))
  const names = topicsOf(answer)
  if (options.output === 'json') return printJson(names)
  if (names.length === 0) note(`Connector ${name} has used no topics yet`)
  printLines(names.toSorted().map((topic) => plain(topic)))
}

/** Who answers: version, and what only our workers say. */
async function worker(options: ClientOptions): Promise<void> {
  const client = clientOf(options)
  const root = objectOf(client, '/', await client.call('GET', '/'))
  let own: object = {}
  try {
    own = asObject(await client.call('GET', '/api/v1/worker'))
  } catch (error) {
    if (!(error instanceof RestError && error.status === 404)) throw error // Kafka Connect's worker has no such page.
  }
  const all = { url: client.url, ...root, ...own }
  if (options.output === 'json') printJson(all)
  else printLines(pairs(Object.entries(all).map(([key, value]) => [key, asText(value)])))
}

function kindOf(text: string): keyof typeof kinds {
  const found = Object.keys(kinds).find((kind) => kind === text || kind === `${text}s`)
  if (found === undefined) throw new UsageError(`Nothing is called ${text}: get one of ${Object.keys(kinds).join(', ')}`)
  return found as keyof typeof kinds
}
