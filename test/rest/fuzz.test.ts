import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openApi } from '../../core/rest/openapi.ts'
import type { RestServer } from '../../core/rest/server.ts'
import { startWorker } from '../runtime/rig.ts'
import { registry } from './fixture-plugins.ts'
import { fixture, serve } from './fixture-server.ts'

/** Requests in all; more of them with FUZZ_REQUESTS. */
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 4_000)
const perWorker = 20

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
}
interface Operation {
  readonly parameters?: readonly { readonly $ref?: string; readonly name?: string; readonly in?: string }[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}
const document = openApi('0.1.0') as unknown as Document

const names = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('c', 'd', 'file', 'FileStreamSource', 'Json', 'root', '0', '1') },
  fc.constantFrom(
    '__proto__',
    'constructor',
    'toString',
    '..',
    '.',
    '%',
    '%2F',
    'a/b',
    '-1',
    '1e9',
    'x'.repeat(3_000),
    '\u0000',
    '💥',
    '${env:HOME}',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)
const configKeys = fc.oneof(
  fc.constantFrom(
    'name',
    'connector.class',
    'topic',
    'topics',
    'file',
    'tasks.max',
    'transforms',
    'transforms.a.type',
    'sink.class',
    'sink.path',
  ),
  fc.constantFrom('value.converter', 'errors.tolerance', 'topics.regex', 'predicates', 'constructor', '__proto__', '', 'password'),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const texts = fc.oneof(
  fc.constantFrom(
    'c',
    'FileStreamSource',
    'FileStreamSink',
    'file',
    'delta',
    'a',
    'a,a',
    'RegexRouter',
    '(a+)+$',
    '1',
    '-1',
    '1e400',
    'NaN',
    'true',
    '${x:y:z}',
    '',
  ),
  fc.string({ unit: 'binary', maxLength: 30 }),
)
const scalars: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: texts },
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt().map(Number),
)

/** Values that a schema allows, roughly; sometimes anything at all. */
function valueOf(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const anything = fc.oneof(scalars, fc.jsonValue({ maxDepth: 3 }))
  return fc.oneof({ weight: 9, arbitrary: fitting(schema, depth) }, { weight: 1, arbitrary: anything })
}

function fitting(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref) return valueOf(document.components.schemas[schema.$ref.split('/').at(-1)!]!, depth)
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (schema.pattern) return fc.constantFrom('RUNNING', 'paused', 'Stopped', 'nonsense')
  const type = [schema.type].flat()[0]
  if (type === 'array') return fc.array(valueOf(schema.items ?? {}, depth + 1), { maxLength: 3 })
  if (type !== 'object') return scalars
  if (schema.properties) {
    const properties = Object.fromEntries(Object.entries(schema.properties).map(([name, own]) => [name, valueOf(own, depth + 1)]))
    return fc.record(properties, { requiredKeys: (schema.required ?? []) as string[] })
  }
  const partition = fc.constantFrom<unknown>(
    { filename: '/x' },
    { kafka_topic: 't', kafka_partition: 0 },
    { kafka_offset: '7' },
    { position: 4 },
  )
  return fc.oneof(fc.dictionary(configKeys, scalars, { maxKeys: 8 }), complete, partition)
}

const complete = fc
  .dictionary(configKeys, scalars, { maxKeys: 3 })
  .map((more) => ({ 'connector.class': 'FileStreamSource', topic: 't', ...more }))

interface Request {
  readonly method: string
  readonly url: string
  readonly payload: string | Buffer | undefined
  readonly headers: Readonly<Record<string, string>>
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
)

