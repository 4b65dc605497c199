import { asObject, asText } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { checkConfigs } from '../configs/check.ts'
import { readConfigFiles } from '../configs/config-files.ts'
import { faultText, type ConnectorFile, type FileFault } from '../configs/connector-file.ts'
import { exitCodes } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { paint, plain } from '../output/terminal.ts'
import { RestError, type RestClient } from '../rest-client.ts'

/** Has a worker validate configs, and tells every fault; exits with 2 where there is one. Changes nothing. */
export async function validate(places: readonly string[], options: ClientOptions): Promise<void> {
  const files = readConfigFiles(places)
  for (const path of files.passedOver) note(`Passed over, as it is neither .json nor .properties: ${path}`)
  const client = clientOf(options)
  const checks = await checkConfigs(client, files.connectors)
  const faults = [...files.faults, ...checks.flatMap((check) => check.faults)]
  const fine = files.connectors.filter(({ file }) => !faults.some((fault) => fault.file === file))
  const warnings = (await Promise.all(fine.map((file) => warningsOf(client, file)))).flat()
  if (options.output === 'json') printJson({ valid: faults.length === 0, faults, warnings })
  else {
    printLines([
      ...fine.map(({ file, name }) => `${plain(file)}: ${paint('valid', 'green')} (${plain(name)})`),
      ...warnings.map((warning) => paint(`warning: ${plain(faultText(warning), true)}`, 'yellow')),
      ...faults.map((fault) => paint(plain(faultText(fault), true), 'red')),
    ])
  }
  if (faults.length > 0) process.exitCode = exitCodes.wrong
}

/** Keys that nothing reads, say; only our workers tell. */
async function warningsOf(client: RestClient, { file, config }: ConnectorFile): Promise<readonly FileFault[]> {
  try {
    const { warnings } = asObject(await client.call('PUT', '/api/v1/validate', config))
    const list = Array.isArray(warnings) ? (warnings as readonly unknown[]).map(asObject) : []
    return list.map(({ key, message }) => ({ file, key: asText(key), message: asText(message) }))
  } catch (error) {
    if (error instanceof RestError && (error.status === 404 || error.status === 405)) return [] // Kafka Connect's worker.
    throw error
  }
}
