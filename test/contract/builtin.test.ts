import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { builtinPlugins } from '../../config/plugins.ts'
import datagen from '../../connectors/datagen/index.ts'
import delta from '../../connectors/delta/index.ts'
import file from '../../connectors/file/index.ts'
import converters from '../../core/converter/plugin.ts'
import { primitive, record, structOf, type ConnectRecord, type Plugin } from '../../core/index.ts'
import transforms from '../../transforms/index.ts'
import { Judge, judgeMissing } from '../judge.ts'
import {
  converterLaws,
  converterOf,
  definitionLawsOf,
  findingsOf,
  sinkLaws,
  sinkOf,
  sourceLaws,
  sourceOf,
  taskContext,
  transformLaws,
  transformOf,
  type ConverterSample,
} from '../../testing/index.ts'

/** A folder that goes with what is tested in it. */
function folder(): { readonly path: (name: string) => string } & AsyncDisposable {
  const root = mkdtempSync(join(tmpdir(), 'contract-'))
  return {
    path: (name) => join(root, name),
    [Symbol.asyncDispose]: async () => rmSync(root, { recursive: true, force: true }),
  }
}

for (const template of ['orders', 'rows']) {
  sourceLaws(`datagen ${template}`, async () => ({
    records: 57,
    task: () => sourceOf(datagen, 'datagen', { template, topic: 't', count: '57', 'batch.rows': '10' }),
    [Symbol.asyncDispose]: async () => {},
  }))
}

sourceLaws('file', async () => {
  const place = folder()
  writeFileSync(place.path('in'), Array.from({ length: 40 }, (_, n) => `line ${n} ${'ü'.repeat(n)}\n`).join(''))
  return {
    records: 40,
    task: () => sourceOf(file, 'file', { file: place.path('in'), topic: 't', 'batch.size': '7' }),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
})

sinkLaws(
  'file',
  async () => {
    const place = folder()
    return {
      task: (generation) => sinkOf(file, 'file', { file: place.path('out') }, taskContext({ generation })),
      read: async () => readFileSync(place.path('out'), 'utf8').split('\n').filter(Boolean).map(Number),
      record: (n, partition) => record('t', String(n), { origin: { partition, position: n, seq: 0 } }),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    }
  },
  { dropsReplays: false },
)

const row = structOf([
  ['id', primitive('int64')],
  ['text', primitive('string', { optional: true })],
])
const key = structOf([['id', primitive('int64')]])
function rowRecord(n: number, partition: string): ConnectRecord {
  const extras = { key: { id: BigInt(n) }, keySchema: key, valueSchema: row, timestamp: n, origin: { partition, position: n, seq: 0 } }
  return record('t', { id: BigInt(n), text: `row ${n}` }, extras)
}

const judge = Judge.open()
after(() => judge?.[Symbol.asyncDispose]())

for (const mode of judge ? ['append', 'upsert'] : []) {
  sinkLaws(
    `delta ${mode}`,
    async () => {
      const place = folder()
      return {
        task: (generation) => sinkOf(delta, 'delta', { path: place.path('lake'), mode }, taskContext({ generation })),
        read: async () => (await judge!.readTable(place.path('lake/t'))).map(({ id }) => Number(id)),
        record: rowRecord,
        [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
      }
    },
    { dropsReplays: true },
  )
}

if (!judge) test('delta', { skip: judgeMissing }, () => {})

const origin = { partition: 'p', position: 7, seq: 1 }
const samples = [
  rowRecord(1, 'p'),
  record('t', { id: 5, text: 'schemaless' }, { key: { id: 5 }, origin }),
  record('other', { id: 6, text: null }, { origin, timestamp: 3 }),
]
const transformsUnderTest: readonly (readonly [string, Record<string, string>])[] = [
  ['org.apache.kafka.connect.transforms.RegexRouter', { regex: '(.*)', replacement: 'x-$1' }],
  ['org.apache.kafka.connect.transforms.InsertField$Value', { 'static.field': 's', 'static.value': 'v', 'topic.field': 'topic' }],
  ['org.apache.kafka.connect.transforms.ReplaceField$Value', { renames: 'text:words' }],
  ['org.apache.kafka.connect.transforms.MaskField$Value', { fields: 'text' }],
  ['org.apache.kafka.connect.transforms.Filter', {}],
  ['io.debezium.transforms.ExtractNewRecordState', {}],
]
for (const [name, config] of transformsUnderTest) transformLaws(name, () => transformOf(transforms, name, config), samples)

const bytesBack = { schema: primitive('bytes', { optional: true }), value: new Uint8Array([0, 255]) }
const content = { schema: row, value: { id: 2n ** 53n + 1n, text: 'ü' } }
const convertersUnderTest: readonly (readonly [string, Record<string, string>, readonly ConverterSample[]])[] = [
  ['json', {}, [content, { schema: primitive('string'), value: 'text' }, { schema: null, value: null }]],
  [
    'json',
    { 'schemas.enable': 'false' },
    [
      { schema: null, value: { id: 5n, text: null } },
      { ...content, back: { schema: null, value: content.value } },
    ],
  ],
  ['string', {}, [{ schema: primitive('string'), value: 'ü', back: { schema: primitive('string', { optional: true }), value: 'ü' } }]],
  ['org.apache.kafka.connect.converters.ByteArrayConverter', {}, [{ schema: null, value: new Uint8Array([0, 255]), back: bytesBack }]],
]
for (const [name, config, contents] of convertersUnderTest) {
  converterLaws(`${name} ${JSON.stringify(config)}`, () => converterOf(converters, name, config), contents)
}

test('the definition of every built-in part keeps the laws of all plugins', async () => {
  const lists = (plugin: Plugin) =>
    [
      ['source', plugin.sources],
      ['sink', plugin.sinks],
      ['transform', plugin.transforms],
      ['predicate', plugin.predicates],
      ['converter', plugin.converters],
    ] as const
  const broken: string[] = []
  for (const { plugin } of builtinPlugins) {
    for (const [kind, parts] of lists(plugin)) {
      for (const part of parts ?? []) {
        const findings = await findingsOf(`${kind} ${part.class}`, definitionLawsOf(kind, part))
        broken.push(...findings.flatMap(({ outcome, law, reason }) => (outcome === 'held' ? [] : [`${part.class}: ${law}: ${reason}`])))
      }
    }
  }
  assert.deepEqual(broken, [])
})
