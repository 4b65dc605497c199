import type { ShownInfo } from '../answers.ts'
import type { ConnectorFile } from './connector-file.ts'
import { shownValue } from './secrets.ts'
import { paint, plain, type Colour } from '../output/terminal.ts'

/** One key that differs, as it may be shown; undefined: not there. */
export interface KeyChange {
  readonly key: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** What has to be done about one connector. */
export interface Step {
  readonly name: string
  readonly action: 'create' | 'change' | 'keep' | 'delete'
  /** Undefined: it is in no file. */
  readonly file: ConnectorFile | undefined
  readonly changes: readonly KeyChange[]
}

/**
 * What makes a worker's connectors equal to the files. Connectors that no file has are deleted with `prune`, else left alone and no part
 * of the plan. Secrets are hidden already.
 */
export function planOf(
  files: readonly ConnectorFile[],
  existing: ReadonlyMap<string, ShownInfo>,
  secrets: ReadonlyMap<string, ReadonlySet<string>>,
  prune: boolean,
): readonly Step[] {
  const steps = files.map((file): Step => {
    const before = existing.get(file.name)
    const changes = changesOf(before?.config ?? {}, file.config, secrets.get(file.name) ?? new Set())
    return { name: file.name, action: before === undefined ? 'create' : changes.length > 0 ? 'change' : 'keep', file, changes }
  })
  const named = new Set(files.map(({ name }) => name))
  const gone = prune ? [...existing.keys()].filter((name) => !named.has(name)) : []
  return [...steps, ...gone.map((name): Step => ({ name, action: 'delete', file: undefined, changes: [] }))]
}

/** Whether the worker's config is the file's, key by key. */
export function isSame({ config }: ConnectorFile, existing: ShownInfo | undefined): boolean {
  return existing !== undefined && changesOf(existing.config, config, new Set()).length === 0
}

/** Whether carrying the plan out would change anything. */
export function hasWork(plan: readonly Step[]): boolean {
  return plan.some(({ action }) => action !== 'keep')
}

/** The plan for people: a sign and a name for each connector that changes, and its keys below. */
export function planLines(plan: readonly Step[], stream: NodeJS.WriteStream = process.stdout): readonly string[] {
  return plan
    .filter(({ action }) => action !== 'keep')
    .flatMap(({ name, action, file, changes }) => {
      const [sign, colour] = signs[action]
      const head = `${sign} ${plain(name)}`
      return [
        paint(head, colour, stream) + (file === undefined ? '' : paint(`  ${plain(file.file)}`, 'dim', stream)),
        ...changes.map((change) => `    ${changeLine(change, stream)}`),
      ]
    })
}

/** "1 to create, 2 to change, 3 unchanged" */
export function planSummary(plan: readonly Step[]): string {
  const count = (action: Step['action']) => plan.filter((step) => step.action === action).length
  const parts = [
    [count('create'), 'to create'],
    [count('change'), 'to change'],
    [count('delete'), 'to delete'],
    [count('keep'), 'unchanged'],
  ] as const
  return parts.flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`])).join(', ') || 'nothing to do'
}

const signs: Readonly<Record<Step['action'], readonly [string, Colour]>> = {
  create: ['+', 'green'],
  change: ['~', 'yellow'],
  delete: ['-', 'red'],
  keep: ['=', 'dim'],
}

function changeLine({ key, before, after }: KeyChange, stream: NodeJS.WriteStream): string {
  const name = plain(key)
  if (before === undefined) return paint(`+ ${name}: ${plain(after!)}`, 'green', stream)
  if (after === undefined) return paint(`- ${name}: ${plain(before)}`, 'red', stream)
  const same = before === after ? ', changed' : ''
  return paint(`~ ${name}: ${plain(before)} -> ${plain(after)}${same}`, 'yellow', stream)
}

function changesOf(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  secrets: ReadonlySet<string>,
): readonly KeyChange[] {
  const shown = (config: Readonly<Record<string, string>>, key: string) =>
    Object.hasOwn(config, key) ? shownValue(key, config[key]!, secrets) : undefined
  const value = (config: Readonly<Record<string, string>>, key: string) => (Object.hasOwn(config, key) ? config[key] : undefined)
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => value(before, key) !== value(after, key) && key !== 'name')
    .sort()
    .map((key) => ({ key, before: shown(before, key), after: shown(after, key) }))
}
