import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { MemoryStore } from '../../core/store/memory.ts'
import { committedNumbers, startWorker, until, upTo } from './rig.ts'

const order = fc.record({
  what: fc.constantFrom('pause', 'resume', 'stop', 'restart', 'restartTask', 'put', 'patch') as fc.Arbitrary<
    'pause' | 'resume' | 'stop' | 'restart' | 'restartTask' | 'put' | 'patch'
  >,
  waitMs: fc.integer({ min: 0, max: 12 }),
})

test('orders that overtake each other leave a connector in the state of the last one, with nothing lost or repeated', async () => {
  await using rig = await startWorker({ hosting: 'inline', store: new MemoryStore() })
  const { worker } = rig
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(order, { maxLength: 14 }), fc.boolean(), async (orders, sequential) => {
      const name = `c${runs++}`
      const file = rig.path(name)
      const config = {
        'connector.class': 'counting',
        'sink.class': 'append',
        'sink.file': file,
        'delay.ms': '1',
        'open.batches': '3',
        'flush.interval.ms': '4',
        count: '120',
      }
      await worker.create(name, config, 'RUNNING')
      const given: Promise<unknown>[] = []
      let changes = 0
      for (const { what, waitMs } of orders) {
        const done =
          what === 'put'
            ? worker.put(name, { ...config, 'batch.rows': String((changes++ % 7) + 1) })
            : what === 'patch'
              ? worker.patch(name, { note: String(changes++) })
              : what === 'restart'
                ? worker.restart(name, { includeTasks: true, onlyFailed: false })
                : what === 'restartTask'
                  ? worker.restartTask(name, 0).catch((error: Error) => assert.equal(error.name, 'NotFoundError'))
                  : worker[what](name)
        given.push(done)
        if (sequential) await done
        await sleep(waitMs)
      }
      await Promise.all(given)
      const last = orders.findLast(({ what }) => what === 'pause' || what === 'resume' || what === 'stop')?.what
      const expected = last === 'pause' ? 'PAUSED' : last === 'stop' ? 'STOPPED' : 'RUNNING'
      await until(`it is ${expected}`, () => worker.status(name).connector.state === expected, 5_000)
      await worker.resume(name)
      await until('all are there', () => committedNumbers(file).length >= 120, 5_000)
      assert.deepEqual(committedNumbers(file), upTo(120))
      await worker.stop(name)
      await until('the position is at the end', async () => (await worker.offsets(name))[0]?.offset?.['n'] === 120)
      await worker.delete(name)
      rmSync(file)
    }),
    { numRuns: 60 },
  )
})
