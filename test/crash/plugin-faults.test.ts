import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { committedNumbers, upTo } from '../runtime/rig.ts'
import { waitFor, WorkerProcess } from '../worker-process.ts'

const fixtures = join(import.meta.dirname, '../fixtures/plugins')
const folder = mkdtempSync(join(tmpdir(), 'millrace-faults-'))
let worker: WorkerProcess
let looking: Promise<void>
let over = false
const answerTimes: number[] = []

/** Packages that do harm when they are imported or asked; their manifests are well. */
const broken: Readonly<Record<string, string>> = {
  'import-throws': `throw new Error('it does not even start')`,
  'import-exits': 'process.exit(4)',
  'import-nothing': '',
  'offers-another': `export default { name: 'offers-another', version: '1.0.0', api: 1, sources: [{ class: 'test.other', config: {}, create: () => {} }] }`,
  'offers-a-sink': `export default { name: 'offers-a-sink', version: '1.0.0', api: 1, sinks: [{ class: 'test.offers-a-sink', config: {}, create: () => {} }] }`,
  'api-of-2': `export default { name: 'api-of-2', version: '1.0.0', api: 2, sources: [{ class: 'test.api-of-2', config: {}, create: () => {} }] }`,
  'breaks-later': `import { existsSync } from 'node:fs'
if (existsSync(${JSON.stringify(join(folder, 'broken-now'))})) throw new Error('it was changed for the worse')
export default { name: 'breaks-later', version: '1.0.0', api: 1, sources: [{ class: 'test.breaks-later', config: {}, create: () => ({
  open: async () => {}, poll: async () => ({ records: [], offsets: {} }), [Symbol.asyncDispose]: async () => {},
}) }] }`,
  'validate-blocks': `export default { name: 'validate-blocks', version: '1.0.0', api: 1, sources: [
    { class: 'test.validate-blocks', config: {}, create: () => {}, validate: async () => { for (;;); } },
  ] }`,
}

before(async () => {
  for (const [name, code] of Object.entries(broken)) brokenPackage(name, code)
  worker = await WorkerProcess.start(folder, {
    plugins: `${join(fixtures, 'hostile.ts')},${join(fixtures, 'faulty.ts')}`,
    'plugin.path': join(folder, 'packages'),
    'task.restart.max.attempts': '0',
    'task.shutdown.graceful.timeout.ms': '1000',
    'log.level': 'info',
  })
  const ready = async () => (await worker.call('GET', '/api/v1/worker')).ready
  await waitFor(ready, 10_000, () => 'the worker is not ready')
  await create('neighbour', {
    'connector.class': 'counting',
    'delay.ms': '5',
    'sink.class': 'append',
    'sink.file': join(folder, 'neighbour'),
  })
  await worker.running('neighbour')
  looking = lookOn()
})
after(async () => {
  over = true
  await looking
  await worker?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

function brokenPackage(name: string, code: string): void {
  const root = join(folder, 'packages', name)
  mkdirSync(root, { recursive: true })
  const millrace = { api: 1, entry: './index.mjs', kind: 'source', class: `test.${name}`, config: {} }
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name, version: '1.0.0', keywords: ['millrace-plugin'], millrace }))
  writeFileSync(join(root, 'index.mjs'), code)
}

function create(name: string, config: Record<string, string>): Promise<unknown> {
  return worker.call('PUT', `/connectors/${name}/config`, { 'flush.interval.ms': '50', ...config })
}

