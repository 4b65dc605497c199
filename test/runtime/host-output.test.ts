import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { test } from 'node:test'
import { readLines } from '../../core/runtime/host-output.ts'

/** What is passed on of these chunks, and how many lines were left out. */
async function passed(chunks: readonly (string | Buffer)[]): Promise<{ readonly lines: readonly string[]; readonly left: number }> {
  const stream = new PassThrough({ highWaterMark: 2 ** 26 })
  const lines: string[] = []
  let leftOut = 0
  readLines(stream, (text, left) => {
    lines.push(text)
    leftOut += left
  })
  for (const chunk of chunks) stream.write(chunk)
  stream.end()
  await finished(stream)
  return { lines, left: leftOut }
}

test('what a plugin prints is passed on line by line, however it is cut', async () => {
  const text = 'first\nzweite Zeile: Grüße 👋\n\n  \nlast'
  const bytes = Buffer.from(text)
  for (const size of [1, 2, 3, 7, 100]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size))
    assert.deepEqual(await passed(chunks), { lines: ['first', 'zweite Zeile: Grüße 👋', 'last'], left: 0 })
  }
})

test('of a line without an end the beginning is passed on, and the next line is whole again', async () => {
  const { lines } = await passed(['x'.repeat(5000), 'x'.repeat(5000), 'y'.repeat(3_000_000), 'z\nnext\n'])
  assert.equal(lines.length, 2)
  assert.match(lines[0]!, /^x{8192} \.\.\. \(the rest of the line was left out\)$/)
  assert.equal(lines[1], 'next')
})

test('lines beyond a hundred in a second are counted', async () => {
  const { lines, left } = await passed([Array.from({ length: 100_000 }, (_, at) => `line ${at}\n`).join('')])
  assert.equal(lines[0], 'line 0')
  assert.equal(lines.length, 101)
  assert.equal(left, 99_900)
})
