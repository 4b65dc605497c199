import { asObject, asText, objectOf } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { printJson, printLines } from '../output/print.ts'
import { table } from '../output/table.ts'
import { timeText } from '../output/print.ts'
import { segment } from '../rest-client.ts'

export interface LoggerOptions extends ClientOptions {
  /** On all workers of a cluster, in place of the one that is asked. */
  readonly cluster?: boolean
}

/** The worker's loggers with their levels; with a name, that one; with a level, it is set for the logger and those under it. */
export async function loggers(name: string | undefined, level: string | undefined, options: LoggerOptions): Promise<void> {
  const client = clientOf(options)
  if (name !== undefined && level !== undefined) {
    const path = `/admin/loggers/${segment(name)}${options.cluster ? '?scope=cluster' : ''}`
    const answer = await client.call('PUT', path, { level: level.toUpperCase() })
    const changed = Array.isArray(answer) ? answer.map(String) : [name]
    if (options.output === 'json') return printJson(changed)
    return printLines(table(['LOGGER', 'LEVEL'], changed.map((one) => [one, level.toUpperCase()]))) // prettier-ignore
  }
  const path = name === undefined ? '/admin/loggers' : `/admin/loggers/${segment(name)}`
  const answer = objectOf(client, path, await client.call('GET', path))
  if (options.output === 'json') return printJson(answer)
  const entries = name === undefined ? Object.entries(answer) : [[name, answer] as const]
  const rows = entries.map(([logger, entry]) => {
    const { level: set, last_modified: changed } = asObject(entry)
    return [logger, asText(set), typeof changed === 'number' ? timeText(changed) : '']
  })
  printLines(table(['LOGGER', 'LEVEL', 'CHANGED'], rows))
}
