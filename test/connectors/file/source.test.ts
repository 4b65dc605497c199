import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import plugin from '../../../connectors/file/index.ts'
import type { ConnectRecord, Offsets, SourceTask } from '../../../core/index.ts'
import { fileSource, folder, type Heard } from './file-parts.ts'

/** Everything that the source has now, and where it stands. */
async function drain(
  source: SourceTask,
): Promise<{ readonly values: unknown[]; readonly records: ConnectRecord[]; readonly offsets: Offsets }> {
  const records: ConnectRecord[] = []
  let offsets: Offsets = {}
  for (;;) {
    const batch = await source.poll(AbortSignal.abort())
    if (Object.keys(batch.offsets).length === 0) return { values: records.map((record) => record.value), records, offsets }
    records.push(...batch.records)
    offsets = { ...offsets, ...batch.offsets }
  }
}

async function read(raw: Readonly<Record<string, string>>, offsets?: Offsets, heard?: Heard) {
  await using source = fileSource(raw, heard)
  await source.open(offsets)
  return await drain(source)
}

test('lines become records with the byte position after them', async () => {
  const file = join(folder(), 'in.txt')
  writeFileSync(file, 'one\ntwö\n\nlast without end')
  const { records, offsets } = await read({ file })
  assert.deepEqual(
    records.map(({ value, topic, key, valueSchema, origin }) => [value, topic, key, valueSchema!.type, origin!.position]),
    [
      ['one', 't', null, 'string', 4],
      ['twö', 't', null, 'string', 9],
      ['', 't', null, 'string', 10],
    ],
  )
  const partition = JSON.stringify({ filename: file })
  assert.deepEqual(Object.keys(offsets), [partition])
  assert.equal((offsets[partition] as { position: number }).position, 10)
  appendFileSync(file, '\n')
  assert.deepEqual((await read({ file }, offsets)).values, ['last without end'])
})

test('a position without a checksum, as Kafka Connect saves it, is taken', async () => {
  const file = join(folder(), 'in.txt')
  writeFileSync(file, 'one\ntwo\n')
  assert.deepEqual((await read({ file }, { [JSON.stringify({ filename: file })]: { position: 4 } })).values, ['two'])
})

