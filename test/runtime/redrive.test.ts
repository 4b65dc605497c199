import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import type { RedriveOrder } from '../../core/runtime/control.ts'
import { letterRig, numbered } from './letters-rig.ts'
import { until } from './rig.ts'

const all: RedriveOrder = { filter: {}, from: null, max: null, again: false }
type Rig = Awaited<ReturnType<typeof letterRig>>

async function redriven(rig: Rig, order: Partial<RedriveOrder> = {}) {
  const ordered = await rig.worker.redrive('c', { ...all, ...order })
  const done = await until('the redrive is done', async () =>
    (await rig.worker.redrives('c')).find(({ id, state }) => id === ordered.id && state === 'DONE'),
  )
  return { ordered, done }
}

const numbers = (lines: readonly string[]) => lines.map((line) => Number.parseInt(line, 10)).toSorted((a, b) => a - b)
const list = (rig: Rig) => rig.worker.deadLetters('c', { filter: {}, limit: 100, cursor: null })

test('letters of a converter, a transform and a sink come through the whole chain once their cause is gone', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(40, { 7: 'not json', 9: '{"n":"text"}' }))
  rig.write('refuse', [1003, 1020, 1021, 1040])
  const config = rig.config({ transforms: 'p', 'transforms.p.type': 'test.Plus' })
  await rig.worker.create('c', config, 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 34)
  const { letters } = await list(rig)
  assert.deepEqual(letters.map(({ stage, offset }) => `${stage} ${offset}`).toSorted(), [
    'TASK_PUT 19',
    'TASK_PUT 2',
    'TASK_PUT 20',
    'TASK_PUT 39',
    'TRANSFORMATION 8',
    'VALUE_CONVERTER 6',
  ])
  const put = letters.find(({ offset }) => offset === 19)!
  assert.deepEqual(
    [put.value, put.key, put.topic, put.partition, put.class, put.error.message],
    [
      { text: '{"n":20}', bytes: 8, truncated: false },
      { text: '19', bytes: 2, truncated: false },
      'log',
      0,
      'test.PickySink',
      '1020 is not wanted (topic log, partition 0, offset 19)',
    ],
  )
  assert.deepEqual(put.headers, [{ key: 'h', value: { base64: 'AP8=', bytes: 2, truncated: false } }])

  rig.write('refuse', [])
  const { ordered, done } = await redriven(rig)
  assert.equal(ordered.letters, 6)
  assert.deepEqual([done.replayed, done.refused, done.unreadable], [6, 0, 0])
  assert.deepEqual(
    rig
      .out()
      .filter((line) => line.endsWith('r'))
      .map((line) => line.slice(0, -1))
      .toSorted(),
    ['1003', '1020', '1021', '1040'],
  )
  const again = (await list(rig)).letters.filter((letter) => letter.redriven === 1)
  assert.deepEqual(again.map(({ stage, offset }) => `${stage} ${offset}`).toSorted(), ['TRANSFORMATION 8', 'VALUE_CONVERTER 6'])
  // The six come a second time.
  const counts = () => rig.worker.progress('c')[0]!.records
  await until('all are counted', () => counts().polled === 46)
  assert.deepEqual(counts(), { polled: 46, put: 38, filtered: 0, rejected: 8 })
})

test('a second redrive replays what failed again and what is new, and nothing twice', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(10))
  rig.write('refuse', [3, 4])
  await rig.worker.create('c', rig.config(), 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 8)
  rig.write('refuse', [4])
  assert.equal((await redriven(rig)).done.replayed, 2)
  assert.deepEqual(
    rig.out().filter((line) => line.endsWith('r')),
    ['3r'],
  )
  rig.write('refuse', [])
  assert.equal((await redriven(rig)).done.replayed, 1)
  assert.deepEqual(numbers(rig.out()), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  assert.equal((await redriven(rig)).done.replayed, 0)
  assert.equal((await redriven(rig, { again: true })).done.replayed, 3)
})

test('filters, max and from choose the letters, and what they left comes with a later redrive', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(12, { 5: 'bad', 6: 'bad' }))
  rig.write('refuse', [1, 2, 3])
  await rig.worker.create('c', rig.config(), 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 7)
  rig.write('refuse', [])
  assert.equal((await redriven(rig, { filter: { stage: 'value_converter' } })).done.replayed, 2)
  const two = (await list(rig)).letters.find(({ offset }) => offset === 1)!
  assert.equal((await redriven(rig, { from: two.id, max: 1 })).done.replayed, 1)
  assert.deepEqual(numbers(rig.out().filter((line) => line.endsWith('r'))), [2])
  const { done } = await redriven(rig, { filter: { error: 'NOT WANTED' } })
  assert.equal(done.replayed, 2)
  assert.deepEqual(numbers(rig.out()), [1, 2, 3, 4, 7, 8, 9, 10, 11, 12])
  // The two that failed again, and nothing else.
  assert.equal((await redriven(rig)).done.replayed, 2)
  assert.equal((await list(rig)).letters.filter(({ redriven: times }) => times === 2).length, 2)
  await assert.rejects(rig.worker.redrive('c', { ...all, from: 'nothing' }), /must be the id of a dead letter/)
  await assert.rejects(rig.worker.redrive('c', { ...all, from: 'c-0.jsonl:5' }), /No dead letter of the id/)
})

