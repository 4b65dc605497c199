import { test } from 'node:test'
import {
  partitionKey,
  record,
  structOf,
  types,
  type ConfigDef,
  type ConnectRecord,
  type PartKind,
  type Plugin,
  type SourceConnector,
} from '../core/index.ts'
import { converterLawsOf } from './converter-laws.ts'
import { definitionLawsOf, type Defined } from './definition-laws.ts'
import { ensure, findingsOf, testLaws, type Finding, type Law } from './law.ts'
import { converterOf, parsed, partOf, predicateOf, sinkOf, sourceOf, taskContext, transformOf } from './parts.ts'
import type { Downstream, PluginTest, SinkTest, SourceTest } from './plugin-test.ts'
import { sinkLawsOf } from './sink-laws.ts'
import { sourceLawsOf } from './source-laws.ts'
import { predicateLawsOf, transformLawsOf } from './transform-laws.ts'

/** The laws of one part, and what could not be tried on it. */
export interface PartLaws {
  /** Kind and class. */
  readonly part: string
  readonly laws: readonly Law[]
  /** Why the laws of its kind are not among them; undefined: they are. */
  readonly untried: string | undefined
}

/** Puts a plugin to all laws, as tests of `node:test`. A part that the test does not open is named by a skipped test. */
export function pluginLaws(plugin: Plugin, tested: PluginTest): void {
  for (const { part, laws, untried } of lawsOfPlugin(plugin, tested)) {
    testLaws(part, laws)
    if (untried !== undefined) test(`${part}: the laws of its kind`, { skip: untried }, () => {})
  }
}

/** Puts a plugin to all laws and tells what came of each. `began` hears of part and law before it is tried. Throws where the test names a part that is not there. */
export async function checkPlugin(
  plugin: Plugin,
  test: PluginTest,
  began: (part: string, law: string) => void = () => {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const { part, laws, untried } of lawsOfPlugin(plugin, test)) {
    findings.push(...(await findingsOf(part, laws, (law) => began(part, law))))
    if (untried !== undefined) findings.push({ part, law: 'the laws of its kind', outcome: 'untried', reason: untried })
  }
  return findings
}

/** All laws that a plugin is put to, part by part. Throws where the test names a part that the plugin does not have. */
export function lawsOfPlugin(plugin: Plugin, test: PluginTest): readonly PartLaws[] {
  for (const { class: name } of test.sources ?? []) partOf(plugin.sources, name)
  for (const { class: name } of test.sinks ?? []) partOf(plugin.sinks, name)
  for (const { class: name } of test.transforms ?? []) partOf(plugin.transforms, name)
  for (const { class: name } of test.predicates ?? []) partOf(plugin.predicates, name)
  for (const { class: name } of test.converters ?? []) partOf(plugin.converters, name)
  return [
    ...each('source', plugin.sources, test.sources, (part, one) => [
      ...connectorLaws(part, one),
      ...sourceLawsOf(() => upstream(plugin, one)),
    ]),
    ...each('sink', plugin.sinks, test.sinks, (part, one) => [
      ...connectorLaws(part, one),
      ...sinkLawsOf(() => downstream(plugin, one), { dropsReplays: one.dropsReplays ?? false }),
    ]),
    ...each('transform', plugin.transforms, test.transforms, (_, { class: name, config = {}, samples }) =>
      transformLawsOf(() => transformOf(plugin, name, config), samples),
    ),
    ...each('predicate', plugin.predicates, test.predicates, (_, { class: name, config = {}, samples }) =>
      predicateLawsOf(() => predicateOf(plugin, name, config), samples),
    ),
    ...each('converter', plugin.converters, test.converters, (_, { class: name, config = {}, samples }) =>
      converterLawsOf(() => converterOf(plugin, name, config), samples),
    ),
  ]
}

