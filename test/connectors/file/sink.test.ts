import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { primitive, record, structOf, type SinkTask } from '../../../core/index.ts'
import { converterOf } from '../../core/converter/convert.ts'
import { convertersOf, fileSink, folder, type Heard } from './file-parts.ts'

const kill = new AbortController().signal
const text = (value: string) => record('t', value, { valueSchema: primitive('string') })

test('lines are the text of the values, other values as the converter writes them', async () => {
  const file = join(folder(), 'out.txt')
  await using sink = fileSink({ file })
  await sink.open!()
  const row = record('t', { id: 5n }, { valueSchema: structOf([['id', primitive('int64')]]) })
  await sink.put([text('one'), text('zwö'), row, record('t', null)], kill)
  await sink.flush!({}, kill)
  assert.equal(readFileSync(file, 'utf8'), 'one\nzwö\n{"id":5}\nnull\n')
  assert.equal(statSync(file).mode & 0o777, 0o640)
})

test('json holds the whole record, as its converters write it', async () => {
  const file = join(folder(), 'out.json')
  const one = record(
    'a"b',
    { id: 9007199254740993n },
    {
      valueSchema: structOf([['id', primitive('int64')]]),
      key: 'k',
      keySchema: primitive('string'),
      partition: 3,
      timestamp: 1234,
      headers: [{ key: 'h', value: true, schema: primitive('boolean') }],
    },
  )
  const write = async (converters: ReturnType<typeof convertersOf>) => {
    await using sink = fileSink({ file, format: 'json' }, { converters })
    await sink.open!()
    await sink.put([one, record('t', null)], kill)
    await sink.flush!({}, kill)
  }
  const plainJson = converterOf('json', { 'schemas.enable': 'false' })
  await write(convertersOf(converterOf('string'), plainJson))
  await write(convertersOf(plainJson, converterOf('json')))
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  assert.equal(
    lines[0],
    '{"topic":"a\\"b","partition":3,"key":"k","value":{"id":9007199254740993},"headers":[{"key":"h","value":"true"}],"timestamp":1234}',
  )
  assert.equal(lines[1], '{"topic":"t","partition":null,"key":null,"value":null,"headers":[],"timestamp":null}')
  assert.match(lines[2]!, /"value":\{"schema":\{.*\},"payload":\{"id":9007199254740993\}\}/)
  for (const line of lines) JSON.parse(line)
  await using sink = fileSink({ file, format: 'json' }, { converters: convertersOf(plainJson, converterOf('bytes')) })
  await sink.open!()
  await sink.put([record('t', Buffer.from([255, 0]), { valueSchema: primitive('bytes') })], kill)
  assert.match(readFileSync(file, 'utf8'), /"value":"\/wA="/)
})

test('a value with a line break is rejected, the others are written', async () => {
  const file = join(folder(), 'out.txt')
  const heard: Heard = { rejected: [], warnings: [] }
  await using sink = fileSink({ file }, { heard })
  await sink.open!()
  await sink.put([text('a'), text('b\nc'), text('d')], kill)
  assert.equal(readFileSync(file, 'utf8'), 'a\nd\n')
  assert.match(heard.rejected[0]!.error.message, /line break/)
})