test('a letter that failed again errors.redrive.max times is left where it is', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(3, { 2: 'bad' }))
  await rig.worker.create('c', rig.config({ 'errors.redrive.max': '2' }), 'RUNNING')
  await until('it is a letter', async () => (await list(rig)).letters.length === 1)
  assert.deepEqual([(await redriven(rig)).done.replayed, (await redriven(rig)).done.replayed], [1, 1])
  const { done } = await redriven(rig)
  assert.deepEqual([done.replayed, done.refused], [0, 1])
  assert.deepEqual(
    (await list(rig)).letters.map((letter) => letter.redriven),
    [2, 1, 0],
  )
})

test('a redrive that breaks in the middle goes on where the sink stands: every letter once', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(3000))
  const refused = Array.from({ length: 1200 }, (_, index) => index * 2 + 1)
  rig.write('refuse', refused)
  const config = rig.config({ 'batch.rows': '500', 'sink.crash.once': rig.path('crashed'), 'errors.retry.timeout': '1' })
  await rig.worker.create('c', config, 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 1800, 20_000)
  rig.write('refuse', [])
  const { done } = await redriven(rig)
  assert.ok(existsSync(rig.path('crashed')))
  assert.equal(rig.worker.progress('c')[0]!.restarts, 1)
  assert.equal(done.replayed, 1200)
  assert.deepEqual(
    numbers(rig.out()),
    Array.from({ length: 3000 }, (_, index) => index + 1),
  )
})

test('a redrive whose process is killed goes on in the next one: every letter once', async () => {
  await using rig = await letterRig({ hosting: 'process' })
  rig.write('messages', numbered(3000))
  rig.write(
    'refuse',
    Array.from({ length: 2500 }, (_, index) => index + 1),
  )
  await rig.worker.create('c', rig.config({ 'batch.rows': '500', 'sink.redriven.ms': '60' }), 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 500, 20_000)
  rig.write('refuse', [])
  await rig.worker.redrive('c', all)
  await until('a part is redriven', () => rig.out().length > 1000)
  process.kill(rig.worker.progress('c')[0]!.pid!, 'SIGKILL')
  const done = await until(
    'the redrive is done',
    async () => (await rig.worker.redrives('c')).find(({ state }) => state === 'DONE'),
    20_000,
  )
  assert.equal(rig.worker.progress('c')[0]!.restarts, 1)
  assert.equal(done.replayed, 2500)
  assert.deepEqual(
    numbers(rig.out()),
    Array.from({ length: 3000 }, (_, index) => index + 1),
  )
})

test('no secret of the config is in a letter, nor in what is shown of it', async () => {
  await using rig = await letterRig()
  rig.write('messages', ['{"n":1,"note":"say hunter2-hunter2 twice"}'])
  rig.write('refuse', [1])
  await rig.worker.create('c', rig.config({ 'sink.password': 'hunter2-hunter2' }), 'RUNNING')
  await until('it is a letter', async () => (await list(rig)).letters.length === 1)
  const [letter] = (await list(rig)).letters
  assert.match(letter!.error.message, /^1 is not wanted\[hidden\]/)
  assert.doesNotMatch(JSON.stringify(letter), /hunter2/)
  const { error } = rig.letters('c-0.jsonl')[0]!
  assert.doesNotMatch(JSON.stringify(error), /hunter2/)
})

test('records that never were bytes come back exactly, from before the chain where that is known', async () => {
  await using rig = await letterRig()
  rig.write('messages', ['1', '9007199254740993', '3'])
  rig.write('refuse', ['9007199254740993', '1003'])
  const config = rig.config({ raw: 'false' })
  await rig.worker.create('c', config, 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 2)
  const [letter] = rig.letters('c-0.jsonl')
  assert.deepEqual((letter!.record!.value as { n: bigint }).n, 9007199254740993n)
  assert.equal(letter!.record!.valueSchema!.fields[1]!.schema.type, 'bytes')
  assert.match((await list(rig)).letters[0]!.value!.text!, /"n":9007199254740993,"raw":\{"base64":/)
  rig.write('refuse', [])
  await redriven(rig)
  assert.deepEqual(rig.out(), ['1', '3', '9007199254740993r'])
})

test('letters never come within a source transaction', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(20, { 1: 'bad' }))
  rig.write('refuse', [2])
  await rig.worker.create('c', rig.config(), 'RUNNING')
  await until('the good ones are there', () => rig.out().length === 18)
  await rig.worker.pause('c')
  await rig.worker.patch('c', { open: '5', 'batch.rows': '7' })
  rig.write('messages', numbered(20 + 7 * 5 * 4, { 1: 'bad' }))
  rig.write('refuse', [])
  await rig.worker.redrive('c', all)
  await rig.worker.resume('c')
  await until('all are there', () => rig.out().length === 159)
  const fresh = rig.out().slice(18)
  const at = fresh.indexOf('2r')
  assert.ok(at >= 0 && at % 35 === 0, `the letter came after ${at} records of transactions of 35`)
})