test('however the bytes arrive, batches are cut and the task restarts, the lines are the same', async () => {
  const ends = fc.constantFrom('\n', '\r\n', '\r')
  const lines = fc.array(
    fc.tuple(
      fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => text.replace(/[\r\n]/g, '')),
      ends,
    ),
    { maxLength: 30 },
  )
  await fc.assert(
    fc.asyncProperty(
      lines,
      fc.array(fc.nat({ max: 400 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      async (wanted, cuts, size, restart) => {
        const file = join(folder(), 'in.txt')
        // A lone \r before a \n would be one end with it, and a last \r may get a \n yet.
        const expected = wanted.map(([text]) => text)
        const text = wanted
          .map(([line, end], index) => line + (end === '\r' && (wanted[index + 1]?.[0] ?? '') === '' ? '\n' : end))
          .join('')
        const bytes = Buffer.from(text)
        writeFileSync(file, '')
        let source = fileSource({ file, 'batch.size': String(size) })
        await source.open(undefined)
        const got: unknown[] = []
        let offsets: Offsets = {}
        const places = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length]
        let from = 0
        for (const place of places) {
          appendFileSync(file, bytes.subarray(from, place))
          from = place
          const part = await drain(source)
          got.push(...part.values)
          offsets = { ...offsets, ...part.offsets }
          if (restart) {
            await source[Symbol.asyncDispose]()
            source = fileSource({ file, 'batch.size': String(size) })
            await source.open(offsets)
          }
        }
        await source[Symbol.asyncDispose]()
        assert.deepEqual(got, expected)
      },
    ),
    { numRuns: 60 },
  )
})

test('long lines over many chunks are whole, and one beyond the bound fails', async () => {
  const file = join(folder(), 'in.txt')
  const long = 'ä'.repeat(400_000)
  writeFileSync(file, `a\n${long}\nb\n`)
  assert.deepEqual((await read({ file })).values, ['a', long, 'b'])
  await assert.rejects(read({ file, 'line.max.bytes': '700000' }), /The line at byte 2 of .* is longer than line\.max\.bytes \(700000\)/)
  writeFileSync(file, 'x'.repeat(3_000_000))
  await assert.rejects(read({ file }), /longer than line\.max\.bytes/)
})

test('a million lines are read', async () => {
  const file = join(folder(), 'in.txt')
  writeFileSync(file, Array.from({ length: 1_000_000 }, (_, index) => `line ${index}\n`).join(''))
  const { values } = await read({ file })
  assert.equal(values.length, 1_000_000)
  assert.equal(values[999_999], 'line 999999')
})

test('a file that was truncated, rewritten or replaced is told, while running and after a restart', async () => {
  const changes: [string, (file: string) => void, RegExp][] = [
    ['truncated', (file) => truncateSync(file, 2), /is shorter than the position/],
    ['rewritten longer', (file) => writeFileSync(file, 'ONE\nTWO\nTHREE\n'), /has other content before byte 8/],
  ]
  for (const [what, change, message] of changes) {
    const file = join(folder(), 'in.txt')
    writeFileSync(file, 'one\ntwo\n')
    await using source = fileSource({ file })
    await source.open(undefined)
    const { offsets } = await drain(source)
    change(file)
    await assert.rejects(source.poll(AbortSignal.abort()), { name: 'GapError', message }, what)
    await assert.rejects(read({ file }, offsets), { name: 'GapError', message }, what)
  }
})

test('after a rotation the old file is read to its end, then the task stops', async () => {
  const file = join(folder(), 'in.txt')
  writeFileSync(file, 'one\n')
  await using source = fileSource({ file })
  await source.open(undefined)
  await drain(source)
  appendFileSync(file, 'two\n')
  renameSync(file, `${file}.1`)
  writeFileSync(file, 'three\n')
  assert.deepEqual(
    (await source.poll(AbortSignal.abort())).records.map((record) => record.value),
    ['two'],
  )
  await assert.rejects(source.poll(AbortSignal.abort()), { name: 'GapError', message: /was replaced \(rotated\?\) after byte 8/ })
})

test('a copy of the file with the same content goes on', async () => {
  const file = join(folder(), 'in.txt')
  writeFileSync(file, 'one\n')
  const { offsets } = await read({ file })
  copyFileSync(file, `${file}.copy`)
  rmSync(file)
  renameSync(`${file}.copy`, file)
  appendFileSync(file, 'two\n')
  assert.deepEqual((await read({ file }, offsets)).values, ['two'])
})

test('a missing file is waited for, but not once some of it was read', async () => {
  const file = join(folder(), 'in.txt')
  await using source = fileSource({ file })
  await source.open(undefined)
  assert.equal((await source.poll(AbortSignal.timeout(50))).records.length, 0)
  writeFileSync(file, 'one\n')
  assert.equal((await source.poll(AbortSignal.timeout(1000))).records.length, 1)
  rmSync(file)
  await assert.rejects(read({ file }, { [JSON.stringify({ filename: file })]: { position: 4 } }), { name: 'GapError' })
})

test("directories, pipes, devices and the kernel's files are refused at once", async () => {
  const root = folder()
  const pipe = join(root, 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const file of [root, pipe, '/dev/null', '/dev/zero', '/proc/self/environ']) {
    await assert.rejects(read({ file }), { name: 'ConfigError' }, file)
  }
  const { validate } = plugin.sources![0]!
  assert.match((await validate!({ file: root } as never))[0]!.message, /is a directory, not a regular file/)
  assert.deepEqual(await validate!({ file: join(root, 'later') } as never), [])
})

test('lines that are no text, and no JSON, are rejected with their place; the rest goes on', async () => {
  const file = join(folder(), 'in.txt')
  writeFileSync(file, Buffer.concat([Buffer.from('a\n'), Buffer.from([0xff, 0x0a]), Buffer.from('b\n')]))
  const heard: Heard = { rejected: [], warnings: [] }
  assert.deepEqual((await read({ file }, undefined, heard)).values, ['a', 'b'])
  assert.match(heard.rejected[0]!.error.message, /Line before byte 4 of .*not UTF-8/)
  writeFileSync(file, '{"id":9007199254740993}\n\n{oops\n[1]\n')
  assert.deepEqual((await read({ file, format: 'json' }, undefined, heard)).values, [{ id: 9007199254740993n }, [1n]])
  assert.match(heard.rejected[1]!.error.message, /Line before byte 31 of .*Not JSON/)
})

test("offsets written by hand are checked in Connect's words", () => {
  const check = (offsets: Offsets) => plugin.sources![0]!.checkOffsets!(offsets, {} as never)
  const partition = '{"filename":"f"}'
  check({ [partition]: { position: 0 }, '{"garbage":1}': null })
  assert.throws(() => check({ [partition]: {} }), /Offset objects should either be null or contain the key 'position'/)
  assert.throws(() => check({ [partition]: { position: 1.5 } }), /expected to be a Long value/)
  assert.throws(() => check({ [partition]: { position: -1 } }), /should be a non-negative value/)
  assert.throws(() => check({ '{"x":1}': { position: 1 } }), /Partition objects should contain the key 'filename'/)
})
