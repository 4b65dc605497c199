import { clientOf, type ClientOptions } from '../client-options.ts'
import { readConfigFiles } from '../configs/config-files.ts'
import { shownConfig } from '../configs/secrets.ts'
import { exitCodes } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { plain } from '../output/terminal.ts'
import { RestError } from '../rest-client.ts'
import { awaitState, type WantedState } from '../waiting.ts'
import { refuse } from './apply.ts'

export interface CreateOptions extends ClientOptions {
  /** In which state they begin; a file's own `initial_state` wins. */
  readonly state?: string
  readonly wait?: number
}

/** Creates connectors that do not exist yet; one that does is a failure. The worker validates each. */
export async function create(places: readonly string[], options: CreateOptions): Promise<void> {
  const { connectors, faults, passedOver } = readConfigFiles(places)
  for (const path of passedOver) note(`Passed over, as it is neither .json nor .properties: ${path}`)
  if (faults.length > 0) return refuse(faults, options.output === 'json')
  const client = clientOf(options)
  const made: object[] = []
  for (const { name, config, ...file } of connectors) {
    const state = file.state ?? options.state?.toUpperCase()
    try {
      await client.call('POST', '/connectors', { name, config, ...(state === undefined ? {} : { initial_state: state }) })
      if (options.output !== 'json') printLines([`${plain(name)}: created`])
      made.push({ name, config: shownConfig(config) })
      if (options.wait !== undefined) await awaitState(client, name, (state ?? 'RUNNING') as WantedState, options.wait)
    } catch (error) {
      if (!(error instanceof Error) || (error instanceof RestError && error.status === 0)) throw error
      note(`millrace: ${name} (${file.file}): ${error.message}`)
      const isConfig = error instanceof RestError && error.status === 400
      process.exitCode = process.exitCode === exitCodes.failed || !isConfig ? exitCodes.failed : exitCodes.wrong
    }
  }
  if (options.output === 'json') printJson(made)
}
