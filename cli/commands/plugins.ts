import { asObject, asText, listOf } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { table } from '../output/table.ts'
import { segment } from '../rest-client.ts'

export interface PluginOptions extends ClientOptions {
  /** Transforms, predicates and converters, too. */
  readonly all?: boolean
}

/** The classes that a worker can run; with a class, the settings that it knows. */
export async function plugins(name: string | undefined, options: PluginOptions): Promise<void> {
  const client = clientOf(options)
  const path = name === undefined ? `/connector-plugins?connectorsOnly=${!options.all}` : `/connector-plugins/${segment(name)}/config`
  const answer = listOf(client, path, await client.call('GET', path))
  if (options.output === 'json') return printJson(answer)
  const entries = answer.map(asObject)
  if (entries.length === 0) return note(name === undefined ? 'No plugins' : `${name} has no settings`)
  if (name === undefined) {
    const rows = entries.map((entry) => ['type', 'class', 'version'].map((key) => asText(entry[key])))
    return printLines(
      table(
        ['TYPE', 'CLASS', 'VERSION'],
        rows.toSorted((one, other) => (one.join(' ') < other.join(' ') ? -1 : 1)),
      ),
    )
  }
  const rows = entries.map((entry) => {
    const isRequired = entry['required'] === true
    return [asText(entry['name']), asText(entry['type']).toLowerCase(), isRequired ? 'required' : asText(entry['default_value']), asText(entry['documentation'])] // prettier-ignore
  })
  printLines(table(['KEY', 'TYPE', 'DEFAULT', 'MEANING'], rows, (cell) => (cell === 'required' ? 'yellow' : undefined)))
}
