import { connectorNames } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { checkConfigs } from '../configs/check.ts'
import { readConfigFiles } from '../configs/config-files.ts'
import { shownConfig } from '../configs/secrets.ts'
import { exitCodes, FailedError } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { plain } from '../output/terminal.ts'
import { RestError } from '../rest-client.ts'
import { awaitState, type WantedState } from '../waiting.ts'
import { refuse, warn } from './apply.ts'

export interface CreateOptions extends ClientOptions {
  /** In which state they begin; a file's own `initial_state` wins. */
  readonly state?: string
  readonly wait?: number
}

/** Creates connectors that do not exist yet. All are validated first; where one has a fault, or exists, nothing is created. */
export async function create(places: readonly string[], options: CreateOptions): Promise<void> {
  const { connectors, faults, passedOver } = readConfigFiles(places)
  for (const path of passedOver) note(`Passed over, as it is neither .json nor .properties: ${path}`)
  const isJson = options.output === 'json'
  if (faults.length > 0 && connectors.length === 0) return refuse(faults, isJson)
  const client = clientOf(options)
  const [names, checks] = await Promise.all([connectorNames(client), checkConfigs(client, connectors)])
  warn(checks)
  const all = [...faults, ...checks.flatMap((check) => check.faults)]
  if (all.length > 0) return refuse(all, isJson)
  const existing = connectors.filter(({ name }) => names.includes(name))
  if (existing.length > 0) {
    const shown = existing.map(({ name, file }) => `${name} (${file})`).join(', ')
    throw new FailedError(`Nothing was created, as there is already ${shown}: "millrace apply" changes what exists`)
  }
  const made: object[] = []
  for (const [at, { name, config, ...file }] of connectors.entries()) {
    const state = file.state ?? options.state?.toUpperCase()
    try {
      await client.call('POST', '/connectors', { name, config, ...(state === undefined ? {} : { initial_state: state }) })
      if (!isJson) printLines([`${plain(name)}: created`])
      made.push({ name, config: shownConfig(config, checks[at]!.secrets) })
      if (options.wait !== undefined) await awaitState(client, name, (state ?? 'RUNNING') as WantedState, options.wait)
    } catch (error) {
      if (error instanceof RestError && error.status === 0) throw error
      note(`millrace: ${name} (${file.file}): ${(error as Error).message}`)
      process.exitCode = exitCodes.failed
    }
  }
  if (isJson) printJson(made)
}
