import assert from 'node:assert/strict'
import { test } from 'node:test'
import { committedNumbers, startWorker, until, upTo } from './rig.ts'

test('a connector is created, runs in a process of its own, and stops', async () => {
  await using rig = await startWorker()
  const { worker } = rig
  const file = rig.path('out')
  await worker.create(
    'one',
    { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': file, count: '200', 'flush.interval.ms': '50' },
    'RUNNING',
  )
  await until('it runs', () => worker.status('one').tasks[0]?.state === 'RUNNING')
  await until('all records are committed', () => committedNumbers(file).length === 200)
  assert.deepEqual(committedNumbers(file), upTo(200))
  const task = await until('its progress is seen', () =>
    worker.progress('one').find(({ phase, records }) => phase === 'counting' && records.put === 200),
  )
  assert.notEqual(task.pid, process.pid)
  await worker.stop('one')
  assert.deepEqual(worker.status('one').tasks, [])
  assert.equal(worker.status('one').connector.state, 'STOPPED')
})
