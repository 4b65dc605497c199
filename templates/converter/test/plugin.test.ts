import assert from 'node:assert/strict'
import { test } from 'node:test'
import { converterOf, pluginLaws } from 'millrace/testing'
import checks from '../millrace.test.ts'
import plugin from '../src/index.ts'

pluginLaws(plugin, checks)

test('a value is written as a form', () => {
  const form = converterOf(plugin, '{{class}}', {})
  const bytes = form.serialize('people', { schema: null, value: { name: 'Ada', city: 'New York' } })
  assert.equal(Buffer.from(bytes!).toString(), 'name=Ada&city=New+York')
  assert.throws(() => form.serialize('people', { schema: null, value: { age: 36 } }), /"age" is not text/)
})
