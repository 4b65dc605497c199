import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DataError, record, type ConnectRecord, type Logger, type SinkTask } from '../../core/index.ts'
import { BisectingSink } from '../../core/runtime/bisecting-sink.ts'
import { fromExact, toExact } from '../../core/runtime/letters/exact-value.ts'
import type { DeadLetter, LetterBox } from '../../core/runtime/letters/letter.ts'
import { OrderlyBox } from '../../core/runtime/letters/orderly-box.ts'
import { RedriveMarks } from '../../core/runtime/letters/redrive-marks.ts'
import { Tolerance } from '../../core/runtime/tolerance.ts'
import { letterRig, numbered } from './letters-rig.ts'
import { until } from './rig.ts'

const kill = new AbortController().signal

/** Takes a batch whole or not at all. */
class AllOrNothing implements SinkTask {
  readonly taken: unknown[] = []
  puts = 0
  readonly #bad: ReadonlySet<number>
  constructor(bad: readonly number[]) {
    this.#bad = new Set(bad)
  }
  async put(records: readonly ConnectRecord[]): Promise<void> {
    this.puts++
    const bad = records.find((one) => this.#bad.has(one.value as number))
    if (bad) throw new DataError(`${String(bad.value)} is bad`)
    this.taken.push(...records.map((one) => one.value))
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

const records = (count: number) =>
  Array.from({ length: count }, (_, n) => record('t', n, { origin: { partition: '{"p":1}', position: n, seq: 0 } }))

test('bisecting finds exactly the bad records, keeps the order, and stays within its bound of puts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.array(fc.nat(199)), async (count, chosen) => {
      const bad = [...new Set(chosen)].filter((n) => n < count).toSorted((a, b) => a - b)
      const sink = new AllOrNothing(bad)
      const refused: unknown[] = []
      const bisecting = new BisectingSink(sink, async ({ value }, error) => {
        assert.match(error.message, new RegExp(`^${String(value)} is bad \\(topic t, `))
        refused.push(value)
      })
      await bisecting.put(records(count), kill)
      assert.deepEqual(refused, bad)
      assert.deepEqual(
        sink.taken,
        Array.from({ length: count }, (_, n) => n).filter((n) => !bad.includes(n)),
      )
      assert.ok(sink.puts <= 2 * bad.length * Math.ceil(Math.log2(count)) + 1, `${sink.puts} puts`)
    }),
    { numRuns: 200 },
  )
})

test('where nothing is tolerated, a failing put ends with its first bad record, by name', async () => {
  const sink = new AllOrNothing([700, 1500])
  const bisecting = new BisectingSink(sink, (_, error) => Promise.reject(error))
  await assert.rejects(bisecting.put(records(2048), kill), /700 is bad \(topic t, \{"p":1\} at 700\)/)
  assert.ok(sink.puts <= 2 * 11 + 1)
  const broken = new BisectingSink({ put: () => Promise.reject(new TypeError('a bug')), async [Symbol.asyncDispose]() {} }, () =>
    assert.fail(),
  )
  await assert.rejects(broken.put(records(3), kill), /a bug/)
})

test('errors.tolerance=none: the task fails, naming topic, partition and offset of the record', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(30))
  rig.write('refuse', [17])
  await rig.worker.create('c', rig.config({ 'errors.tolerance': 'none' }), 'RUNNING')
  const { trace } = await until('it failed', () => rig.worker.status('c').tasks.find(({ state }) => state === 'FAILED'))
  assert.match(trace!, /^DataError: 17 is not wanted \(topic log, partition 0, offset 16\)/)
})

test('a transform that says to try again is tried again, and no record is rejected for it', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(5))
  await rig.worker.create('c', rig.config({ transforms: 'b', 'transforms.b.type': 'test.Busy', 'transforms.b.times': '3' }), 'RUNNING')
  await until('all are there', () => rig.out().length === 5)
  assert.deepEqual(rig.letters('c-0.jsonl'), [])
})

test('errors.log.enable tells stage, class and place in the words of Connect; contents only where they are asked for', async () => {
  const lines: { readonly fields: Record<string, unknown>; readonly text: string }[] = []
  const nothing = () => {}
  const log: Logger = {
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields, text) => void lines.push({ fields: fields as Record<string, unknown>, text }),
  }
  const one = record('t', 'secret', { key: 'k', origin: { partition: '{"p":1}', position: 5, seq: 0 } })
  for (const logRecords of [false, true]) {
    const parts = { id: 'c-0', log, marks: new RedriveMarks(), classAt: () => 'org.example.X' }
    const unused = { letters: undefined as never, meter: undefined as never, retry: undefined as never }
    const tolerance = new Tolerance({ all: false, log: true, logRecords }, { ...parts, ...unused })
    await assert.rejects(tolerance.reject('source', 'VALUE_CONVERTER', one, new DataError('no JSON')), /no JSON/)
  }
  assert.equal(
    lines[0]!.text,
    `Error encountered in task c-0. Executing stage 'VALUE_CONVERTER' with class 'org.example.X', where the record is {topic t, {"p":1} at 5}: no JSON`,
  )
  assert.equal(JSON.stringify(lines[0]).includes('secret'), false)
  assert.deepEqual([lines[1]!.fields['key'], lines[1]!.fields['value']], ['"k"', '"secret"'])
})

test('a letter that is written during a flush is durable before the offsets are', async () => {
  const calls: string[] = []
  const box: LetterBox = {
    add: async () => void calls.push('add'),
    sync: async () => void calls.push('sync'),
    async [Symbol.asyncDispose]() {},
  }
  const orderly = new OrderlyBox(box)
  await Promise.all([orderly.add({} as DeadLetter), orderly.sync(kill), orderly.add({} as DeadLetter)])
  assert.deepEqual(calls, ['add', 'sync', 'add'])
  const failing = new OrderlyBox({ ...box, add: () => Promise.reject(new Error('no space')) })
  await assert.rejects(failing.add({} as DeadLetter), /no space/)
  await failing.sync(kill)
})

test('the exact form gives every value back as it was', () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.bigInt(),
    fc.constant(null),
    fc.constant(undefined),
    fc.uint8Array({ maxLength: 5 }).map((bytes) => Buffer.from(bytes)),
    fc.date({ noInvalidDate: true }),
  )
  const key = fc.oneof(fc.string({ maxLength: 3 }), fc.constantFrom('__proto__', '$map', '$', 'constructor'))
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
      fc.array(fc.tuple(leaf, tie('value')), { maxLength: 3 }).map((entries) => new Map(entries as [unknown, unknown][])),
    ),
  }))
  fc.assert(
    fc.property(value, (one) => assert.deepStrictEqual(fromExact(JSON.parse(JSON.stringify(toExact(one)))), one)),
    { numRuns: 500 },
  )
  assert.throws(() => fromExact({ $bigint: 'x' }), /marks no value/)
})

test('a sink that rejects a record itself, where nothing is tolerated, is not asked again: the first error is the last', async () => {
  const final = new WeakSet<Error>()
  let puts = 0
  const taking: SinkTask = {
    async put() {
      puts++
      const error = new DataError('no value')
      final.add(error)
      throw error
    },
    async [Symbol.asyncDispose]() {},
  }
  const bisecting = new BisectingSink(
    taking,
    (_, error) => Promise.reject(error),
    (error) => final.has(error),
  )
  await assert.rejects(bisecting.put([record('t', 1), record('t', 2)], new AbortController().signal), /^DataError: no value$|no value/)
  assert.equal(puts, 1)
})
