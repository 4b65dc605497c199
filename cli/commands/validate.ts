import { clientOf, type ClientOptions } from '../client-options.ts'
import { checkConfigs } from '../configs/check.ts'
import { readConfigFiles } from '../configs/config-files.ts'
import { faultText } from '../configs/connector-file.ts'
import { exitCodes } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { paint, plain } from '../output/terminal.ts'

/** Has a worker validate configs, and tells every fault; exits with 2 where there is one. Changes nothing. */
export async function validate(places: readonly string[], options: ClientOptions): Promise<void> {
  const files = readConfigFiles(places)
  for (const path of files.passedOver) note(`Passed over, as it is neither .json nor .properties: ${path}`)
  const client = clientOf(options)
  const checks = await checkConfigs(client, files.connectors)
  const faults = [...files.faults, ...checks.flatMap((check) => check.faults)]
  const fine = files.connectors.filter(({ file }) => !faults.some((fault) => fault.file === file))
  const warnings = checks.flatMap((check) => check.warnings)
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
