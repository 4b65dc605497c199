import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { numbered, pluginLaws, runInMemory } from 'millrace/testing'
import checks, { idsIn } from '../millrace.test.ts'
import plugin from '../src/index.ts'

pluginLaws(plugin, checks)

test('every record arrives once, through two crashes', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), '{{alias}}-'))
  const records = Array.from({ length: 100 }, (_, index) => numbered(index + 1))
  const config = { 'connector.class': '{{class}}', topics: 'contract', folder, 'flush.rows': '10' }
  const run = await runInMemory({ config, plugins: [plugin], records })
  context.after(async () => {
    await run.close()
    rmSync(folder, { recursive: true })
  })
  await run.until(() => idsIn(folder).length >= 20)
  await run.crash('before flush')
  run.start()
  await run.until(() => idsIn(folder).length >= 50)
  await run.crash('after flush')
  run.start()
  await run.done()
  assert.deepEqual(
    idsIn(folder).toSorted((a, b) => a - b),
    records.map((_, index) => index + 1),
  )
})
