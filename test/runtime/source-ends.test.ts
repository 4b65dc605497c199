import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { committedNumbers, startWorker, until, upTo } from './rig.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-ends-'))
let rig: Awaited<ReturnType<typeof startWorker>>
before(async () => {
  rig = await startWorker({ directory })
})
after(async () => {
  await rig[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

const pipeline = (file: string, more: Record<string, string> = {}) => ({
  'connector.class': 'counting',
  'sink.class': 'append',
  'sink.file': file,
  'delay.ms': '1',
  'flush.interval.ms': '60000',
  count: '95',
  ends: 'true',
  ...more,
})

test('a source that comes to its end leaves a connector that is STOPPED and complete, with all of it flushed', async () => {
  const { worker } = rig
  const file = rig.path('ending')
  await worker.create('ending', pipeline(file), 'RUNNING')
  await until('it is complete', () => worker.completed('ending'))
  assert.deepEqual(committedNumbers(file), upTo(95))
  assert.equal(worker.status('ending').connector.state, 'STOPPED')
  assert.deepEqual(worker.status('ending').tasks, [], 'a stopped connector has no task')
  assert.deepEqual(await worker.offsets('ending'), [{ partition: { counter: 0 }, offset: { n: 95 } }])

  await worker.resume('ending')
  assert.equal(worker.completed('ending'), false, 'resumed, it looks again')
  await until('it finds nothing more', () => worker.completed('ending'))
  assert.deepEqual(committedNumbers(file), upTo(95))
})

test('a connector is complete when all of its tasks are, and stays so over a restart of the worker', async () => {
  const { worker } = rig
  const file = rig.path('both')
  await worker.create('both', pipeline(file, { 'tasks.max': '2', 'sink.file': file }), 'RUNNING')
  await until('it is complete', () => worker.completed('both'))
  assert.deepEqual((await startedAgain()).toSorted(), ['both', 'ending'])
})

/** What a worker over the same store says is complete. */
async function startedAgain(): Promise<readonly string[]> {
  await rig[Symbol.asyncDispose]()
  rig = await startWorker({ directory })
  return rig.worker.connectors().filter((name) => rig.worker.completed(name))
}

test('positions that a person changes are told to the source first; what it refuses is changed nowhere', async () => {
  const { worker } = rig
  const [file, log] = [rig.path('altered'), rig.path('alter.log')]
  await worker.create('altered', pipeline(file, { 'alter.log': log, ends: 'false' }), 'RUNNING')
  await until('it wrote', () => committedNumbers(file).length >= 0 && worker.progress('altered')[0]?.records.put === 95)
  await worker.stop('altered')
  const at = (n: number) => [{ partition: { counter: 0 }, offset: { n } }]
  await assert.rejects(worker.alterOffsets('altered', at(13)), /13 is taken/)
  assert.deepEqual(await worker.offsets('altered'), at(95))
  await worker.alterOffsets('altered', at(40))
  await worker.resetOffsets('altered')
  assert.deepEqual(readFileSync(log, 'utf8').trim().split('\n'), ['{"{\\"counter\\":0}":{"n":40}}', 'null'])
})