test('at whatever point it is left, every line is there once after the replay', async () => {
  const steps = fc.array(fc.constantFrom('put', 'put', 'flush', 'crash', 'torn', 'stop'), { maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(steps, async (history) => {
      const file = join(folder(), 'out.txt')
      let sink = fileSink({ file })
      const crashed: SinkTask[] = []
      let next = 0
      const open = async () => {
        await sink.open!()
        next = ((await sink.committed!())?.p as number | undefined) ?? 0
      }
      await open()
      for (const step of history) {
        if (step === 'put') {
          await sink.put([text(`${next++}`), text(`${next++}`)], kill)
        } else if (step === 'flush') {
          await sink.flush!({ p: next }, kill)
        } else {
          if (step === 'stop') await sink.flush!({ p: next }, kill)
          if (step === 'stop') await sink[Symbol.asyncDispose]()
          if (step !== 'stop') crashed.push(sink)
          if (step === 'torn') appendFileSync(file, 'half a li')
          sink = fileSink({ file })
          await open()
        }
      }
      await sink.flush!({ p: next }, kill)
      await sink[Symbol.asyncDispose]()
      for (const task of crashed) await task[Symbol.asyncDispose]()
      const expected = Array.from({ length: next }, (_, index) => `${index}\n`).join('')
      assert.equal(readFileSync(file, 'utf8'), expected)
    }),
    { numRuns: 30 },
  )
})

test('killed with -9 at random instants, it neither loses nor doubles a line', { timeout: 60_000 }, async () => {
  const file = join(folder(), 'out.txt')
  const total = 300_000
  for (let round = 0; round < 6; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'write-lines.ts'), file, String(total)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    await Promise.race([ended, new Promise((resolve) => child.stdout.once('data', resolve))])
    await sleep(Math.random() * 120)
    child.kill('SIGKILL')
    await ended
  }
  const last = spawn(process.execPath, [join(import.meta.dirname, 'write-lines.ts'), file, String(total)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  assert.equal(await new Promise((resolve) => last.once('exit', resolve)), 0)
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  assert.equal(lines.length, total)
  assert.ok(lines.every((line, index) => line === `line ${index}`))
  assert.deepEqual(readdirSync(join(file, '..')).sort(), ['out.txt', 'out.txt.offsets'])
})

test('a file that somebody else changed stops the task and stays as it is', async () => {
  const changes: ((file: string) => void)[] = [
    (file) => appendFileSync(file, 'foreign\n'),
    (file) => truncateSync(file, 2),
    (file) => writeFileSync(file, 'ONE\n'),
  ]
  for (const change of changes) {
    const file = join(folder(), 'out.txt')
    {
      await using sink = fileSink({ file })
      await sink.open!()
      await sink.put([text('one')], kill)
      await sink.flush!({ p: 1 }, kill)
    }
    change(file)
    const content = readFileSync(file, 'utf8')
    await using sink = fileSink({ file })
    await assert.rejects(sink.open!(), { name: 'GapError', message: /was changed by someone else/ })
    assert.equal(readFileSync(file, 'utf8'), content)
  }
})

test('foreign bytes while it runs stop it too, and are still refused after a restart', async () => {
  const file = join(folder(), 'out.txt')
  {
    await using sink = fileSink({ file })
    await sink.open!()
    await sink.put([text('one')], kill)
    appendFileSync(file, 'foreign\n')
    await assert.rejects(sink.put([text('two')], kill), { name: 'GapError', message: /another process writes to it/ })
  }
  await using again = fileSink({ file })
  await assert.rejects(again.open!(), { name: 'GapError' })
  assert.match(readFileSync(file, 'utf8'), /foreign/)
})

test('a task left over from a killed worker is fenced, and its bytes do not stay', async () => {
  const file = join(folder(), 'out.txt')
  const leftover = fileSink({ file })
  await leftover.open!()
  await leftover.put([text('0')], kill)
  await leftover.flush!({ p: 1 }, kill)
  let sink = fileSink({ file })
  await sink.open!()
  await assert.rejects(leftover.put([text('1')], kill), { name: 'FencedError' })
  appendFileSync(file, 'of a write that was under way\n')
  await assert.rejects(sink.put([text('1')], kill), { name: 'FencedError' })
  await assert.rejects(leftover.flush!({ p: 2 }, kill), { name: 'FencedError' })
  await sink[Symbol.asyncDispose]()
  sink = fileSink({ file })
  await sink.open!()
  assert.deepEqual(await sink.committed!(), { p: 1 })
  await sink.put([text('1')], kill)
  await sink.flush!({ p: 2 }, kill)
  await sink[Symbol.asyncDispose]()
  await assert.rejects(leftover.put([text('2')], kill), { name: 'FencedError' })
  await leftover[Symbol.asyncDispose]()
  assert.equal(readFileSync(file, 'utf8'), '0\n1\n')
})

test('a task that ended before its first flush leaves the offsets to the worker', async () => {
  const file = join(folder(), 'out.txt')
  for (let round = 0; round < 2; round++) {
    await using sink = fileSink({ file })
    await sink.open!()
    assert.equal(await sink.committed!(), undefined)
    await sink.put([text('one')], kill)
  }
})

test('offsets belong to their generation and their connector', async () => {
  const file = join(folder(), 'out.txt')
  {
    await using sink = fileSink({ file })
    await sink.open!()
    assert.equal(await sink.committed!(), undefined)
    await sink.put([text('one')], kill)
    await sink.flush!({ a: 1 }, kill)
    await sink.flush!({ b: 2 }, kill)
    assert.deepEqual(await sink.committed!(), { a: 1, b: 2 })
  }
  {
    await using later = fileSink({ file }, { generation: 1 })
    await later.open!()
    assert.equal(await later.committed!(), undefined)
    await later.put([text('two')], kill)
    await later.flush!({ a: 5 }, kill)
    assert.deepEqual(await later.committed!(), { a: 5 })
  }
  assert.equal(readFileSync(file, 'utf8'), 'one\ntwo\n')
  await using other = fileSink({ file }, { connector: 'other' })
  await assert.rejects(other.open!(), /belongs to connector "c"/)
})

test('what cannot be a target is refused before anything is written', async () => {
  const root = folder()
  await assert.rejects(fileSink({ file: root }).open!(), { name: 'ConfigError' })
  await assert.rejects(fileSink({ file: '/dev/null' }).open!(), { name: 'ConfigError' })
  await assert.rejects(fileSink({ file: join(root, 'no', 'such', 'folder') }).open!(), /its folder does not exist/)
  const partial = join(root, 'partial')
  writeFileSync(partial, 'no end')
  await using sink = fileSink({ file: partial })
  await assert.rejects(sink.open!(), /does not end with a line break/)
  assert.throws(() => fileSink({ file: partial }, { task: 1 }), /tasks\.max/)
  mkdirSync(join(root, 'd'))
  assert.equal(existsSync(join(root, 'partial.offsets')), false)
})

test('lines that were there before stay in front', async () => {
  const file = join(folder(), 'out.txt')
  writeFileSync(file, 'old\n')
  await using sink = fileSink({ file })
  await sink.open!()
  await sink.put([text('new')], kill)
  assert.equal(readFileSync(file, 'utf8'), 'old\nnew\n')
})
