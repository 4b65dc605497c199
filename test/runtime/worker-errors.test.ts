import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Registry } from '../../core/runtime/registry.ts'
import { MemoryStore } from '../../core/store/memory.ts'
import { committedNumbers, faultyModule, startWorker, until, upTo } from './rig.ts'

type Rig = Awaited<ReturnType<typeof startWorker>>
let rig: Rig
before(async () => {
  rig = await startWorker({ hosting: 'inline', store: new MemoryStore() })
})
after(async () => {
  await rig[Symbol.asyncDispose]()
})

const pipeline = (name: string, more: Record<string, string>) => ({
  'connector.class': 'counting',
  'sink.class': 'append',
  'sink.file': rig.path(name),
  'delay.ms': '1',
  'flush.interval.ms': '20',
  count: '40',
  'task.restart.max.attempts': '0',
  ...more,
})
const letters = (name: string) =>
  readFileSync(rig.path(`dead-letters/${name}-0.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('inline, the same connectors run in the worker itself', async () => {
  await rig.worker.create('inline', pipeline('inline', {}), 'RUNNING')
  await until('all are there', () => committedNumbers(rig.path('inline')).length === 40)
  assert.equal(rig.worker.progress('inline')[0]!.pid, null)
  await rig.worker.delete('inline')
})

test('errors.tolerance=none: the first record that a transform refuses fails the task', async () => {
  const config = pipeline('strict', { transforms: 'r', 'transforms.r.type': 'test.RefuseEvery' })
  await rig.worker.create('strict', config, 'RUNNING')
  const task = await until('it failed', () => rig.worker.status('strict').tasks.find(({ state }) => state === 'FAILED'))
  assert.match(task.trace!, /DataError: a multiple of 7/)
  await rig.worker.delete('strict')
})

test('errors.tolerance=all: refused records become dead letters with their stage and cause, the others pass', async () => {
  const more = {
    transforms: 'r',
    'transforms.r.type': 'test.RefuseEvery',
    'errors.tolerance': 'all',
    'sink.fault': 'reject',
    'sink.fault.every': '10',
  }
  await rig.worker.create('lax', pipeline('lax', more), 'RUNNING')
  await until('the rest is there', () => committedNumbers(rig.path('lax')).length === 31)
  const found = letters('lax')
  assert.deepEqual(
    found.map(({ value, stage }) => [value, stage]).sort((a, b) => Number(a[0]) - Number(b[0])),
    [
      [7, 'TRANSFORMATION'],
      [10, 'TASK_PUT'],
      [14, 'TRANSFORMATION'],
      [20, 'TASK_PUT'],
      [21, 'TRANSFORMATION'],
      [28, 'TRANSFORMATION'],
      [30, 'TASK_PUT'],
      [35, 'TRANSFORMATION'],
      [40, 'TASK_PUT'],
    ],
  )
  const seventh = found.find(({ value }) => value === 7)! as { error: Record<string, string>; step: string; at: string }
  const { trace, ...error } = seventh.error
  assert.deepEqual(error, { class: 'DataError', java: 'org.apache.kafka.connect.errors.DataException', message: 'a multiple of 7' })
  assert.match(trace!, /faulty\.ts/)
  assert.deepEqual([seventh.step, seventh.at], ['r', 'test.RefuseEvery'])
  await until('they are counted', () => rig.worker.progress('lax')[0]!.records.rejected === 9)
  await rig.worker.delete('lax')
})

test('filtered records advance the position and are counted', async () => {
  await rig.worker.create('even', pipeline('even', { transforms: 'd', 'transforms.d.type': 'test.DropOdd' }), 'RUNNING')
  await until('the position is at the end', async () => (await rig.worker.offsets('even'))[0]?.offset?.['n'] === 40)
  assert.deepEqual(
    committedNumbers(rig.path('even')),
    upTo(40).filter((n) => n % 2 === 0),
  )
  await until('they are counted', () => rig.worker.progress('even')[0]!.records.filtered === 20)
  await rig.worker.delete('even')
})

test('retriable errors of a sink are waited out in place', async () => {
  const config = pipeline('busy', { 'sink.fault': 'retriable', count: '60', 'errors.retry.delay.max.ms': '5' })
  await rig.worker.create('busy', config, 'RUNNING')
  await until('all are there', () => committedNumbers(rig.path('busy')).length === 60)
  assert.deepEqual(committedNumbers(rig.path('busy')), upTo(60))
  assert.equal(rig.worker.progress('busy')[0]!.restarts, 0)
  await rig.worker.delete('busy')
})

test('a retriable error of a source is waited out in place', async () => {
  const config = pipeline('away', { fault: 'retriable', 'fault.once': rig.path('away-once'), 'fault.after': '20' })
  await rig.worker.create('away', config, 'RUNNING')
  await until('all are there', () => committedNumbers(rig.path('away')).length === 40)
  assert.equal(rig.worker.progress('away')[0]!.restarts, 0)
  await rig.worker.delete('away')
})

test('shared hosting: few processes run many tasks; one that crashes takes its neighbours along, and all start again', async () => {
  await using shared = await startWorker({ hosting: 'shared', sharedHosts: 2, registry: new Registry([faultyModule]) })
  const { worker } = shared
  const names = ['a', 'b', 'c', 'd']
  for (const name of names) {
    const config = {
      ...pipeline('x', { count: '3000', 'task.restart.max.attempts': '5', 'task.restart.backoff.ms': '10' }),
      'sink.file': shared.path(name),
    }
    const fault: Record<string, string> = name === 'a' ? { fault: 'segv', 'fault.once': shared.path('once'), 'fault.after': '500' } : {}
    await worker.create(name, { ...config, ...fault }, 'RUNNING')
  }
  await until('all have a process', () => names.every((name) => worker.progress(name)[0]?.pid))
  assert.equal(new Set(names.map((name) => worker.progress(name)[0]!.pid)).size, 2)
  await until('all are there', () => names.every((name) => committedNumbers(shared.path(name)).length >= 3000), 20_000)
  for (const name of names) assert.deepEqual(committedNumbers(shared.path(name)), upTo(3000))
  assert.equal(names.filter((name) => worker.progress(name)[0]!.restarts > 0).length, 2)
})