/** The REST API is asked all the time, whatever plugins do. */
async function lookOn(): Promise<void> {
  while (!over) {
    const began = performance.now()
    await worker.call('GET', '/connectors?expand=status')
    answerTimes.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function residentMb(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${worker.pid}/status`, 'utf8'))![1]) / 1024
}

const hostile = (fault: string, more: Record<string, string> = {}) => ({
  'connector.class': 'hostile',
  fault,
  'sink.class': 'plain',
  'sink.file': join(folder, `${fault}.out`),
  ...more,
})
const hostileSink = (fault: string, more: Record<string, string> = {}) => ({
  'connector.class': 'counting',
  'sink.class': 'hostile-sink',
  'sink.fault': fault,
  ...more,
})
const stall = { 'task.stall.timeout.ms': '2000' }

/** What a plugin does, the config that has it done, and what the task's trace says of it. */
const failing: Readonly<Record<string, readonly [config: Record<string, string>, trace: RegExp]>> = {
  'throws in a timer': [hostile('timer'), /thrown in a timer[\s\S]*hostile\.ts/],
  'rejects a promise that nobody awaits': [hostile('rejection'), /awaited by nobody/],
  'blocks for 30 seconds': [
    hostile('block', { 'task.heartbeat.timeout.ms': '2000' }),
    /no sign of life[\s\S]*\(Some code of a plugin computes without pause/,
  ],
  'ends the process': [hostile('exit'), /exited with code 0[\s\S]*\(A plugin ended the process[\s\S]*process\.exit\(0\) was called/],
  'leaks heap': [hostile('heap', { 'task.heap.max.mb': '40' }), /JavaScript heap of 40 MB[\s\S]*\(Give the task more/],
  'leaks buffers': [hostile('buffers', { 'task.memory.max.bytes': '300000000' }), /more than task\.memory\.max\.bytes=300000000/],
  'patches arrays': [hostile('array', { 'task.heartbeat.timeout.ms': '3000' }), /map was patched|no sign of life/],
  'sends garbage to the worker': [hostile('garbage'), /sent .*, and was ended: something in it writes to file descriptor 3/],
  'closes the channel to the worker': [hostile('disconnect'), /lost its channel to the worker/],
  'kills its parent': [hostile('kill-parent'), /process\.kill\(\d+\) would end the worker, and was refused/],
  'leaves children behind': [hostile('children', { note: join(folder, 'children') }), /leaves children behind/],
  'hangs in open': [hostile('hang-open', stall), /no progress .* while opening[\s\S]*\(A plugin waits for what does not come/],
  'hangs in poll': [hostile('hang', stall), /no progress .* while polling/],
  'hangs in put': [hostileSink('hang-put', stall), /no progress .* while putting/],
  'hangs in flush': [hostileSink('hang-flush', stall), /no progress .* while flushing/],
  'gives null for a batch': [hostile('no-batch'), /poll of test\.HostileSource gave null, not a batch/],
  'gives records that are no list': [hostile('no-list'), /whose "records" is a string, not a list/],
  'gives a record without a topic': [hostile('no-topic'), /number 1 has undefined as its topic; build it by record\(\)/],
  'gives a record made by hand': [hostile('plain-record'), /number 0 has no "key"; build it by record\(\)/],
  'gives no offsets': [hostile('no-offsets'), /whose "offsets" is undefined/],
  'gives a position that is no JSON': [hostile('odd-offsets'), /offsets\.p\.at is a bigint; positions are JSON/],
  'gives a circular position': [hostile('circular-offsets'), /deeper than 50 levels, or in circles/],
  'gives a number for offsets when it flushes': [hostileSink('flush-number'), /flush of test\.HostileSink gave a number/],
  'gives a text for what is committed': [hostileSink('committed-text'), /committed of test\.HostileSink gave a string/],
  'creates nothing': [hostile('create-nothing'), /create of test\.HostileSource gave undefined/],
  'creates half a task': [hostile('create-half'), /gave an object without poll\(\), \[Symbol\.asyncDispose\]\(\)/],
  'forgets to return the record': [
    hostile('none', { transforms: 'f', 'transforms.f.type': 'test.Forgets' }),
    /Transform "f" failed: apply gave neither a record nor null/,
  ],
  'transforms by a promise': [hostile('none', { transforms: 'p', 'transforms.p.type': 'test.Promises' }), /apply gave a promise/],
}

/** Ends when its process is killed, after ten seconds without a sign of life. */
let blocked: Promise<unknown>

test('while one plugin blocks the process that checks its config, the configs of others are checked', async () => {
  blocked = create('blocked', hostile('', { 'connector.class': 'test.validate-blocks' })).catch((error: Error) => error)
  for (let at = 0; at < 3; at++) {
    const config = { name: 'other', 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': join(folder, 'other') }
    const { error_count } = await worker.call('PUT', '/connector-plugins/counting/config/validate', config)
    assert.equal(error_count, 0)
    if (at === 0) assert.equal(await Promise.race([blocked, Promise.resolve('still blocked')]), 'still blocked')
  }
})

test('whatever a plugin does, its task alone is FAILED, with a trace that names the cause', { concurrency: 6 }, async (t) => {
  await Promise.all(
    Object.entries(failing).map(([what, [config, trace]], at) =>
      t.test(`a plugin that ${what}`, async () => {
        const name = `f${at}`
        await create(name, config)
        let shown = ''
        await waitFor(
          async () => {
            const { connector, tasks } = await worker.call('GET', `/connectors/${name}/status`)
            shown = JSON.stringify([connector, tasks])
            const failed = [connector, ...tasks].find((one: { state: string }) => one.state === 'FAILED')
            if (failed) assert.match(failed.trace, trace)
            return failed !== undefined
          },
          60_000,
          () => `${what}: ${shown}`,
        )
        await worker.call('DELETE', `/connectors/${name}`)
      }),
    ),
  )
})

test('a plugin that cannot be imported, or gives nonsense for its tasks or its checks, is refused when the connector is created', async () => {
  assert.match(String(await blocked), /The connector's own validation: The task's process gave no sign of life/)
  for (const [name, reason] of [
    ['import-throws', /import-throws\/index\.mjs could not be imported: it does not even start/],
    ['import-exits', /exited with code 4/],
    ['import-nothing', /no default export/],
    ['offers-another', /offers-another\/index\.mjs does not offer test\.offers-another: its manifest is wrong/],
    ['offers-a-sink', /offers-a-sink\/index\.mjs does not offer test\.offers-a-sink: its manifest is wrong/],
    ['api-of-2', /api-of-2\/index\.mjs works with version 2 of the plugin contract; this Millrace offers version 1/],
  ] as const) {
    await assert.rejects(create(name, hostile('', { 'connector.class': `test.${name}` })), reason)
  }
  for (const [fault, reason] of [
    ['validate-text', /validate of test\.HostileSource gave a string, not a list/],
    ['validate-odd', /gave a fault, number 0, without a key and a message/],
  ] as const) {
    await assert.rejects(create(fault, hostile(fault)), reason)
  }
  for (const [fault, reason] of [
    ['tasks-text', /tasks of test\.HostileSource gave a string, not a list/],
    ['tasks-odd', /gave a number for the setting "a" of task 0/],
    ['tasks-many', /gave 20000 tasks; at most 10000/],
    ['tasks-large', /gave settings of more than 4000000 characters/],
  ] as const) {
    await create(fault, hostile(fault))
    let trace = ''
    await waitFor(
      async () => {
        const { connector } = await worker.call('GET', `/connectors/${fault}/status`)
        trace = connector.trace ?? ''
        return connector.state === 'FAILED'
      },
      20_000,
      () => `${fault} is not FAILED`,
    )
    assert.match(trace, reason)
    await worker.call('DELETE', `/connectors/${fault}`)
  }
})

test('a plugin that cannot be imported any more is FAILED when its connector is restarted, and runs again when it is mended', async () => {
  await create('later', hostile('', { 'connector.class': 'test.breaks-later' }))
  await worker.running('later')
  writeFileSync(join(folder, 'broken-now'), '')
  const restart = () => worker.call('POST', '/connectors/later/restart?includeTasks=true')
  // The process that asks plugins has it imported, and stays for two seconds after its last call.
  await worker.call('POST', '/api/v1/plugins/refresh')
  await restart()
  const trace = async () => {
    const { connector, tasks } = await worker.call('GET', '/connectors/later/status')
    return [connector, ...tasks].map((one: { trace?: string }) => one.trace ?? '').join('\n')
  }
  await waitFor(
    async () => (await trace()).includes('it was changed for the worse'),
    20_000,
    () => 'it is not FAILED',
  )
  assert.match(await trace(), /breaks-later\/index\.mjs could not be imported: it was changed for the worse/)
  rmSync(join(folder, 'broken-now'))
  await restart()
  await worker.running('later')
  await worker.call('DELETE', '/connectors/later')
})

/** These do no harm to the task itself. */
const harmless = ['object', 'promise', 'channel', 'report', 'print', 'eager', 'hang-dispose']

test('what a plugin prints, reports or patches stays in its process; the log stays whole and the worker small', async () => {
  const before = residentMb()
  await Promise.all(harmless.map((fault) => create(fault, hostile(fault))))
  const printed = () => worker.log.includes('"stream":"stdout"') && worker.log.includes('linesLeftOut')
  await waitFor(printed, 30_000, () => worker.log.slice(-2000))
  for (const fault of ['channel', 'report', 'print', 'eager']) await worker.running(fault)
  await waitFor(
    () => existsSync(join(folder, 'report.out')),
    10_000,
    () => 'nothing came',
  )
  const { tasks } = await worker.call('GET', '/api/v1/connectors/report/progress')
  assert.ok(JSON.stringify(tasks).length < 10_000)
  for (const fault of harmless) await worker.call('DELETE', `/connectors/${fault}`)
  assert.ok(residentMb() - before < 100, `${before} MB before, ${residentMb()} MB after`)
  for (const line of worker.log.split('\n').slice(1, -1)) assert.doesNotThrow(() => JSON.parse(line), line.slice(0, 300))
})

test('nobody else noticed: the neighbour went on without a gap, the API answered, and no process is left', async (t) => {
  const { tasks } = await worker.call('GET', '/api/v1/connectors/neighbour/progress')
  assert.equal(tasks[0].state, 'RUNNING')
  assert.equal(tasks[0].restarts, 0)
  const numbers = committedNumbers(join(folder, 'neighbour'))
  await waitFor(
    () => committedNumbers(join(folder, 'neighbour')).length > numbers.length,
    10_000,
    () => 'the neighbour stands still',
  )
  assert.deepEqual(numbers, upTo(numbers.length))
  const times = answerTimes.toSorted((a, b) => a - b)
  const child = readFileSync(join(folder, 'children'), 'utf8')
  assert.equal(existsSync(`/proc/${child}`), false)
  t.diagnostic(
    `${times.length} answers, median ${Math.round(times[times.length >> 1]!)} ms, at most ${Math.round(times.at(-1)!)} ms; the worker has ${Math.round(residentMb())} MB`,
  )
})
