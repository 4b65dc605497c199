import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { committedNumbers, startWorker, until, upTo } from './rig.ts'

type Rig = Awaited<ReturnType<typeof startWorker>>
let rig: Rig
before(async () => {
  rig = await startWorker()
})
after(async () => {
  await rig[Symbol.asyncDispose]()
})

const pipeline = (file: string, more: Record<string, string> = {}) => ({
  'connector.class': 'counting',
  'sink.class': 'append',
  'sink.file': file,
  'delay.ms': '1',
  'flush.interval.ms': '30',
  ...more,
})
const taskState = (name: string) => rig.worker.status(name).tasks[0]?.state

test('pause, resume, restart and stop at random instants under load lose and repeat nothing', async () => {
  const { worker } = rig
  const file = rig.path('busy')
  await worker.create('busy', pipeline(file, { 'batch.rows': '50', 'open.batches': '3' }), 'RUNNING')
  await until('it runs', () => taskState('busy') === 'RUNNING')
  for (let round = 0; round < 8; round++) {
    await sleep(Math.random() * 40)
    await worker.pause('busy')
    assert.equal(taskState('busy'), 'PAUSED')
    const paused = committedNumbers(file).length
    await sleep(60)
    assert.equal(committedNumbers(file).length, paused, 'a paused task writes nothing')
    await worker.resume('busy')
    await until('it runs again', () => taskState('busy') === 'RUNNING')
    if (round % 3 === 1) await worker.restartTask('busy', 0)
    if (round % 4 === 3) {
      await worker.stop('busy')
      assert.deepEqual(worker.status('busy').tasks, [])
      await worker.resume('busy')
    }
  }
  await until('it runs in the end', () => taskState('busy') === 'RUNNING')
  const seen = committedNumbers(file).length
  await until('it goes on', () => committedNumbers(file).length > seen + 100)
  await worker.stop('busy')
  const numbers = committedNumbers(file)
  assert.deepEqual(numbers, upTo(numbers.length))
  assert.deepEqual(await worker.offsets('busy'), [{ partition: { counter: 0 }, offset: { n: numbers.length } }])
  await worker.delete('busy')
})

test('a connector created PAUSED or STOPPED has no task until it is resumed', async () => {
  const { worker } = rig
  for (const state of ['PAUSED', 'STOPPED'] as const) {
    await worker.create(state, pipeline(rig.path(state)), state)
    await sleep(50)
    assert.deepEqual(
      { ...worker.status(state), connector: worker.status(state).connector.state },
      { name: state, connector: state, tasks: [], type: 'source' },
    )
    await worker.resume(state)
    await until('it runs', () => taskState(state) === 'RUNNING')
    await worker.delete(state)
  }
})

test('a connector paused from STOPPED is PAUSED without tasks', async () => {
  const { worker } = rig
  await worker.create('late', pipeline(rig.path('late')), 'STOPPED')
  await worker.pause('late')
  assert.equal(worker.status('late').connector.state, 'PAUSED')
  assert.deepEqual(worker.status('late').tasks, [])
  await worker.delete('late')
})

test('a failed task stays FAILED while its connector is paused', async () => {
  const { worker } = rig
  await worker.create(
    'broken',
    pipeline(rig.path('broken'), { fault: 'throw', 'fault.after': '0', 'task.restart.max.attempts': '0' }),
    'RUNNING',
  )
  await until('it failed', () => taskState('broken') === 'FAILED')
  await worker.pause('broken')
  assert.equal(worker.status('broken').connector.state, 'PAUSED')
  assert.equal(taskState('broken'), 'FAILED')
  await worker.resume('broken')
  assert.equal(taskState('broken'), 'FAILED')
  await worker.delete('broken')
})