test('old letters, torn, foreign and huge lines are passed, counted, and named not redrivable', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(4))
  rig.write('refuse', [2])
  await rig.worker.create('c', rig.config(), 'RUNNING')
  await until('the letter is there', async () => (await list(rig)).letters.length === 1)
  await rig.worker.stop('c')
  const file = rig.path('dead-letters/c-0.jsonl')
  const own = readFileSync(file, 'utf8')
  const old =
    '{"time":"2025-01-31T12:00:00.000Z","connector":"c","task":0,"stage":"TASK_PUT","error":{"class":"DataError","message":"old"},"topic":"t","key":null,"value":{"n":9007199254740993}}\n'
  const foreign = own.replace('"connector":"c"', '"connector":"d"')
  writeFileSync(file, `${foreign}[1]\n\n${old}${'x'.repeat(3_000_000)}\n${own}{"time":"20`)
  await rig.worker.resume('c')
  const page = await list(rig)
  assert.deepEqual(
    page.letters.map(({ redrivable, error }) => [redrivable, error.message]),
    [
      [true, '2 is not wanted (topic log, partition 0, offset 1)'],
      [false, 'old'],
    ],
  )
  assert.equal(page.letters[1]!.value!.text, '{"n":"9007199254740993"}')
  assert.equal(page.unreadable, 3)
  rig.write('refuse', [4])
  rig.write('messages', numbered(5, { 5: 'bad' }))
  await until('the new letter stands on a line of its own', () => rig.letters('c-0.jsonl').at(-1)?.stage === 'VALUE_CONVERTER')
  assert.match(readFileSync(file, 'utf8'), /\{"time":"20\n\{/)
  rig.write('refuse', [])
  const { done } = await redriven(rig)
  assert.deepEqual([done.replayed, done.refused, done.unreadable], [2, 1, 5])
})

test('files rotate by size, and pages lead through all of them, newest first', async () => {
  await using rig = await letterRig()
  rig.write(
    'messages',
    Array.from({ length: 60 }, (_, index) => `bad ${index}`),
  )
  await rig.worker.create('c', rig.config({ 'errors.deadletterqueue.file.max.bytes': '20000' }), 'RUNNING')
  await until('all are letters', async () => (await list(rig)).letters.length === 60)
  assert.ok(readdirSync(rig.path('dead-letters')).length > 3)
  const seen: (number | null)[] = []
  for (let cursor: string | null = null, more = true; more;) {
    const page = await rig.worker.deadLetters('c', { filter: {}, limit: 7, cursor })
    seen.push(...page.letters.map(({ offset }) => offset))
    cursor = page.next
    more = cursor !== null
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 60 }, (_, index) => 59 - index),
  )
  const { letters } = await rig.worker.deadLetters('c', { filter: { topic: 'other' }, limit: 7, cursor: null })
  assert.deepEqual(letters, [])
  await assert.rejects(rig.worker.deadLetters('c', { filter: {}, limit: 7, cursor: 'e30' }), /not one that this list gave/)
  appendFileSync(rig.path('messages'), '{"n":1}\n')
  assert.equal((await redriven(rig)).done.replayed, 60)
})

test('a redrive waits while the connector is paused, is refused while it is stopped or another one runs', async () => {
  await using rig = await letterRig()
  rig.write('messages', numbered(3, { 2: 'bad' }))
  await rig.worker.create('c', rig.config(), 'RUNNING')
  await until('the letter is there', async () => (await list(rig)).letters.length === 1)
  await rig.worker.pause('c')
  const { id } = await rig.worker.redrive('c', all)
  await assert.rejects(rig.worker.redrive('c', all), new RegExp(`The redrive ${id} of c is not done yet`))
  await rig.worker.stop('c')
  await assert.rejects(rig.worker.redrive('c', all), /stopped: resume it/)
  assert.equal((await rig.worker.offsets('c')).length, 1)
  await rig.worker.resume('c')
  await until('it is done', async () => (await rig.worker.redrives('c'))[0]!.state === 'DONE')
})
