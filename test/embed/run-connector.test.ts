import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import numbers from '../fixtures/plugins/numbers.ts'
import {
  ConnectorFailedError,
  DataError,
  defineConfig,
  definePlugin,
  record,
  RetriableError,
  runConnector,
  transform,
  type ConnectRecord,
} from '../../index.ts'

const root = resolve(import.meta.dirname, '../..')
const orders = { 'connector.class': 'numbers', topic: 'orders' }
const fast = { 'flush.interval.ms': '20' }
const quiet = () => {}

function folder() {
  const path = mkdtempSync(join(tmpdir(), 'millrace-embed-'))
  return { path: (name: string) => join(path, name), [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

test('a program takes the records of a connector until its source has no more', async () => {
  const seen: ConnectRecord[] = []
  const running = await runConnector(
    { ...orders, count: 25, 'batch.rows': 10 },
    { plugins: [numbers], onRecords: (records) => void seen.push(...records) },
  )
  await running.done
  assert.equal(seen.length, 25)
  assert.equal(seen[0]!.topic, 'orders')
  assert.equal(running.status().state, 'STOPPED')
  await running.stop()
})

test('plugins of the program stand beside the built-in ones, in the chain and as ends', async () => {
  const upper = definePlugin({
    name: 'upper',
    version: '1.0.0',
    api: 1,
    transforms: [
      transform({
        class: 'upper',
        config: defineConfig({ suffix: { type: 'string', default: '!', doc: 'What follows.' } }),
        create: ({ suffix }) => ({
          apply: (input) => record(`${input.topic.toUpperCase()}${suffix}`, input.value, { origin: input.origin }),
        }),
      }),
    ],
  })
  const topics = new Set<string>()
  await using running = await runConnector(
    { ...orders, count: 5, transforms: 'up', 'transforms.up.type': 'upper', 'transforms.up.suffix': '?' },
    { plugins: [upper, numbers], onRecords: (records) => records.forEach(({ topic }) => topics.add(topic)) },
  )
  await running.done
  assert.deepEqual([...topics], ['ORDERS?'])
})

test('both ends may be built in, and a process of its own may run them', async () => {
  using place = folder()
  for (const hosting of ['inline', 'process'] as const) {
    const out = place.path(`${hosting}.txt`)
    const config = { ...orders, count: 30, 'sink.class': 'file', 'sink.file': out }
    await using running = await runConnector(config, { hosting, plugins: [join(root, 'test/fixtures/plugins/numbers.ts')], log: quiet })
    await running.done
    assert.equal(readFileSync(out, 'utf8').trim().split('\n').length, 30)
    assert.equal(running.progress()[0]!.records.put, 30)
  }
})

test('every fault of a config is told at once, and nothing was started', async () => {
  const config = { 'connector.class': 'numbers', count: 'many', 'tasks.max': 0, transforms: 'a', 'transforms.a.type': 'nowhere' }
  await assert.rejects(
    runConnector(config, { plugins: [numbers], onRecords: quiet }),
    (error: Error & { issues?: readonly { key: string }[] }) => {
      assert.equal(error.name, 'ConfigError')
      assert.deepEqual(new Set(error.issues!.map(({ key }) => key)), new Set(['count', 'tasks.max', 'topic', 'transforms.a.type']))
      return true
    },
  )
  for (const [wrong, reason] of [
    [{ 'connector.class': 'nowhere' }, /Failed to find any class .* which name matches nowhere/],
    [{}, /contains no connector type/],
  ] as const) {
    await assert.rejects(
      runConnector(wrong, { onRecords: quiet }),
      (error: Error) => error.name === 'ConfigError' && reason.test(error.message),
    )
  }
  const thief = { ...numbers, sources: numbers.sources!.map((source) => ({ ...source, class: 'postgres' })) }
  await assert.rejects(
    runConnector(orders, { plugins: [thief], onRecords: quiet }),
    /cannot be taken: It offers the source postgres, which is a name of/,
  )
  const module = { default: numbers } as unknown as typeof numbers
  await assert.rejects(
    runConnector(orders, { plugins: [numbers, module], onRecords: quiet }),
    /Number 1 of the plugins was not made by definePlugin/,
  )
  await assert.rejects(
    runConnector({ ...orders, 'sink.class': 'file' }, { plugins: [numbers], onRecords: quiet }),
    /onRecords makes the program the sink/,
  )
  await assert.rejects(runConnector(orders, { plugins: [numbers], onRecords: quiet, hosting: 'process' }), /needs hosting "inline"/)
  const nested = { ...orders, list: ['a'] } as unknown as Record<string, string>
  await assert.rejects(runConnector(nested, { plugins: [numbers], onRecords: quiet }), /list: write it as one text/)
})

test('a plugin is found as a package, and as a module; one that is neither is refused by name', async () => {
  using place = folder()
  mkdirSync(place.path('numbers'))
  const parts = [
    { kind: 'source', class: 'numbers', config: { topic: { type: 'string', required: true, doc: 'x' }, count: { type: 'int', doc: 'x' } } },
  ]
  const millrace = { api: 1, entry: 'plugin.ts', parts }
  const manifest = { name: 'numbers-of-mine', version: '3.0.0', keywords: ['millrace-plugin'], type: 'module', millrace }
  writeFileSync(place.path('numbers/package.json'), JSON.stringify(manifest))
  writeFileSync(
    place.path('numbers/plugin.ts'),
    `export { default } from ${JSON.stringify(join(root, 'test/fixtures/plugins/numbers.ts'))}`,
  )
  for (const plugin of [place.path('numbers'), join(root, 'test/fixtures/plugins/numbers.ts')]) {
    let count = 0
    await using running = await runConnector(
      { ...orders, count: 7 },
      { plugins: [plugin], onRecords: (records) => void (count += records.length) },
    )
    await running.done
    assert.equal(count, 7)
  }
  await assert.rejects(runConnector(orders, { plugins: [place.path('nowhere')], onRecords: quiet }), /nowhere cannot be taken/)
  const other = { ...orders, 'task.hosting': 'process' }
  await assert.rejects(runConnector(other, { plugins: [numbers], onRecords: quiet }), /leave out task.hosting/)
  const sink = { ...orders, 'sink.class': 'file', 'sink.file': place.path('out') }
  await assert.rejects(runConnector(sink, { plugins: [numbers], hosting: 'process' }), /numbers is an object/)
})

test('a stop writes and saves what was read; the next run from the same store goes on behind it', async () => {
  using place = folder()
  const seen: number[] = []
  const run = () =>
    runConnector(
      { ...orders, count: 400, 'batch.rows': 10, 'delay.ms': 2, ...fast },
      {
        plugins: [numbers],
        store: place.path('positions.db'),
        onRecords: (records) => void seen.push(...records.map(({ origin }) => origin!.position)),
      },
    )
  {
    await using first = await run()
    while (seen.length < 50) await new Promise((done) => setTimeout(done, 5))
    await first.stop()
    await first.done
    assert.ok(first.progress()[0]!.records.put >= 50)
  }
  const before = seen.length
  assert.ok(before < 400)
  await using second = await run()
  await second.done
  assert.equal(seen.length, 400)
  assert.equal(new Set(seen).size, 400)
})

test('an error of the program ends the connector, and done rejects with it', async () => {
  const fault = new DataError('order 7 is no order')
  const lines: string[] = []
  const running = await runConnector(
    { ...orders, count: 100 },
    { plugins: [numbers], onRecords: () => Promise.reject(fault), log: (line) => void lines.push(line) },
  )
  await assert.rejects(running.done, (error) => {
    assert.ok(error instanceof ConnectorFailedError)
    assert.equal(error.code, 'DATA')
    assert.match(error.trace, /order 7 is no order/)
    assert.equal(error.cause, fault, error.message)
    return true
  })
  assert.equal(running.status().state, 'FAILED')
  assert.ok(lines.some((line) => line.includes('order 7 is no order')))
  await running[Symbol.asyncDispose]()
})

test('a batch that the program cannot take now comes again', async () => {
  let attempts = 0
  const seen: ConnectRecord[] = []
  const running = await runConnector(
    { ...orders, count: 5 },
    {
      log: quiet,
      plugins: [numbers],
      onRecords: (records) => {
        if (++attempts === 1) throw new RetriableError('not now')
        seen.push(...records)
      },
    },
  )
  await running.done
  assert.deepEqual([attempts, seen.length], [2, 5])
})

test('a signal stops it, also one that was aborted before', async () => {
  const control = new AbortController()
  const running = await runConnector({ ...orders, 'delay.ms': 5 }, { plugins: [numbers], onRecords: quiet, signal: control.signal })
  control.abort()
  await running.done
  assert.equal(running.status().state, 'STOPPED')
  const late = await runConnector({ ...orders, 'delay.ms': 5 }, { plugins: [numbers], onRecords: quiet, signal: control.signal })
  await late.done
})

test('a stop whose last flush does not get through rejects', async () => {
  const running = await runConnector(
    { ...orders, 'delay.ms': 5, 'task.shutdown.graceful.timeout.ms': 300 },
    {
      plugins: [numbers],
      log: quiet,
      onRecords: (_, kill) => new Promise((_, reject) => kill.addEventListener('abort', () => reject(kill.reason as Error))),
    },
  )
  while (running.progress()[0]?.records.polled === undefined || running.status().tasks[0]?.state !== 'RUNNING')
    await new Promise(setImmediate)
  await new Promise((done) => setTimeout(done, 50))
  await assert.rejects(running.stop(), /did not come to rest within task.shutdown.graceful.timeout.ms/)
  await assert.rejects(running.done, ConnectorFailedError)
})

test('a program that is done leaves nothing behind and ends by itself', () => {
  using place = folder()
  const program = `
    import { runConnector } from ${JSON.stringify(join(root, 'index.ts'))}
    import numbers from ${JSON.stringify(join(root, 'test/fixtures/plugins/numbers.ts'))}
    const config = { 'connector.class': 'numbers', topic: 't', count: 3 }
    await using running = await runConnector(config, { plugins: [numbers], onRecords: (records) => console.log(records.length) })
    await running.done
  `
  const out = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module-typescript', '-e', program], {
    cwd: place.path('.'),
    encoding: 'utf8',
    timeout: 20_000,
  })
  assert.equal(out.trim(), '3')
  assert.equal(existsSync(place.path('dead-letters')), false)
})

test('importing the package to write a plugin loads neither the worker nor a library', () => {
  const program = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    await import(${JSON.stringify(join(root, 'index.ts'))})
    console.log(JSON.stringify(loaded))
  `
  const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', program]
  const loaded = (JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as string[]).filter((url) =>
    url.startsWith('file:'),
  )
  const foreign = loaded.filter(
    (url) =>
      !/\/(index|embed\/run-connector|core\/(index|contract\/[\w-]+|converter\/(json-[\w-]+|decoders|field-path|java-text)))\.ts$/.test(
        url,
      ),
  )
  assert.deepEqual(foreign, [])
  assert.ok(loaded.length > 10 && loaded.length < 40, `${loaded.length} modules`)
})