const request: fc.Arbitrary<Request> = fc.constantFrom(...operations).chain(({ path, method, operation }) => {
  const inQuery = (operation.parameters ?? []).flatMap((parameter) => (parameter.in === 'query' ? [parameter.name!] : []))
  const schema = operation.requestBody?.content['application/json'].schema
  const json = schema ? valueOf(schema).map((value) => JSON.stringify(value) ?? '') : fc.constant(undefined)
  const body = fc.oneof(
    { weight: 12, arbitrary: json },
    fc.string({ unit: 'binary', maxLength: 50 }),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    json.map((text) => text?.slice(0, Math.floor(text.length / 2))),
  )
  return fc.record({
    method: fc.oneof(
      { weight: 15, arbitrary: fc.constant(method) },
      fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'),
    ),
    url: fc
      .tuple(
        fc.array(names, { minLength: 2, maxLength: 2 }),
        fc.dictionary(fc.constantFrom(...inQuery, 'forward'), texts, { maxKeys: 2 }),
        fc.boolean(),
      )
      .map(([given, query, slash]) => {
        let at = 0
        const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(given[at++]!.toWellFormed()))
        const wellFormed = Object.entries(query).map(([key, value]) => [key, value.toWellFormed()])
        const search = new URLSearchParams(wellFormed as [string, string][]).toString()
        return `${filled}${slash && filled !== '/' ? '/' : ''}${search === '' ? '' : `?${search}`}`
      }),
    payload: body,
    headers: fc.oneof(
      { weight: 12, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
      fc.constantFrom<Record<string, string>>(
        {},
        { 'content-type': 'application/x-www-form-urlencoded' },
        { 'content-type': 'nonsense' },
        { 'content-type': ';;;' },
        { accept: 'text/html' },
        { host: 'evil.com' },
        { origin: 'null' },
      ),
    ),
  })
})

interface Target extends AsyncDisposable {
  readonly app: RestServer['app']
  /** What the worker logged as a fault of its own. */
  faults(): readonly string[]
}

async function fakeTarget(): Promise<Target> {
  const { server, control, logged } = await fixture()
  await control.create('c', existing, 'RUNNING')
  return { app: server.app, faults: () => logged, [Symbol.asyncDispose]: () => server.close() }
}

/** A worker with its store and its tasks, inside this process. */
async function realTarget(): Promise<Target> {
  const rig = await startWorker({ registry, hosting: 'inline' })
  const server = await serve(rig.worker, registry)
  await rig.worker.create('c', existing, 'RUNNING')
  const close = async () => {
    await server.close()
    await rig[Symbol.asyncDispose]()
  }
  return { app: server.app, faults: () => rig.lines.filter((line) => line.includes('A request failed')), [Symbol.asyncDispose]: close }
}

const existing = { 'connector.class': 'FileStreamSource', topic: 't', name: 'c' }

async function fuzz(count: number, target: () => Promise<Target>): Promise<ReadonlySet<number>> {
  const before = Reflect.ownKeys(Object.prototype)
  const statuses = new Set<number>()
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: perWorker, maxLength: perWorker, size: 'max' }), async (sequence) => {
      await using worker = await target()
      for (const { method, url, payload, headers } of sequence) {
        const answer = await worker.app.inject({ method: method as 'GET', url, payload, headers })
        statuses.add(answer.statusCode)
        assert.ok(answer.statusCode < 500, `${method} ${url} answered ${answer.statusCode} ${answer.body} ${worker.faults().join('\n')}`)
        if (answer.statusCode < 400 || method === 'HEAD') continue
        const { error_code: code, message, ...rest } = answer.json<{ error_code: number; message: string }>()
        assert.deepEqual({ code, rest, text: typeof message }, { code: answer.statusCode, rest: {}, text: 'string' })
      }
      assert.deepEqual(worker.faults(), [])
    }),
    { numRuns: Math.ceil(count / perWorker), interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  )
  assert.deepEqual(Reflect.ownKeys(Object.prototype), before)
  return statuses
}

test(`${requests} requests made from the OpenAPI document: no 5xx, every refusal in shape, no prototype touched`, async () => {
  const statuses = await fuzz(requests, fakeTarget)
  for (const status of [200, 201, 202, 204, 400, 404, 405]) assert.ok(statuses.has(status), `the fuzzer never got a ${status}`)
})

test(`${requests / 10} of them against a real worker`, async () => {
  await fuzz(requests / 10, realTarget)
})
