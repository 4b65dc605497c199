import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idle, record, RetriableError, type Offsets, type RecordBatch, type SourceTask } from '../../core/index.ts'
import type { LetterReader } from '../../core/runtime/letters/letter-reader.ts'
import { freshState, redriveKey, type RedriveJob } from '../../core/runtime/letters/redrive-job.ts'
import { RedriveMarks } from '../../core/runtime/letters/redrive-marks.ts'
import { RedrivingSource } from '../../core/runtime/letters/redriving-source.ts'

const never = new AbortController().signal
const nothing = () => {}
const log = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
const job: RedriveJob = {
  id: 'j',
  createdMs: 0,
  filter: {},
  max: null,
  spans: [{ unit: 'u', from: 0, to: 3 }],
  covered: [],
  except: [],
}

/** Hands out what it was given, then nothing. */
class Script implements SourceTask {
  readonly opened: (Offsets | undefined)[] = []
  readonly commits: Offsets[] = []
  readonly told: boolean[] = []
  readonly #batches: RecordBatch[]
  constructor(...batches: RecordBatch[]) {
    this.#batches = batches
  }
  async open(offsets: Offsets | undefined): Promise<void> {
    this.opened.push(offsets)
  }
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    this.told.push(signal.aborted)
    return this.#batches.shift() ?? idle
  }
  async commit(offsets: Offsets): Promise<void> {
    this.commits.push(offsets)
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Letters at 0, 1 and 2; the first look fails as often as it is told to. */
function letters(failures = 0): LetterReader {
  let left = failures
  return {
    async *read(_, span, at) {
      for (let place = at; place < 3; place++) {
        if (place === 1 && left-- > 0) throw new RetriableError('the topic is away')
        const origin = { topic: 't', partition: 0, offset: place, timestamp: null, headers: [] }
        const bytes = { key: null, value: Buffer.from(String(place)) }
        const told = { timeMs: 0, task: 0, stage: 'TASK_PUT', step: null, class: null, error: { class: null, message: '', trace: null } }
        const rest = { topic: 't', partition: 0, offset: place, timestamp: null, redriven: 0, record: null, chained: false, shown: null }
        yield { span, next: place + 1, letter: { unit: 'u', at: place, ...told, ...rest, raw: { ...origin, ...bytes } } }
      }
    },
  }
}

const text = {
  serialize: () => null,
  deserialize: (_: string, bytes: Uint8Array | null) => ({ schema: null, value: bytes && Buffer.from(bytes).toString() }),
}

function redriving(source: SourceTask, reader: LetterReader, resumes = true) {
  const context = { converters: { key: text, value: text, header: text }, reject: () => assert.fail('nothing is rejected') }
  return new RedrivingSource(source, { reader, context, marks: new RedriveMarks(), resumes, log, redriveMax: 3 })
}

const values = ({ records }: RecordBatch) => records.map(({ value }) => value)

test('a source that comes to its end while letters wait ends after them, and its records stay undecoded', async () => {
  let decoded = 0
  const last: RecordBatch = {
    get records() {
      decoded++
      return [record('t', 'live')]
    },
    offsets: { p: 1 },
    whole: { format: 'f', count: 1, chunks: [] },
    end: true,
  }
  await using source = redriving(new Script(last), letters())
  source.begin(freshState({ ...job, max: 2 }))
  const first = await source.poll(never)
  assert.deepEqual(values(first), ['0', '1'])
  assert.equal(first.checkpoint, true)
  source.begin(freshState({ ...job, id: 'k' }))
  const live = await source.poll(never)
  assert.deepEqual([live.end, live.whole?.count, live.offsets, decoded], [undefined, 1, { p: 1 }, 0])
  assert.deepEqual(values(await source.poll(never)), ['0', '1', '2'])
  assert.equal((await source.poll(never)).end, true)
})

test('turn by turn with the source, which gives what it has at once; never within a transaction of its own', async () => {
  const open = (value: string, more: boolean): RecordBatch => ({ records: [record('t', value)], offsets: {}, open: more })
  const script = new Script(open('a', true), open('b', true), open('c', false), open('d', false))
  await using source = redriving(script, letters())
  assert.deepEqual(values(await source.poll(never)), ['a'])
  source.begin(freshState(job))
  const seen = []
  for (let poll = 0; poll < 4; poll++) seen.push(...values(await source.poll(never)))
  assert.deepEqual(seen, ['b', 'c', '0', '1', '2', 'd'])
  assert.deepEqual(script.told, [false, false, false, false])
})

test('the source sees its own positions alone; an unfinished redrive goes on where it was, for the first task only', async () => {
  const saved = { p: 1, [redriveKey('j')]: { ...freshState(job), at: 2, replayed: 2 } } as unknown as Offsets
  for (const resumes of [true, false]) {
    const script = new Script()
    await using source = redriving(script, letters(), resumes)
    await source.open(saved)
    assert.deepEqual(script.opened, [{ p: 1 }])
    const batch = await source.poll(never)
    assert.deepEqual(values(batch), resumes ? ['2'] : [])
    if (!resumes) continue
    assert.equal(batch.records[0]!.origin!.position, 3)
    await source.commit(batch.offsets)
    assert.deepEqual(script.commits, [])
    assert.deepEqual((await source.poll(never)).released, [redriveKey('j')])
    await source.commit({ ...batch.offsets, p: 2 })
    assert.deepEqual(script.commits, [{ p: 2 }])
  }
})

test('a reader that fails for now is asked again from where the last batch ended', async () => {
  await using source = redriving(new Script(), letters(1))
  source.begin(freshState(job))
  await assert.rejects(source.poll(never), /the topic is away/)
  await source.poll(never)
  assert.deepEqual(values(await source.poll(never)), ['0', '1', '2'])
})
