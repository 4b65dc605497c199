import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { definePlugin, sink, source, type Converter, type SinkTask, type SourceTask } from '../../core/index.ts'
import { converterLawsOf, lawsOfPlugin, transformLawsOf } from '../../testing/index.ts'

const place = { config: {}, records: 0, read: () => [] }
const plugin = definePlugin({
  name: 'p',
  version: '1.0.0',
  api: 1,
  sources: [source({ class: 'S', config: {}, create: () => ({}) as SourceTask })],
  sinks: [sink({ class: 'T', config: {}, create: () => ({}) as SinkTask })],
})

test('docs/testing-a-plugin.md lists every law, and no other', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/testing-a-plugin.md'), 'utf8')
  const listed = page.slice(page.indexOf('## The laws'), page.indexOf('## Tests of your own'))
  const connectors = lawsOfPlugin(plugin, {
    sources: [{ class: 'S', open: () => place }],
    sinks: [{ class: 'T', dropsReplays: true, open: () => place }],
  })
  const laws = [
    ...connectors.flatMap((one) => one.laws),
    ...transformLawsOf(() => ({ apply: (record) => record }), []),
    ...converterLawsOf(() => ({}) as Converter, []),
  ]
  const lines = [...listed.matchAll(/^- (.*)$/gm)].map((match) => match[1]!)
  assert.deepEqual([...new Set(lines)].sort(), [...new Set(laws.map(({ name }) => name))].sort())
})
