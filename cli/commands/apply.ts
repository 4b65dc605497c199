import { allConnectors, connectorPath, type ShownStatus } from '../answers.ts'
import { clientOf, type ClientOptions } from '../client-options.ts'
import { checkConfigs, type CheckedConfig } from '../configs/check.ts'
import { readConfigFiles } from '../configs/config-files.ts'
import { faultText, type ConnectorFile, type FileFault } from '../configs/connector-file.ts'
import { hasWork, isSame, planLines, planOf, planSummary, type Step } from '../configs/plan.ts'
import { exitCodes, FailedError, UsageError } from '../exit.ts'
import { note, printJson, printLines } from '../output/print.ts'
import { canAsk, confirm, plain } from '../output/terminal.ts'
import { RestError, type RestClient } from '../rest-client.ts'
import { awaitState, type WantedState } from '../waiting.ts'

export interface ApplyOptions extends ClientOptions {
  readonly dryRun?: boolean
  readonly prune?: boolean
  readonly yes?: boolean
  /** Milliseconds; absent: do not wait. */
  readonly wait?: number
}

interface Outcome {
  readonly step: Step
  readonly error: Error | undefined
}

/**
 * Makes a worker's connectors equal to files. All that differ are validated first, and nothing is changed where one has a fault
 * (exit code 2). A dry
 * run exits with 1 where there would be something to do.
 */
export async function apply(places: readonly string[], options: ApplyOptions): Promise<void> {
  const files = readConfigFiles(places)
  for (const path of files.passedOver) note(`Passed over, as it is neither .json nor .properties: ${path}`)
  if (options.prune && !files.hasFolder)
    throw new UsageError('--prune needs a folder: from single files nobody can say what should not be there')
  const client = clientOf(options)
  const isJson = options.output === 'json'
  if (files.faults.length > 0 && files.connectors.length === 0) return refuse(files.faults, isJson)
  const existing = await allConnectors(client)
  const infos = new Map([...existing].map(([name, { info }]) => [name, info]))
  // What is the same already runs, or has been stopped: its checks would only cost time, and might stumble over its own connections.
  const different = files.connectors.filter((file) => !isSame(file, infos.get(file.name)))
  const checks = await checkConfigs(client, different)
  warn(checks)
  const faults = [...files.faults, ...checks.flatMap((check) => check.faults)]
  if (faults.length > 0) return refuse(faults, isJson)

  const secrets = new Map(different.map(({ name }, at) => [name, checks[at]!.secrets]))
  const plan = planOf(files.connectors, infos, secrets, options.prune ?? false)
  if (!isJson) printLines([...planLines(plan), planSummary(plan)])
  const others =
    files.hasFolder && !options.prune ? [...infos.keys()].filter((name) => !files.connectors.some((file) => file.name === name)) : []
  if (others.length > 0) note(`In no file, and left alone (--prune deletes them): ${others.join(', ')}`)
  if (options.dryRun || !hasWork(plan)) {
    if (isJson) printJson({ applied: false, connectors: plan.map((step) => shownStep(step)) })
    if (hasWork(plan)) process.exitCode = exitCodes.failed
    return
  }
  await agree(plan, options)
  const statuses = new Map([...existing].map(([name, { status }]) => [name, status]))
  const outcomes = await carryOut(client, plan, statuses, options.wait, isJson)
  if (isJson) printJson({ applied: true, connectors: outcomes.map(({ step, error }) => shownStep(step, error)) })
  report(outcomes)
}

/** What is hardly meant is told, and keeps nobody. */
export function warn(checks: readonly CheckedConfig[]): void {
  for (const warning of checks.flatMap((check) => check.warnings)) note(`warning: ${faultText(warning)}`)
}

/** Faults of configs: told on standard error, or as JSON on standard output. */
export function refuse(faults: readonly FileFault[], isJson: boolean): void {
  if (isJson) printJson({ applied: false, faults })
  else for (const fault of faults) note(faultText(fault))
  note(`millrace: nothing was changed, as ${faults.length === 1 ? 'there is a fault' : `there are ${faults.length} faults`}`)
  process.exitCode = exitCodes.wrong
}

/** At a terminal a person confirms what is deleted; elsewhere --prune says enough. Throws a FailedError after a no. */
async function agree(plan: readonly Step[], { yes }: ApplyOptions): Promise<void> {
  const gone = plan.filter(({ action }) => action === 'delete').map(({ name }) => plain(name))
  if (gone.length === 0 || yes || !canAsk()) return
  if (!(await confirm(`Delete ${gone.join(', ')}?`))) throw new FailedError('Nothing was changed')
}

/** Creates and changes first; deletes only when all of that went well. Every step is tried. */
async function carryOut(
  client: RestClient,
  plan: readonly Step[],
  statuses: ReadonlyMap<string, ShownStatus>,
  waitMs: number | undefined,
  isQuiet: boolean,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = []
  for (const step of plan.filter(({ action }) => action !== 'keep')) {
    const failed = outcomes.some(({ error }) => error !== undefined)
    const error =
      step.action === 'delete' && failed
        ? new FailedError(`${step.name} was not deleted, as another step failed`)
        : await caught(() => act(client, step))
    if (error === undefined && !isQuiet) printLines([`${plain(step.name)}: ${done[step.action]}`])
    outcomes.push({ step, error })
  }
  if (waitMs === undefined) return outcomes
  const waits = outcomes.map(async ({ step, error }): Promise<Outcome> => {
    if (error !== undefined || step.action === 'delete') return { step, error }
    const before = statuses.get(step.name)
    return { step, error: await caught(() => awaitState(client, step.name, wantedAfter(step.file!, before), waitMs, before)) }
  })
  return Promise.all(waits)
}

async function act(client: RestClient, { name, action, file }: Step): Promise<void> {
  if (action === 'delete') return void (await client.call('DELETE', connectorPath(name)))
  const { config, state } = file!
  // Only POST can say in which state a connector begins; a config that is changed leaves the state as it is.
  if (action === 'create' && state !== undefined)
    return void (await client.call('POST', '/connectors', { name, config, initial_state: state }))
  await client.call('PUT', connectorPath(name, '/config'), config)
}

function wantedAfter({ state }: ConnectorFile, before: ShownStatus | undefined): WantedState {
  const now = before?.connector.state
  if (now === 'PAUSED' || now === 'STOPPED') return now
  return before === undefined ? (state ?? 'RUNNING') : 'RUNNING'
}

/** No worker to be reached ends the whole command; else the next step is tried. */
async function caught(step: () => Promise<void>): Promise<Error | undefined> {
  try {
    await step()
    return undefined
  } catch (error) {
    if (error instanceof RestError && error.status === 0) throw error
    return error as Error
  }
}

function report(outcomes: readonly Outcome[]): void {
  for (const { step, error } of outcomes) if (error) note(`millrace: ${step.name}: ${error.message}`)
  if (outcomes.some(({ error }) => error !== undefined)) process.exitCode = exitCodes.failed
}

function shownStep({ name, action, file, changes }: Step, error?: Error): object {
  return { name, action, file: file?.file ?? null, changes, ...(error && { error: error.message }) }
}

const done: Readonly<Record<Step['action'], string>> = { create: 'created', change: 'changed', delete: 'deleted', keep: 'unchanged' }