test('a restart answers the planned states, and a failed task that was mended runs', async () => {
  const { worker } = rig
  const mark = rig.path('mark')
  const more = { fault: 'throw', 'fault.after': '0', 'fault.once': mark, 'task.restart.max.attempts': '0' }
  await worker.create('mended', pipeline(rig.path('mended'), more), 'RUNNING')
  await until('it failed', () => taskState('mended') === 'FAILED')
  assert.equal(await worker.restart('mended', { includeTasks: false, onlyFailed: false }), undefined)
  assert.equal(taskState('mended'), 'FAILED')
  const planned = await worker.restart('mended', { includeTasks: true, onlyFailed: true })
  assert.equal(planned!.connector.state, 'RUNNING')
  assert.equal(planned!.tasks[0]!.state, 'RESTARTING')
  assert.equal(planned!.tasks[0]!.trace, undefined)
  await until('it runs', () => taskState('mended') === 'RUNNING')
  const healthy = await worker.restart('mended', { includeTasks: true, onlyFailed: true })
  assert.equal(healthy!.tasks[0]!.state, 'RUNNING')
  await worker.delete('mended')
})

test('a task counts as FAILED while it waits for its automatic restart, and says when that is', async () => {
  const { worker } = rig
  await worker.create(
    'waiting',
    pipeline(rig.path('waiting'), { fault: 'throw', 'fault.after': '0', 'task.restart.backoff.ms': '60000' }),
    'RUNNING',
  )
  const status = await until('it failed', () => worker.status('waiting').tasks.find(({ state }) => state === 'FAILED'))
  assert.match(status.trace!, /starts again by itself at 20\d\d-.*, attempt 1\./)
  await worker.delete('waiting')
})

test('the same config again disturbs nothing; another one replaces the tasks and keeps the position', async () => {
  const { worker } = rig
  const file = rig.path('changed')
  const config = pipeline(file)
  await worker.create('changed', config, 'RUNNING')
  await until('it runs', () => taskState('changed') === 'RUNNING')
  await until('it counts', () => worker.progress('changed')[0]!.pid)
  const { pid } = worker.progress('changed')[0]!
  assert.equal((await worker.put('changed', config)).created, false)
  assert.equal(worker.progress('changed')[0]!.pid, pid)
  const { info } = await worker.put('changed', { ...config, 'batch.rows': '3' })
  assert.equal(info.config['batch.rows'], '3')
  assert.equal(info.tasks.length, 1)
  await until('another process runs', () => {
    const [task] = worker.progress('changed')
    return task?.state === 'RUNNING' && task.pid !== pid
  })
  await worker.patch('changed', { 'batch.rows': null, count: '-1' })
  assert.equal(worker.info('changed').config['batch.rows'], undefined)
  await worker.stop('changed')
  const numbers = committedNumbers(file)
  assert.deepEqual(numbers, upTo(numbers.length))
  await worker.delete('changed')
})

test('offsets are altered and reset only when STOPPED; the sink forgets what it had, and positions are checked', async () => {
  const { worker } = rig
  const file = rig.path('moved')
  await worker.create('moved', pipeline(file, { count: '20' }), 'RUNNING')
  await until('all are there', () => committedNumbers(file).length === 20)
  await assert.rejects(worker.resetOffsets('moved'), /must be in the STOPPED state/)
  await worker.stop('moved')
  await assert.rejects(worker.alterOffsets('moved', [{ partition: { counter: 0 }, offset: { n: 'x' } }]), {
    name: 'BadRequestError',
    message: 'n must be a number',
  })
  await worker.alterOffsets('moved', [{ partition: { counter: 0 }, offset: { n: 15 } }])
  await worker.resume('moved')
  await until('five came again', () => committedNumbers(file).length === 25)
  assert.deepEqual(committedNumbers(file).slice(20), [16, 17, 18, 19, 20])
  await worker.stop('moved')
  await worker.resetOffsets('moved')
  assert.deepEqual(await worker.offsets('moved'), [])
  await worker.resume('moved')
  await until('all came again', () => committedNumbers(file).length === 45)
  await worker.delete('moved')
})

test('deleting lets the source release what it holds, keeps the offsets, and frees the name', async () => {
  const { worker } = rig
  const log = rig.path('destroyed')
  const file = rig.path('deleted')
  await worker.create('gone', pipeline(file, { 'destroy.log': log, count: '10' }), 'RUNNING')
  await until('all are there', () => committedNumbers(file).length === 10)
  await worker.delete('gone')
  assert.equal(readFileSync(log, 'utf8'), 'destroyed\n')
  assert.throws(() => worker.status('gone'), { name: 'NotFoundError', message: 'No status found for connector gone' })
  await worker.create('gone', pipeline(file, { count: '12' }), 'RUNNING')
  await until('only what was missing comes', () => committedNumbers(file).length === 12)
  await worker.delete('gone')
})

