import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { committedNumbers, startWorker, until, upTo } from '../runtime/rig.ts'

type Rig = Awaited<ReturnType<typeof startWorker>>
let rig: Rig
const neighbour = () => committedNumbers(rig.path('neighbour'))

before(async () => {
  rig = await startWorker()
  await rig.worker.create('neighbour', config('neighbour', { 'delay.ms': '2' }), 'RUNNING')
  await until('the neighbour counts', () => neighbour().length > 0)
})
after(async () => {
  await rig[Symbol.asyncDispose]()
})

function config(name: string, more: Record<string, string>): Record<string, string> {
  return {
    'connector.class': 'counting',
    'sink.class': 'append',
    'sink.file': rig.path(name),
    'flush.interval.ms': '20',
    'task.restart.max.attempts': '0',
    ...more,
  }
}

/** Every call of the control plane, timed, while something goes wrong. */
async function controlAnswers(name: string, times: number[]): Promise<void> {
  const began = performance.now()
  rig.worker.status(name)
  rig.worker.progress(name)
  rig.worker.connectors()
  await rig.worker.offsets(name)
  times.push(performance.now() - began)
}

const faults: readonly { readonly fault: string; readonly reason: RegExp; readonly more?: Record<string, string> }[] = [
  {
    fault: 'throw',
    reason: /^Error: it broke with \[hidden\][\s\S]*Caused by: TypeError: a deeper reason/,
    more: { password: 'geheim!1' },
  },
  { fault: 'config', reason: /the fault is a wrong setting/ },
  { fault: 'data', reason: /DataError: a wrong record/ },
  { fault: 'gap', reason: /GapError: the log is gone/ },
  { fault: 'retriable', reason: /RetriableError: the far side is away/, more: { 'task.retry.timeout.ms': '400' } },
  { fault: 'uncaught', reason: /thrown by nobody's call[\s\S]*faulty\.ts/ },
  { fault: 'rejection', reason: /a promise that nobody awaits/ },
  { fault: 'exit', reason: /exited with code 3[\s\S]*process\.exit\(3\) was called[\s\S]*faulty\.ts/ },
  { fault: 'abort', reason: /ended by SIGABRT/ },
  { fault: 'segv', reason: /ended by SIGSEGV/ },
  { fault: 'heap', reason: /JavaScript heap of 48 MB \(task\.heap\.max\.mb\)/, more: { 'task.heap.max.mb': '48' } },
  { fault: 'resident', reason: /more than task\.memory\.max\.bytes=200000000/, more: { 'task.memory.max.bytes': '200000000' } },
  { fault: 'spin', reason: /no sign of life[\s\S]*task\.heartbeat\.timeout\.ms=1500/, more: { 'task.heartbeat.timeout.ms': '1500' } },
  { fault: 'hang', reason: /no progress[\s\S]*while polling/, more: { 'task.stall.timeout.ms': '1500' } },
  { fault: 'hang-open', reason: /no progress[\s\S]*while opening/, more: { 'task.stall.timeout.ms': '1500' } },
]

for (const { fault, reason, more } of faults) {
  test(`a source that fails by "${fault}" is FAILED with its reason, and nobody else notices`, async (t) => {
    const { worker } = rig
    const seen = neighbour().length
    const times: number[] = []
    await worker.create(fault, config(fault, { fault, ...more }), 'RUNNING')
    const status = await until('it is FAILED', async () => {
      await controlAnswers(fault, times)
      const task = worker.status(fault).tasks[0]
      return task?.state === 'FAILED' && task
    })
    assert.match(status.trace ?? '', reason)
    t.diagnostic(`control calls took ${times.map(Math.round).join(', ')} ms`)
    assert.equal(worker.status(fault).connector.state, 'RUNNING')
    await until('the neighbour goes on', () => neighbour().length > seen)
    await worker.delete(fault)
  })
}

test('a sink that hangs in put is FAILED, having been said to stall before, however lively its source is', async () => {
  const { worker } = rig
  await worker.create(
    'hang-put',
    config('hang-put', { 'sink.fault': 'hang-put', 'chatty.ms': '100', 'task.stall.timeout.ms': '7000' }),
    'RUNNING',
  )
  const stalled = await until('it is said to stall', () => worker.progress('hang-put')[0]?.stalled)
  assert.equal(stalled.step, 'putting')
  assert.equal(worker.status('hang-put').tasks[0]!.state, 'RUNNING')
  await until('it is FAILED', () => worker.status('hang-put').tasks[0]!.state === 'FAILED')
  assert.match(worker.status('hang-put').tasks[0]!.trace ?? '', /while putting/)
  await worker.delete('hang-put')
})

for (const fault of ['hang-stop', 'spin-stop']) {
  test(`a task that does "${fault}" is killed after the graceful timeout`, { timeout: 60_000 }, async () => {
    const { worker } = rig
    await worker.create(fault, config(fault, { fault, 'task.shutdown.graceful.timeout.ms': '400' }), 'RUNNING')
    await until('it runs', () => worker.status(fault).tasks[0]?.state === 'RUNNING')
    await worker.stop(fault)
    assert.equal(worker.status(fault).connector.state, 'STOPPED')
    await worker.delete(fault)
  })
}

test('a task that crashes now and then starts again by itself and loses and repeats nothing', async () => {
  const { worker } = rig
  const file = rig.path('again')
  const more = {
    fault: 'segv',
    'fault.after': '40',
    count: '150',
    'delay.ms': '15',
    'task.restart.max.attempts': '50',
    'task.restart.backoff.max.ms': '10',
  }
  await worker.create('again', config('again', more), 'RUNNING')
  await until('all records are committed', () => committedNumbers(file).length >= 150)
  assert.deepEqual(committedNumbers(file), upTo(150))
  assert.ok(worker.progress('again')[0]!.restarts >= 2)
  await worker.delete('again')
})

test('restarts end after their bound', async () => {
  const { worker } = rig
  const more = { fault: 'throw', 'fault.after': '0', 'task.restart.max.attempts': '2', 'task.restart.backoff.ms': '10' }
  await worker.create('bounded', config('bounded', more), 'RUNNING')
  await until('the last restart failed', () => {
    const [task] = worker.progress('bounded')
    return task?.restarts === 2 && task.state === 'FAILED' && !worker.status('bounded').tasks[0]!.trace!.includes('starts again by itself')
  })
  await worker.delete('bounded')
})

test('no secret stands in any log line', () => {
  assert.ok(rig.lines.length > 0)
  assert.ok(!rig.lines.some((line) => line.includes('geheim!1')))
})