/** A part may be tried in several ways: each is a part of its own in what is told. */
function each<P extends Defined, T extends { readonly class: string }>(
  kind: PartKind,
  parts: readonly P[] | undefined,
  tests: readonly T[] | undefined,
  lawsOf: (part: P, test: T) => readonly Law[],
): readonly PartLaws[] {
  return (parts ?? []).flatMap((part): readonly PartLaws[] => {
    const own = (tests ?? []).filter(({ class: name }) => part.class === name || part.aliases?.includes(name))
    const definition = definitionLawsOf(kind, part)
    const untried = `nothing says how to try it: add ${kind}s: [{ class: '${part.class}', ... }] to millrace.test.ts`
    if (own.length === 0) return [{ part: `${kind} ${part.class}`, laws: definition, untried }]
    return own.map((test, index) => ({
      part: `${kind} ${part.class}${own.length > 1 ? ` (${index + 1})` : ''}`,
      laws: index === 0 ? [...definition, ...lawsOf(part, test)] : lawsOf(part, test),
      untried: undefined,
    }))
  })
}

/** Most tasks that a source is asked to split its work into. */
const tasksMax = 3

type Connector = Pick<SourceConnector, 'tasks' | 'validate'> & { readonly config: ConfigDef }

function connectorLaws(part: Connector, test: SourceTest | SinkTest): readonly Law[] {
  const withConfig = async (check: (raw: Readonly<Record<string, string>>, config: never) => Promise<void> | void) => {
    const place = await test.open()
    try {
      await check(place.config, parsed(part.config, place.config))
    } finally {
      await place.close?.()
    }
  }
  return [
    {
      name: 'its own validation accepts a config that works',
      mend: '`validate` returns an issue (key, value, message) for what is wrong and an empty list otherwise; it throws nothing.',
      check: () =>
        withConfig(async (raw, config) => {
          const issues = (await part.validate?.(config, raw)) ?? []
          ensure(Array.isArray(issues), 'validate did not answer with a list')
          ensure(issues.length === 0, () => issues.map(({ key, message }) => `${key}: ${message}`).join('\n'))
        }),
    },
    {
      name: 'its work is split into at most tasks.max configs of texts',
      mend: '`tasks(config, max)` returns 1 to `max` objects, each a part of the work, with string values that are laid over the config.',
      check: () =>
        withConfig((_, config) => {
          if (!part.tasks) return
          for (let max = 1; max <= tasksMax; max++) {
            const tasks = part.tasks(config, max)
            ensure(
              Array.isArray(tasks) && tasks.length >= 1 && tasks.length <= max,
              () => `for tasks.max=${max} it gave ${JSON.stringify(tasks)}`,
            )
            const texts = tasks.every((task) => Object.values(task).every((value) => typeof value === 'string'))
            ensure(texts, () => `for tasks.max=${max} it gave values that are no texts: ${JSON.stringify(tasks)}`)
          }
        }),
    },
  ]
}

async function upstream(plugin: Plugin, test: SourceTest) {
  const place = await test.open()
  return {
    records: place.records,
    task: () => sourceOf(plugin, test.class, place.config),
    [Symbol.asyncDispose]: async () => void (await place.close?.()),
  }
}

async function downstream(plugin: Plugin, test: SinkTest) {
  const place: Downstream = await test.open()
  return {
    task: (generation: number) => sinkOf(plugin, test.class, place.config, taskContext({ generation })),
    read: async () => place.read(),
    record: (n: number, partition: string) => place.record?.(n, partition) ?? numbered(n, partition),
    [Symbol.asyncDispose]: async () => void (await place.close?.()),
  }
}

const keySchema = structOf([['id', types.int64]])
const valueSchema = structOf([
  ['id', types.int64],
  ['text', types.string],
])

/** Record number `n` as sinks get it in the laws: topic `contract`, key `{id}`, value `{id, text}`, both with schemas. */
export function numbered(n: number, partition = partitionKey({ log: 'contract' })): ConnectRecord {
  const extras = { key: { id: BigInt(n) }, keySchema, valueSchema, timestamp: n, origin: { partition, position: n, seq: 0 } }
  return record('contract', { id: BigInt(n), text: `row ${n}` }, extras)
}