test('names are opaque: __proto__, unicode, slashes and arrows are names like any other', async () => {
  const { worker } = rig
  for (const name of ['__proto__', 'constructor', 'täst ✓', 'a/b->c%?#"']) {
    await worker.create(name, pipeline(rig.path(`opaque-${encodeURIComponent(name)}`), { count: '5' }), 'RUNNING')
    await until('it runs', () => taskState(name) === 'RUNNING')
    await until('it has offsets', async () => (await worker.offsets(name)).length === 1)
    assert.ok(worker.connectors().includes(name))
    await worker.delete(name)
  }
  assert.equal(({} as Record<string, unknown>)['connector.class'], undefined)
})

test('topics are remembered, reset, and seen again', async () => {
  const { worker } = rig
  await worker.create('topical', pipeline(rig.path('topical'), { topic: 'orders' }), 'RUNNING')
  await until('the topic is seen', () => worker.topics('topical').includes('orders'))
  worker.resetTopics('topical')
  await until('it is seen again', () => worker.topics('topical').includes('orders'))
  assert.deepEqual(worker.topics('nobody'), [])
  await worker.delete('topical')
})

test('work is split into tasks; more of them than allowed fails the connector with the reason', async () => {
  const { worker } = rig
  await worker.create('split', pipeline(rig.path('split'), { 'tasks.max': '3', count: '30' }), 'RUNNING')
  await until('three run', () => worker.status('split').tasks.filter(({ state }) => state === 'RUNNING').length === 3)
  assert.equal(worker.tasks('split')[2]!.config['task.note'], 'part 2')
  await until('each has a position', async () => (await worker.offsets('split')).length === 3)
  await worker.delete('split')
  await worker.create('greedy', pipeline(rig.path('greedy'), { 'tasks.max': '2', tasks: '5' }), 'RUNNING')
  await until('it failed', () => worker.status('greedy').connector.state === 'FAILED')
  assert.match(worker.status('greedy').connector.trace!, /has generated 5 tasks, which is greater than 2/)
  await worker.put('greedy', pipeline(rig.path('greedy'), { 'tasks.max': '5', tasks: '5' }))
  await until('all run', () => worker.status('greedy').tasks.filter(({ state }) => state === 'RUNNING').length === 5)
  await worker.delete('greedy')
})

test("a plugin's own check refuses a config before anything is stored", async () => {
  await assert.rejects(rig.worker.create('refused', pipeline(rig.path('refused'), { fault: 'invalid' }), 'RUNNING'), /the far side says no/)
  assert.equal(rig.worker.find('refused'), undefined)
})

test('a new worker brings every connector back to what it should be', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-restored-'))
  const file = join(directory, 'out')
  {
    await using first = await startWorker({ directory })
    await first.worker.create('runs', pipeline(file), 'RUNNING')
    await first.worker.create('paused', pipeline(`${file}2`), 'RUNNING')
    await first.worker.create('stopped', pipeline(`${file}3`), 'RUNNING')
    await until('they run', () => first.worker.connectors().every((name) => first.worker.status(name).tasks[0]?.state === 'RUNNING'))
    await first.worker.pause('paused')
    await first.worker.stop('stopped')
    await assert.rejects(startWorker({ directory }), new RegExp(`in use by another worker \\(process ${process.pid}\\)`))
  }
  assert.ok(existsSync(file))
  {
    await using second = await startWorker({ directory })
    const { worker } = second
    assert.deepEqual(worker.connectors(), ['runs', 'paused', 'stopped'])
    await until('the first runs', () => worker.status('runs').tasks[0]?.state === 'RUNNING')
    assert.deepEqual(
      worker.status('paused').tasks.map(({ state }) => state),
      ['PAUSED'],
    )
    assert.equal(worker.progress('paused')[0]!.pid, null)
    assert.equal(worker.status('stopped').connector.state, 'STOPPED')
    await worker.resume('paused')
    await until('the second runs', () => worker.status('paused').tasks[0]?.state === 'RUNNING')
  }
  for (const path of [file, `${file}2`]) assert.deepEqual(committedNumbers(path), upTo(committedNumbers(path).length))
  rmSync(directory, { recursive: true, force: true })
})
