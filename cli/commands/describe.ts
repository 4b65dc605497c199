import { asObject, asText, connectorPath, objectOf, shownInfo, shownStatus, topicsOf, type JsonObject } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { secretKeys } from '../configs/secret-keys.ts'
import { shownConfig } from '../configs/secrets.ts'
import { UsageError } from '../exit.ts'
import { printJson, printLines } from '../output/print.ts'
import { pairs } from '../output/table.ts'
import { paint, plain, stateColour } from '../output/terminal.ts'
import { RestError, segment, type RestClient } from '../rest-client.ts'

/** `describe connector NAME`, `describe plugin CLASS`, or `describe NAME` for a connector. */
export async function describe(kind: string, name: string | undefined, options: ClientOptions): Promise<void> {
  if (name === undefined) return describeConnector(kind, options)
  if (/^plugins?$/.test(kind)) return (await import('./plugins.ts')).plugins(name, options)
  if (/^connectors?$/.test(kind)) return describeConnector(name, options)
  throw new UsageError(`Nothing is called ${kind}: describe connector <name>, or describe plugin <class>`)
}

/** Everything about a connector: its config without secrets, its states with whole traces, topics, and how it does where the worker says so. */
async function describeConnector(name: string, options: ClientOptions): Promise<void> {
  const client = clientOf(options)
  const get = async (path: string) => objectOf(client, path, await client.call('GET', path))
  const [answer, state, topics, progress] = await Promise.all([
    get(connectorPath(name)),
    get(connectorPath(name, '/status')),
    optional(client, connectorPath(name, '/topics')),
    optional(client, `/api/v1/connectors/${segment(name)}/progress`),
  ])
  const info = shownInfo(name, answer)
  const topicNames = topicsOf(topics ?? {})
  const config = shownConfig(info.config, await secretKeys(client, info.config))
  if (options.output === 'json') return printJson({ name, type: info.type, config, status: state, topics: topicNames, progress: progress ?? null }) // prettier-ignore
  const status = shownStatus(name, state)
  const { health, hint, rate, restarts, records } = progress ?? {}
  const counted = Object.entries(asObject(records)).map(([what, count]) => `${asText(count)} ${what}`)
  printLines([
    ...pairs([
      ['Name', name],
      ['Type', info.type],
      ['State', status.connector.state],
      ['Worker', status.connector.worker],
      ['Version', status.connector.version],
      ...(progress === undefined
        ? []
        : ([
            ['Health', asText(health)],
            ...(hint ? ([['Hint', asText(hint)]] as const) : []),
            ['Records', `${counted.join(', ')}; ${Math.round(Number(rate))}/s`],
            ['Restarts', asText(restarts)],
          ] as const)),
      ['Topics', topicNames.length === 0 ? 'none yet' : topicNames.join(', ')],
    ]),
    paint('Tasks:', 'bold'),
    ...(status.tasks.length === 0 ? ['  none'] : []),
    ...status.tasks.flatMap(({ id, state: word, worker, trace }) => [
      `  ${id}  ${paint(plain(word), stateColour(word))}  ${plain(worker)}`,
      ...traceLines(trace, '     '),
    ]),
    ...(status.connector.trace === '' ? [] : [paint('Failure:', 'bold'), ...traceLines(status.connector.trace, '  ')]),
    paint('Config:', 'bold'),
    ...pairs(Object.entries(config).sort(([one], [other]) => (one < other ? -1 : 1))).map((line) => `  ${line}`),
  ])
}

function traceLines(trace: string, margin: string): readonly string[] {
  return trace === '' ? [] : trace.trimEnd().split('\n').map((line) => `${margin}${plain(line, true)}`) // prettier-ignore
}

/** What a worker may lack or have switched off. */
async function optional(client: RestClient, path: string): Promise<JsonObject | undefined> {
  try {
    return objectOf(client, path, await client.call('GET', path))
  } catch (error) {
    if (error instanceof RestError && (error.status === 403 || error.status === 404)) return undefined
    throw error
  }
}
