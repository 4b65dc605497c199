import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  definePlugin,
  defineConfig,
  parseConfig,
  sink,
  source,
  transform,
  type ConfigOf,
  type ConnectRecord,
  type Offsets,
  type SinkTask,
  type SourceTask,
} from '../../core/index.ts'

// Half of these tests is done by the compiler (`npm run check`): a line that should not compile and does is an unused @ts-expect-error.

const config = defineConfig({
  url: { type: 'string', required: true, doc: 'Where.' },
  rows: { type: 'int', default: 500, min: 1, doc: 'How many.' },
  mode: { type: 'string', default: 'fast', oneOf: ['fast', 'exact'], doc: 'How.' },
  fields: { type: 'list', default: [], doc: 'Which.' },
  parts: { type: 'list', oneOf: ['key', 'value'], doc: 'Which parts.' },
  verify: { type: 'boolean', default: true, doc: 'Whether.' },
  token: { type: 'password', doc: 'A secret.' },
  limit: { type: 'long', default: null, doc: 'A bound.' },
  even: { type: 'int', default: 2, doc: 'An even number.', check: (value: number) => (value % 2 === 0 ? undefined : 'Must be even') },
})
type Settings = ConfigOf<typeof config>

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles only where both types are the same. */
function same<A, B>(..._proof: Same<A, B> extends true ? [] : [never]): void {}

test('a config constant gives the type of every setting', () => {
  same<
    Settings,
    {
      readonly url: string
      readonly rows: number
      readonly mode: 'fast' | 'exact'
      readonly fields: readonly string[]
      readonly parts: readonly ('key' | 'value')[] | undefined
      readonly verify: boolean
      readonly token: string | undefined
      readonly limit: number | undefined
      readonly even: number
    }
  >()
  const { config: settings, issues } = parseConfig(config, { url: 'x', mode: 'EXACT', parts: 'key' })
  assert.deepEqual(issues, [])
  const mode: 'fast' | 'exact' = settings.mode
  assert.equal(mode, 'exact', 'the value has the spelling of the definition, whatever its case was')
  assert.deepEqual(settings, {
    url: 'x',
    rows: 500,
    mode: 'exact',
    fields: [],
    parts: ['key'],
    verify: true,
    token: undefined,
    limit: undefined,
    even: 2,
  })
})

test('faults of a definition are faults of the compiler', () => {
  // @ts-expect-error: a key has a type
  defineConfig({ a: { doc: 'x' } })
  // @ts-expect-error: a key has a text
  defineConfig({ a: { type: 'string' } })
  // @ts-expect-error: no such type
  defineConfig({ a: { type: 'number', doc: 'x' } })
  // @ts-expect-error: a misspelled property
  defineConfig({ a: { type: 'string', defualt: 'x', doc: 'x' } })
  // @ts-expect-error: a default of another type
  defineConfig({ a: { type: 'int', default: '5', doc: 'x' } })
  // @ts-expect-error: a default that is not allowed
  defineConfig({ a: { type: 'string', default: 'c', oneOf: ['a', 'b'], doc: 'x' } })
  // @ts-expect-error: a check of another type
  defineConfig({ a: { type: 'int', default: 5, doc: 'x', check: (value: string) => value } })
})

const sourceTask: SourceTask = {
  open: async () => {},
  poll: async () => ({ records: [], offsets: {} }),
  [Symbol.asyncDispose]: async () => {},
}
const sinkTask: SinkTask = { put: async () => {}, [Symbol.asyncDispose]: async () => {} }

test('a part gets the settings of its own definition', () => {
  const plugin = definePlugin({
    name: 'typed',
    version: '1.0.0',
    api: 1,
    sources: [
      source({
        class: 'typed.Source',
        config,
        create: (settings, context) => {
          same<typeof settings, Settings>()
          same<typeof context.task, number>()
          return sourceTask
        },
        tasks: (settings, max) => Array.from({ length: Math.min(max, settings.rows) }, () => ({})),
        // @ts-expect-error: no such setting
        validate: async (settings) => [{ key: 'url', message: settings.uri }],
      }),
    ],
    sinks: [sink({ class: 'typed.Sink', config, create: () => sinkTask })],
    transforms: [
      transform({
        class: 'typed.Transform',
        config,
        create: ({ rows }) => ({ apply: (record) => (record.timestamp === rows ? null : record) }),
      }),
    ],
  })
  assert.equal(plugin.sources?.[0]?.class, 'typed.Source')
})

test('what a plugin gives is checked by the compiler', () => {
  // @ts-expect-error: a source polls
  source({ class: 'x', config, create: () => sinkTask })
  // @ts-expect-error: a transform is synchronous
  transform({ class: 'x', config, create: () => ({ apply: async (record: ConnectRecord) => record }) })
  // @ts-expect-error: the contract has one version
  const other: Parameters<typeof definePlugin>[0] = { name: 'x', version: '1', api: 2 }
  assert.throws(() => definePlugin(other), /asks for api 2; this runtime offers 1/)
  // @ts-expect-error: a record is never changed
  const change = (record: ConnectRecord): void => void (record.topic = 'x')
  // @ts-expect-error: a position is JSON
  const offsets: Offsets = { partition: 1n }
  assert.deepEqual([typeof change, typeof offsets], ['function', 'object'])
})
