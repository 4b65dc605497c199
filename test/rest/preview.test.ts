import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { builtinPlugins } from '../../config/plugins.ts'
import { openApi } from '../../core/rest/openapi.ts'
import type { RestServer } from '../../core/rest/server.ts'
import { Registry } from '../../core/runtime/registry.ts'
import stubborn from '../fixtures/plugins/stubborn.ts'
import { committedNumbers, faultyModule, startWorker, until } from '../runtime/rig.ts'
import { serve } from './fixture-server.ts'
import { faultsOf } from './json-schema.ts'

const stubbornModule = { specifier: new URL('../fixtures/plugins/stubborn.ts', import.meta.url).href, plugin: stubborn }
const registry = new Registry([...builtinPlugins, faultyModule, stubbornModule])
const folder = mkdtempSync(join(tmpdir(), 'millrace-preview-'))
const { schemas } = (openApi('0') as { components: { schemas: Readonly<Record<string, object>> } }).components

let rig: Awaited<ReturnType<typeof startWorker>>
let server: RestServer
before(async () => {
  rig = await startWorker({ registry, clients: { 'bootstrap.servers': '127.0.0.1:1' }, defaults: { 'task.heap.max.mb': '64' } })
  server = await serve(rig.worker, registry)
})
after(async () => {
  await server?.close()
  await rig?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

interface Preview {
  readonly records: readonly {
    readonly before: Shown
    readonly steps: readonly Step[]
    readonly outcome: string
    readonly rejected: { readonly stage: string; readonly step: string | null; readonly message: string } | null
    readonly after: Shown | null
    readonly bytes: { readonly key: Bytes; readonly value: Bytes; readonly headers: readonly { key: string; value: Bytes }[] } | null
  }[]
  readonly recordsLeftOut: number
  readonly plan: readonly string[] | null
  readonly notes: readonly string[]
}
interface Shown {
  readonly topic: string
  readonly key: unknown
  readonly value: unknown
  readonly valueSchema: object | null
  readonly headers: readonly { readonly key: string; readonly value: unknown }[]
  readonly unfit?: readonly string[]
}
interface Step {
  readonly step: string
  readonly predicate: { readonly name: string; readonly matched: boolean | null; readonly negated: boolean } | null
  readonly applied: boolean
  readonly outcome: string
  readonly error: { readonly error: string; readonly message: string } | null
  readonly record: Shown | null
  readonly changes: readonly { readonly path: string; readonly change: string; readonly before?: unknown; readonly after?: unknown }[]
  readonly changesLeftOut: number
}
type Bytes = { readonly text?: string; readonly base64?: string; readonly error?: string; readonly note?: string } | null

async function ask(body: unknown): Promise<{ readonly status: number; readonly text: string; readonly message: string }> {
  const payload = typeof body === 'string' ? body : JSON.stringify(body)
  const headers = { 'content-type': 'application/json' }
  const answer = await server.app.inject({ method: 'POST', url: '/api/v1/transforms/preview', payload, headers })
  const { message = '' } = answer.json<{ message?: string }>()
  return { status: answer.statusCode, text: answer.body, message }
}

/** A preview that works; its answer is as the OpenAPI document says. */
async function preview(body: unknown): Promise<Preview> {
  const { status, text } = await ask(body)
  assert.equal(status, 200, text.slice(0, 1000))
  assert.deepEqual(faultsOf(JSON.parse(text), schemas['Preview']!, schemas), [])
  return JSON.parse(text) as Preview
}

/** A config of transforms alone, in the order of the keys. */
function chain(steps: Readonly<Record<string, Readonly<Record<string, string>>>>): Record<string, string> {
  const keys = Object.entries(steps).flatMap(([alias, step]) =>
    Object.entries(step).map(([key, value]) => [`transforms.${alias}.${key}`, value]),
  )
  return { transforms: Object.keys(steps).join(), ...Object.fromEntries(keys) }
}

const mask = { type: 'org.apache.kafka.connect.transforms.MaskField$Value', fields: 'card' }
const route = { type: 'RegexRouter', regex: '(.*)', replacement: 'x-$1' }
const idSchema = { type: 'struct', fields: [{ field: 'id', type: 'int64' }] }

test('each step shows the record after it and what changed', async () => {
  const { records } = await preview({
    config: chain({ mask, route }),
    records: [{ topic: 'orders', key: 'k', value: { id: 1, card: '4111' } }],
  })
  const [{ before: shown, steps, outcome, after: last, bytes }] = records as [Preview['records'][number]]
  assert.deepEqual(shown.value, { id: 1, card: '4111' })
  assert.deepEqual(
    steps.map(({ step, outcome: how, changes }) => ({ step, how, changes })),
    [
      { step: 'mask', how: 'passed', changes: [{ path: 'value.card', change: 'changed', before: '4111', after: '' }] },
      { step: 'route', how: 'passed', changes: [{ path: 'topic', change: 'changed', before: 'orders', after: 'x-orders' }] },
    ],
  )
  assert.deepEqual(steps[0]!.record!.topic, 'orders')
  assert.deepEqual([outcome, last!.topic, last!.value], ['passed', 'x-orders', { id: 1, card: '' }])
  assert.equal(bytes!.value!.text, '{"schema":null,"payload":{"id":1,"card":""}}')
})

test('drops, predicates and rejects are told with their reasons', async () => {
  const config = {
    ...chain({ odd: { type: 'test.DropOdd', predicate: 'tomb', negate: 'true' }, bad: { type: 'test.RefuseEvery', every: '7' } }),
    predicates: 'tomb',
    'predicates.tomb.type': 'RecordIsTombstone',
  }
  const { records } = await preview({ config, records: [{ value: 1 }, { value: 2 }, { value: 14 }, { key: 'k' }] })
  assert.deepEqual(
    records.map((one) => one.outcome),
    ['dropped', 'passed', 'rejected', 'rejected'],
  )
  const { predicate, applied } = records[3]!.steps[0]!
  assert.deepEqual([predicate!.name, predicate!.matched, predicate!.negated, applied], ['tomb', true, true, false])
  assert.deepEqual(records[2]!.rejected, {
    stage: 'TRANSFORMATION',
    step: 'bad',
    class: 'test.RefuseEvery',
    error: 'DataError',
    message: 'a multiple of 7',
  })
})

test('64-bit integers and decimals keep their digits, with a schema and without', async () => {
  const decimal = { field: 'd', type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', version: 1, parameters: { scale: '2' } }
  const schema = JSON.stringify({ type: 'struct', fields: [{ field: 'id', type: 'int64' }, decimal] })
  const { status, text } = await ask(
    `{"config":{"transforms":""},"records":[{"value":{"id":9007199254740993}},{"value":{"id":-9223372036854775808,"d":1.50},"valueSchema":${schema}}]}`,
  )
  assert.equal(status, 200, text)
  assert.match(text, /"value":\{"id":9007199254740993\}/)
  assert.match(text, /"value":\{"id":-9223372036854775808,"d":1\.50\}/)
})

test('samples as bytes go through the connector’s converters, and what those refuse is rejected there', async () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  const config = { ...chain({ mask }), 'key.converter': 'String', 'value.converter': 'Json', 'value.converter.schemas.enable': 'false' }
  const { records } = await preview({
    config,
    records: [
      { topic: 't', raw: { key: base64('k'), value: base64('{"card":"1"}'), headers: [{ key: 'h', value: base64('7') }] } },
      { topic: 't', raw: { key: null, value: base64('{"card":') } },
    ],
  })
  const [first, second] = records
  assert.deepEqual([first!.before.key, first!.before.value, first!.before.headers[0]!.value], ['k', { card: '1' }, 7])
  assert.equal(first!.bytes!.value!.text, '{"card":""}')
  assert.deepEqual([second!.outcome, second!.rejected!.stage], ['rejected', 'VALUE_CONVERTER'])
})

test('a value that no longer fits its schema is told, and its converter refuses it', async () => {
  const { records } = await preview({
    config: chain({ unfit: { type: 'test.Unfit' } }),
    records: [{ value: { id: 1 }, valueSchema: idSchema }],
  })
  assert.equal(records[0]!.steps[0]!.record!.unfit!.length, 1)
  assert.deepEqual([records[0]!.outcome, records[0]!.rejected!.stage], ['rejected', 'VALUE_CONVERTER'])
})

test('a transform that changes its input is told of, though the change is shown', async () => {
  const { records, notes } = await preview({ config: chain({ bad: { type: 'test.Mutate' }, route }), records: [{ value: { a: 1 } }] })
  assert.deepEqual(records[0]!.steps[0]!.changes, [{ path: 'value.a', change: 'changed', before: 1, after: 2 }])
  assert.deepEqual(notes, ['Transform "bad" (test.Mutate) changed the very record that it was given; it has to return a new one'])
})

test('a key of the chain that nothing reads is told', async () => {
  const config = { ...chain({ route }), 'transforms.route.regexp': 'x', 'transforms.other.type': 'Mask' }
  const { notes } = await preview({ config, records: [{ value: { a: 1 } }] })
  assert.equal(notes.length, 2)
  assert.match(notes[0]!, /Nothing reads the config key "transforms.route.regexp": did you mean "transforms.route.regex"\?/)
  assert.match(notes[1]!, /Nothing reads the config key "transforms.other.type"/)
})

test('a look-up that fails rejects the records that need it', async () => {
  const { records } = await preview({ config: chain({ away: { type: 'test.Away' } }), records: [{ value: 1 }] })
  assert.deepEqual(
    [records[0]!.outcome, records[0]!.steps[0]!.error],
    ['rejected', { error: 'RetriableError', message: 'the table is away' }],
  )
})

test('live records come from the start of the source, and its connector stands where it stood', async () => {
  const file = join(folder, 'out')
  const config = {
    'connector.class': 'datagen',
    'sink.class': 'append',
    'sink.file': file,
    topic: 'orders',
    template: 'orders',
    count: '50',
  }
  await rig.worker.create('live', config, 'RUNNING')
  const offsets = await until('the connector is done', async () =>
    (await rig.worker.offsets('live')).find(({ offset }) => offset?.['records'] === 50),
  )
  const { records, plan } = await preview({ connector: 'live', config: chain({ route }), live: { records: 3 } })
  assert.deepEqual(
    records.map(({ before: shown }) => (shown.value as { id: number }).id),
    [1, 2, 3],
  )
  assert.equal(records[0]!.after!.topic, 'x-orders')
  assert.equal(plan, null)
  assert.deepEqual(await rig.worker.offsets('live'), [offsets])
  assert.equal(rig.worker.info('live').config['transforms'], undefined)
  await rig.worker.delete('live')
})

test('dead letters come through the chain again, as they were before it, and stay where they are', async () => {
  const file = join(folder, 'refused')
  const config = {
    'connector.class': 'counting',
    count: '20',
    'sink.class': 'append',
    'sink.file': file,
    'flush.interval.ms': '20',
    'errors.tolerance': 'all',
  }
  await rig.worker.create('letters', { ...config, ...chain({ bad: { type: 'test.RefuseEvery', every: '7' } }) }, 'RUNNING')
  const query = { filter: {}, limit: 10, cursor: null }
  const kept = await until('two letters', async () => {
    const page = await rig.worker.deadLetters('letters', query)
    return page.letters.length === 2 && page
  })
  const as = await preview({ connector: 'letters', deadLetters: { records: 5 } })
  assert.deepEqual(
    as.records.map(({ before: { value }, outcome, rejected }) => [value, outcome, rejected?.step]),
    [
      [14, 'rejected', 'bad'],
      [7, 'rejected', 'bad'],
    ],
  )
  assert.match(as.notes[0]!, /There are 2 dead letters where 5 were asked for/)
  const mended = await preview({ connector: 'letters', config: { 'transforms.bad.every': '5' }, deadLetters: { records: 2 } })
  assert.deepEqual(
    mended.records.map(({ outcome }) => outcome),
    ['passed', 'passed'],
  )
  assert.deepEqual((await rig.worker.deadLetters('letters', query)).letters, kept.letters)
  await rig.worker.delete('letters')
})

test('a source that has less says so', async () => {
  const file = join(folder, 'lines.json')
  writeFileSync(file, '{"a":1}\nnot json\n')
  const config = {
    'connector.class': 'file',
    file,
    topic: 't',
    format: 'json',
    'value.converter.schemas.enable': 'false',
    'value.converter': 'Json',
  }
  const { records, notes } = await preview({ config, live: { records: 5 }, timeoutMs: 2000 })
  assert.deepEqual(records.map(({ outcome }) => outcome).sort(), ['passed', 'rejected'])
  assert.match(notes[0]!, /gave 2 of 5 records/)
})

test('Postgres gives no live records, and the way out is told; nor does a source that does not say it can', async () => {
  const postgres = {
    'connector.class': 'postgres',
    'database.hostname': 'h',
    'database.dbname': 'd',
    'database.user': 'u',
    'topic.prefix': 't',
  }
  const slot = await ask({ config: postgres, live: { records: 1 } })
  assert.equal(slot.status, 400)
  assert.match(slot.message, /replication slot.*sample records/)
  assert.match(
    (await ask({ config: { 'connector.class': 'counting' }, live: {} })).message,
    /does not say that it can be read without a trace/,
  )
})

test('a Delta sink says which table and columns would come, and makes nothing', async () => {
  const path = join(folder, 'lake')
  const config = { 'connector.class': 'delta', topics: 'a.b.orders', path, mode: 'upsert', 'partition.by': 'city' }
  const valueSchema = { type: 'struct', fields: [...idSchema.fields, { field: 'city', type: 'string', optional: true }] }
  const key = { key: { id: 1 }, keySchema: idSchema }
  const { plan, records } = await preview({
    config,
    records: [
      { topic: 'a.b.orders', ...key, value: { id: 1, city: 'Lyon' }, valueSchema },
      { topic: 'a.b.orders', value: 3 },
    ],
  })
  assert.equal(plan![0], 'CREATE TABLE b/orders (id long, city string) USING DELTA PARTITIONED BY (city) -- upsert by id')
  assert.match(plan![1]!, /^REFUSED: record 2 of topic a\.b\.orders: .*not an object/)
  assert.equal(records[0]!.bytes, null)
  assert.equal(existsSync(path), false)
})

test('a preview registers no schema, and says that the connector would', async () => {
  const asked: string[] = []
  const registry = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(404, { 'content-type': 'application/vnd.schemaregistry.v1+json' })
    response.end('{"error_code":40401,"message":"Subject not found."}')
  })
  await once(registry.listen(0, '127.0.0.1'), 'listening')
  try {
    const url = `http://127.0.0.1:${(registry.address() as AddressInfo).port}`
    const config = {
      transforms: '',
      'value.converter': 'io.confluent.connect.avro.AvroConverter',
      'value.converter.schema.registry.url': url,
    }
    const { records } = await preview({ config, records: [{ topic: 't', value: { id: 1 }, valueSchema: idSchema }] })
    const { value } = records[0]!.bytes!
    assert.equal(records[0]!.outcome, 'passed')
    assert.match(value!.error!, /Error/)
    assert.match(value!.note!, /registers no schema/)
    assert.ok(asked.length > 0)
    assert.deepEqual(
      asked.filter((one) => /^POST .*\/versions/.test(one)),
      [],
    )
  } finally {
    registry.close()
  }
})

