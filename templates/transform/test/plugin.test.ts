import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbered, pluginLaws, runInMemory } from 'millrace/testing'
import checks from '../millrace.test.ts'
import plugin from '../src/index.ts'

pluginLaws(plugin, checks)

test('in a connector, the text of every record is trimmed', async (context) => {
  const given = { ...numbered(1), value: { id: 1n, text: '  padded\t' } }
  const config = { transforms: 'trim', 'transforms.trim.type': '{{class}}', 'transforms.trim.field': 'text' }
  const run = await runInMemory({ config, plugins: [plugin], records: [given] })
  context.after(() => run.close())
  const [record] = await run.done()
  assert.deepEqual(record!.value, { id: 1n, text: 'padded' })
})
