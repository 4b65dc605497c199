import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pluginLaws, runInMemory } from 'millrace/testing'
import checks from '../millrace.test.ts'
import plugin from '../src/index.ts'

pluginLaws(plugin, checks)

test('every item becomes a record, also after a crash', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), '{{alias}}-'))
  const file = join(folder, 'items.jsonl')
  writeFileSync(file, '{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n')
  const config = { 'connector.class': '{{class}}', file, topic: 'items', 'poll.interval.ms': '10' }
  const run = await runInMemory({ config, plugins: [plugin] })
  context.after(async () => {
    await run.close()
    rmSync(folder, { recursive: true })
  })
  await run.until(2)
  await run.crash()
  writeFileSync(file, '{"id": 3, "text": "three"}\n', { flag: 'a' })
  run.start()
  const records = await run.until(3)
  assert.deepEqual(
    records.map(({ value }) => value),
    [
      { id: 1n, text: 'one' },
      { id: 2n, text: 'two' },
      { id: 3n, text: 'three' },
    ],
  )
})
