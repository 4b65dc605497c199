import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbered, pluginLaws, runInMemory } from 'millrace/testing'
import checks from '../millrace.test.ts'
import plugin from '../src/index.ts'

pluginLaws(plugin, checks)

test('in a connector, the text of every record is trimmed', async () => {
  const given = { ...numbered(1), value: { id: 1n, text: '  padded\t' } }
  const config = { transforms: 'trim', 'transforms.trim.type': '{{class}}', 'transforms.trim.field': 'text' }
  await using run = await runInMemory({ config, plugins: [plugin], records: [given] })
  const [record] = await run.done()
  assert.deepEqual(record!.value, { id: 1n, text: 'padded' })
})
