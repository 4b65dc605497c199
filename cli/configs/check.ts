import { asObject, asText, type JsonObject } from '../answers.ts'
import { RestError, segment, type RestClient } from '../rest-client.ts'
import type { ConnectorFile, FileFault } from './connector-file.ts'
import { shownValue } from './secrets.ts'

export interface CheckedConfig {
  readonly faults: readonly FileFault[]
  /** What is no fault and hardly meant, such as a key that nothing reads. Asked for where there is no fault. */
  readonly warnings: readonly FileFault[]
  /** Keys that the worker knows for passwords. */
  readonly secrets: ReadonlySet<string>
}

/** At so many configs at a time a worker is asked: each may cost it a process. */
const checksMax = 4

/** Has the worker validate configs; the answers are in their order. Throws a RestError where it cannot be asked. */
export async function checkConfigs(client: RestClient, files: readonly ConnectorFile[]): Promise<readonly CheckedConfig[]> {
  const results: CheckedConfig[] = Array.from({ length: files.length })
  let next = 0
  const lane = async () => {
    for (let at = next++; at < files.length; at = next++) results[at] = await checkConfig(client, files[at]!)
  }
  await Promise.all(Array.from({ length: Math.min(checksMax, files.length) }, lane))
  return results
}

async function checkConfig(client: RestClient, connector: ConnectorFile): Promise<CheckedConfig> {
  const { file, config } = connector
  const given = config['connector.class']
  if (!given) return { faults: [{ file, key: 'connector.class', message: 'The config names no connector: add "connector.class"' }], warnings: [], secrets: new Set() } // prettier-ignore
  let answer: JsonObject
  try {
    answer = asObject(await client.call('PUT', `/connector-plugins/${segment(given)}/config/validate`, config))
  } catch (error) {
    // Kafka Connect tells of a class that it does not have as of a fault of its own.
    if (!(error instanceof RestError) || ![400, 404, 500].includes(error.status)) throw error
    const found = /Failed to find any class[^]*/.exec(error.message)?.[0] ?? error.message
    return { faults: [{ file, key: 'connector.class', value: given, message: classText(found) }], warnings: [], secrets: new Set() }
  }
  const entries = (Array.isArray(answer['configs']) ? (answer['configs'] as readonly unknown[]) : []).map(asObject)
  const secrets = new Set(
    entries.flatMap(({ definition }) => (asObject(definition)['type'] === 'PASSWORD' ? [asText(asObject(definition)['name'])] : [])),
  )
  const faults = entries.flatMap(({ value }) => {
    const { name, errors } = asObject(value)
    const key = asText(name)
    const shown = config[key] === undefined ? null : shownValue(key, config[key], secrets)
    return Array.isArray(errors) ? errors.map((message) => ({ file, key, value: shown, message: asText(message) })) : []
  })
  return { faults, warnings: faults.length > 0 ? [] : await warningsOf(client, connector), secrets }
}

/** Keys that nothing reads, say; only our workers tell. */
async function warningsOf(client: RestClient, { file, config }: ConnectorFile): Promise<readonly FileFault[]> {
  try {
    const { warnings } = asObject(await client.call('PUT', '/api/v1/validate', config))
    const list = Array.isArray(warnings) ? (warnings as readonly unknown[]).map(asObject) : []
    return list.map(({ key, message }) => ({ file, key: asText(key), message: asText(message) }))
  } catch (error) {
    // Kafka Connect's worker, or a gateway before it that lets nothing else through; faults were told before.
    if (error instanceof RestError && error.status >= 400) return []
    throw error
  }
}

/** Connect lists everything that it has, on one line: the names alone, on lines of their own, can be read. */
function classText(message: string): string {
  const names = [...message.matchAll(/class [\w.$]+, name='([\w.$]+)'|PluginDesc\{klass=class ([\w.$]+)/g)].map((match) => match[1] ?? match[2]!) // prettier-ignore
  if (names.length === 0) return message
  return `The worker has no such connector. It has:\n${[...new Set(names)].sort().map((name) => `    ${name}`).join('\n')}` // prettier-ignore
}
