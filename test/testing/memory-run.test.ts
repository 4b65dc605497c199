import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import datagen from '../../connectors/datagen/index.ts'
import file from '../../connectors/file/index.ts'
import { DataError, definePlugin, record, RetriableError, sink, transform, type SinkTask } from '../../core/index.ts'
import { numbered, runInMemory } from '../../testing/index.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => numbered(index + 1))
const ids = (records: readonly { readonly value: unknown }[]) => records.map(({ value }) => Number((value as { id: bigint }).id))

const odd = definePlugin({
  name: 'odd',
  version: '1.0.0',
  api: 1,
  transforms: [
    transform({
      class: 'Odd',
      doc: 'Passes records with odd ids, refuses the one with id 4.',
      config: {},
      create: () => ({
        apply: (one) => {
          const id = Number((one.value as { id: bigint }).id)
          if (id === 4) throw new DataError('4 is not wanted')
          return id % 2 === 1 ? one : null
        },
      }),
    }),
  ],
})

test('given records run through transforms into memory, by the loop of a worker', async () => {
  await using run = await runInMemory({
    config: { transforms: 'odd', 'transforms.odd.type': 'Odd', 'errors.tolerance': 'all' },
    plugins: [odd],
    records: upTo(25),
  })
  assert.deepEqual(ids(await run.done()), [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25])
  assert.deepEqual([run.counts.polled, run.counts.filtered, run.counts.rejected], [25, 11, 1])
  assert.deepEqual(await run.offsets(), { '{"memory":"records"}': 25 })
  const [rejected] = await run.rejected()
  assert.deepEqual(
    [rejected!.record?.value, rejected!.stage, rejected!.error, rejected!.errorClass],
    [{ id: 4n, text: 'row 4' }, 'TRANSFORMATION', '4 is not wanted', 'DataError'],
  )
})

test('a task that fails says why', async () => {
  await using run = await runInMemory({
    config: { transforms: 'odd', 'transforms.odd.type': 'Odd' },
    plugins: [odd],
    records: upTo(9),
  })
  await assert.rejects(run.done(), { name: 'DataError', message: /4 is not wanted/ })
})

test('a config is validated as a worker does it', async () => {
  await assert.rejects(runInMemory({ config: { 'connector.class': 'datagen', template: 'nonsense', topic: 't' }, plugins: [datagen] }), {
    name: 'ConfigError',
    message: /template/,
  })
  await assert.rejects(runInMemory({ config: { 'connector.class': 'nobody' } }), /Failed to find any class/)
})

test('a source goes on where it was saved after a crash, and nothing is missing or doubled', async () => {
  const config = { 'connector.class': 'datagen', template: 'rows', topic: 't', count: '400', 'batch.rows': '5', 'flush.rows': '10' }
  await using run = await runInMemory({ config, plugins: [datagen] })
  for (const point of ['before flush', 'after flush'] as const) {
    const seen = run.records.length
    await run.until(seen + 20)
    await run.crash(point)
    run.start()
  }
  const records = await run.until(400)
  await run.stop()
  const places = records.map(({ origin }) => origin!.position)
  assert.equal(places.length, 400)
  assert.equal(new Set(places).size, 400)
})

test("a plugin's sink gets given records, through retries and a crash", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'memory-run-'))
  const path = join(folder, 'out')
  writeFileSync(path, '')
  try {
    await using run = await runInMemory({
      config: { 'connector.class': 'FileStreamSinkConnector', topics: 't', file: path, 'flush.rows': '10' },
      plugins: [file],
      records: Array.from({ length: 30 }, (_, n) => record('t', `line ${n}`)),
    })
    await run.crash()
    run.start()
    await run.done()
    assert.deepEqual(
      readFileSync(path, 'utf8').trim().split('\n'),
      Array.from({ length: 30 }, (_, n) => `line ${n}`),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what a sink cannot take now is tried again', async () => {
  let refusals = 3
  const taken: number[] = []
  const task: SinkTask = {
    put: async (records) => {
      if (refusals-- > 0) throw new RetriableError('Not now')
      taken.push(...ids(records))
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const flaky = sink({ class: 'Flaky', doc: 'Refuses at first.', config: {}, create: () => task })
  const plugin = definePlugin({ name: 'flaky', version: '1.0.0', api: 1, sinks: [flaky] })
  await using run = await runInMemory({ config: { 'connector.class': 'Flaky', topics: 'contract' }, plugins: [plugin], records: upTo(3) })
  await run.done()
  assert.deepEqual(taken, [1, 2, 3])
  assert.equal(run.counts.retries, 3)
})
