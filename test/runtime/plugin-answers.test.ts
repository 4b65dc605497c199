import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { idle, record, type RecordBatch } from '../../core/index.ts'
import { checkBatch, checkIssues, checkOffsetsOf, checkTasks, recordFault, shownProgress } from '../../core/runtime/plugin-answers.ts'

const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withTypedArray: true,
  withNullPrototype: true,
  withSparseArray: true,
})

test('whatever a plugin answers, it passes or is refused with class and hook, and nothing else is thrown', () => {
  const checks: readonly ((answer: unknown) => unknown)[] = [
    (answer) => checkBatch(answer as RecordBatch, 'acme.X'),
    (answer) => checkBatch({ records: answer, offsets: {} } as RecordBatch, 'acme.X'),
    (answer) => checkBatch({ records: [], offsets: answer } as unknown as RecordBatch, 'acme.X'),
    (answer) => checkTasks(answer, 'acme.X'),
    (answer) => checkTasks([answer], 'acme.X'),
    (answer) => checkIssues([answer], 'acme.X'),
    (answer) => checkOffsetsOf(answer, 'acme.X', 'flush'),
  ]
  fc.assert(
    fc.property(anything, (answer) => {
      for (const check of checks) {
        try {
          check(answer)
        } catch (error) {
          assert.equal((error as Error).name, 'PluginError')
          assert.match((error as Error).message, /^(poll|tasks|validate|flush) of acme\.X gave /)
        }
      }
    }),
  )
})

test('what passes as offsets is JSON, and all JSON passes', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (offsets) => {
      checkBatch({ records: [], offsets: offsets as RecordBatch['offsets'] }, 'acme.X')
    }),
  )
  fc.assert(
    fc.property(anything, (answer) => {
      try {
        checkOffsetsOf({ p: answer }, 'acme.X', 'flush')
      } catch {
        return
      }
      assert.equal(typeof JSON.stringify(answer), 'string')
    }),
  )
})

test('batches and records of the contract pass, and records that are decoded late stay undecoded', () => {
  checkBatch(idle, 'acme.X')
  checkBatch({ records: [record('t', null), record('t', { a: 1n }, { key: 1 })], offsets: { p: { at: [1, 'x', null, true] } } }, 'acme.X')
  const late = {
    topic: 't',
    partition: 0,
    key: null,
    keySchema: null,
    value: null,
    valueSchema: null,
    timestamp: null,
    origin: null,
    get headers(): never {
      throw new Error('decoded')
    },
  }
  assert.equal(recordFault(late), undefined)
  const whole = { format: 'f', count: 1, chunks: [] }
  const batch = {
    offsets: {},
    whole,
    get records(): never {
      throw new Error('decoded')
    },
  }
  checkBatch(batch, 'acme.X')
})

test('of a report only what people are shown is kept, and of bounded size', () => {
  const lag = { bytes: 1, seconds: null, records: 3 }
  assert.deepEqual(shownProgress({ phase: 'streaming', snapshot: null, lag, tables: { t: 1 } }), {
    phase: 'streaming',
    snapshot: null,
    lag,
    tables: { t: 1 },
  })
  const circular: Record<string, unknown> = {}
  circular['lag'] = circular
  assert.deepEqual(shownProgress({ ...circular, phase: 'x'.repeat(1e6), more: 'x' } as never).phase?.length, 2000)
  assert.deepEqual(shownProgress(null as never), {})
})