test('secrets do not stand in the answer, wherever a transform puts them', async () => {
  const key = '4815162342'
  const told = await ask({ config: chain({ tell: { type: 'test.Tell', key } }), records: [{ value: 1 }] })
  assert.equal(told.status, 200, told.text)
  assert.doesNotMatch(told.text, new RegExp(key))
  const bytes = (JSON.parse(told.text) as Preview).records[0]!.bytes!
  for (const { value } of bytes.headers) assert.doesNotMatch(Buffer.from(value?.base64 ?? '', 'base64').toString('latin1'), new RegExp(key))
  const failed = await preview({ config: chain({ tell: { type: 'test.Tell', key, fails: 'true' } }), records: [{ value: 1 }] })
  assert.equal(failed.records[0]!.rejected!.message, 'refused with [hidden]')
})

test('a transform that hangs, ends its process or eats its memory is named, and nobody else is hurt', async () => {
  const file = join(folder, 'numbers')
  await rig.worker.create(
    'busy',
    { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': file, 'flush.interval.ms': '20' },
    'RUNNING',
  )
  await until('it counts', () => committedNumbers(file).length > 0)
  const { pid } = rig.worker.progress('busy')[0]!
  for (const [type, text] of [
    ['test.Spin', /^Transform "mean" \(test\.Spin\) did not answer within 3000 ms$/],
    ['test.Wait', /^Transform "mean" \(test\.Wait\) did not answer within 3000 ms$/],
    ['test.Exit', /^Transform "mean" \(test\.Exit\): .*exited with code 3/],
  ] as const) {
    const config = chain({ route, mean: { type } })
    const { status, message } = await ask({ config, records: [{ value: 1 }], timeoutMs: 3000 })
    assert.equal(status, 504, message)
    assert.match(message, text)
  }
  const eaten = await ask({ config: chain({ mean: { type: 'test.Grow' } }), records: [{ value: 1 }], timeoutMs: 9000 })
  assert.equal(eaten.status, 504)
  assert.match(eaten.message, /^Transform "mean" \(test\.Grow\): .*JavaScript heap/)
  const silent = await ask({ config: { 'connector.class': 'test.SilentSource' }, live: { records: 1 }, timeoutMs: 2000 })
  assert.match(silent.message, /^Reading from test\.SilentSource did not answer within 2000 ms$/)
  const before = committedNumbers(file).length
  await until('it still counts', () => committedNumbers(file).length > before)
  assert.deepEqual([rig.worker.progress('busy')[0]!.pid, rig.worker.progress('busy')[0]!.restarts], [pid, 0])
  await rig.worker.delete('busy')
})

test('answers are bounded: a chain that doubles its records again and again leaves records out, and says how many', async () => {
  const steps = Object.fromEntries(Array.from({ length: 12 }, (_, n) => [`s${n}`, { type: 'test.Twice' }]))
  const { records, recordsLeftOut } = await preview({
    config: chain(steps),
    records: Array.from({ length: 10 }, () => ({ value: 'x'.repeat(100) })),
    timeoutMs: 9000,
  })
  assert.equal(records.length + recordsLeftOut, 10)
  assert.ok(recordsLeftOut > 0)
})

test('only so many previews run at a time', async () => {
  const slow = { config: chain({ mean: { type: 'test.Wait' } }), records: [{ value: 1 }], timeoutMs: 1000 }
  const statuses = (await Promise.all([ask(slow), ask(slow), ask(slow)])).map(({ status }) => status)
  assert.deepEqual(statuses.sort(), [409, 504, 504])
})

test('orders that cannot be are refused by name', async () => {
  const deep = `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`
  const cases: readonly (readonly [unknown, number, RegExp])[] = [
    [[], 400, /must be an object/],
    [{ records: [{}] }, 400, /needs a "connector", a "config"/],
    [{ config: {} }, 400, /needs records/],
    [{ config: {}, records: [] }, 400, /needs records/],
    [{ config: {}, records: [{}], live: {} }, 400, /from one place/],
    [{ config: {}, deadLetters: {} }, 400, /name it with "connector"/],
    [{ config: {}, deadLetters: { records: 1000 } }, 400, /at most 100 records/],
    [{ config: {}, sample: [] }, 400, /Unrecognized field "sample"/],
    [{ config: {}, records: {} }, 400, /must be a list/],
    [{ config: {}, records: Array.from({ length: 101 }, () => ({})) }, 400, /at most 100 records/],
    [{ config: {}, live: { records: 101 } }, 400, /at most 100 records/],
    [{ config: {}, live: { records: 0 } }, 400, /whole number from 1/],
    [{ config: {}, records: [{}], timeoutMs: 60_000 }, 400, /between 100 and 9000/],
    [{ config: {}, records: [{ valeu: 1 }] }, 400, /Sample 1: unknown member "valeu"/],
    [{ config: {}, records: [{}, 3] }, 400, /Sample 2: it must be an object/],
    [{ config: {}, records: [{ value: 'text', valueSchema: { type: 'int32' } }] }, 400, /Sample 1: "value": .*not a value of int32/],
    [{ config: {}, records: [{ value: 1, valueSchema: { type: 'int33' } }] }, 400, /Unknown schema type: int33/],
    [{ config: {}, records: [{ raw: { value: '%%' } }] }, 400, /"raw\.value" must be base64/],
    [{ config: {}, records: [{ raw: {}, value: 1 }] }, 400, /"raw" and "value"/],
    [{ config: { a: null }, records: [{}] }, 400, /config key "a" is null/],
    [{ config: chain({ a: { type: 'Nope' } }), records: [{}] }, 400, /Class Nope could not be found/],
    [{ config: chain({ mask: { type: mask.type } }), records: [{}] }, 400, /transforms\.mask\.fields/],
    [{ config: { 'connector.class': 'nope' }, records: [{}] }, 400, /nope/],
    [{ config: chain({ a: { type: 'test.Tell' } }), records: [{}] }, 400, /transforms\.a\.key/],
    [
      { config: { 'connector.class': 'delta', topics: 't', path: folder, 'consumer.override.sasl.jaas.config': 'x' }, live: {} },
      400,
      /policy does not allow 'sasl\.jaas\.config'/,
    ],
    [{ connector: 'nobody', records: [{}] }, 404, /nobody not found/],
    [{ config: {}, live: {} }, 400, /need a source/],
    [`{"config":{},"records":[{"value":${deep}}]}`, 400, /nested deeper/],
    [`{"config":{},"records":[{"value":"${'x'.repeat(2_000_000)}"}]}`, 413, /./],
    ['{"config":{},"records":[{"value":{"__proto__":1}}]}', 400, /__proto__/],
  ]
  for (const [body, status, text] of cases) {
    const answer = await ask(body)
    const seen = `${JSON.stringify(body).slice(0, 200)} answered ${answer.status} ${answer.message.slice(0, 300)}`
    assert.equal(answer.status, status, seen)
    assert.match(answer.message, text, seen)
  }
})

test('nothing is left on disk', () => {
  assert.deepEqual(
    readdirSync(rig.directory).filter((name) => !name.startsWith('store.db') && name !== 'dead-letters'),
    [],
  )
})
