import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, test } from 'node:test'
import { previewPicture } from '../../cli/preview-picture.ts'
import type { Tree } from '../../core/runtime/preview/exact-tree.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { builtinPlugins } from '../../config/plugins.ts'
import { serve } from '../rest/fixture-server.ts'
import { startWorker } from '../runtime/rig.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-preview-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function run(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [resolve('cli/main.ts'), 'preview', ...args], { cwd: resolve(import.meta.dirname, '../..') })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const code = await new Promise<number | null>((done) => child.on('close', done))
  return { code, out, err }
}

const config = file('config.json', {
  transforms: 'mask',
  'transforms.mask.type': 'org.apache.kafka.connect.transforms.MaskField$Value',
  'transforms.mask.fields': 'card',
})
const samples = file('samples.json', '[{"topic":"orders","key":"k","value":{"id":9007199254740993,"card":"4111"}}]')

test('a preview without a worker shows the difference that each step makes, without colours where nobody sees them', async () => {
  const { code, out, err } = await run(config, samples, '--local')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /mask org\.apache\.kafka\.connect\.transforms\.MaskField\$Value\n {4}- value\.card "4111"\n {4}\+ value\.card ""/)
  assert.match(out, /"id":9007199254740993/)
  assert.ok(!out.includes('\u001b'))
})

test('a preview asks the worker that --url names, and gives its answer whole as JSON', async () => {
  const registry = new Registry(builtinPlugins)
  await using rig = await startWorker({ registry })
  await using server = await serve(rig.worker, registry)
  const [url] = await server.listen()
  const { code, out, err } = await run(config, samples, '--url', url!, '--output', 'json')
  assert.deepEqual([code, err], [0, ''])
  assert.match(out, /"id": 9007199254740993/)
  assert.equal((JSON.parse(out) as { records: readonly { outcome: string }[] }).records[0]!.outcome, 'passed')
  const missing = await run('--url', url!, '--connector', 'nobody', '--live', '1')
  assert.deepEqual([missing.code, missing.err], [1, 'millrace: Connector nobody not found\n'])
})

test('a rejected record makes the exit code 1, a wrong config or file 2; the fault is told', async () => {
  const text = file('text.jsonl', '{"value":"text"}\n{"value":{"card":"1"}}\n')
  const rejected = await run(config, text, '--local')
  assert.equal(rejected.code, 1)
  assert.match(rejected.out, /REJECTED DataError: Only Map objects supported/)
  assert.match(rejected.out, /Record 2/)
  const wrong = await run(file('wrong.json', { transforms: 'a', 'transforms.a.type': 'Nope' }), samples, '--local')
  assert.equal(wrong.code, 2)
  assert.match(wrong.err, /Class Nope could not be found/)
  const broken = await run(config, file('broken.json', '{"value":'), '--local')
  assert.equal(broken.code, 2)
  assert.match(broken.err, /broken\.json is not valid JSON/)
  const none = await run(config, '--local')
  assert.deepEqual([none.code, none.err.startsWith('millrace: A preview needs records')], [1, true])
})

const shown = { topic: 't', partition: null, timestamp: null, key: null, keySchema: null, valueSchema: null, headers: [] }

test('colours mark what came, went and was refused; text of records moves no cursor', () => {
  const evil = 'a\u001b[2J\u009b31m\u202e'
  const step = { step: 's', class: 'C', predicate: null, applied: true, error: null, changesLeftOut: 0, record: null }
  const answer = {
    records: [
      {
        before: { ...shown, topic: evil, value: evil },
        steps: [
          { ...step, outcome: 'passed', changes: [{ path: evil, change: 'added', after: evil }] },
          { ...step, outcome: 'rejected', changes: [], error: { error: 'DataError', message: evil } },
        ],
        outcome: 'rejected',
        rejected: { stage: 'TRANSFORMATION', step: 's', error: 'DataError', message: evil },
        after: null,
        bytes: null,
      },
    ],
    recordsLeftOut: 2,
    plan: ['CREATE TABLE t', 'REFUSED: it'],
    notes: [evil],
  } as unknown as Tree
  const coloured = previewPicture(answer, true).join('\n')
  assert.ok(coloured.includes('\u001b[32m+ a\\u001b[2J'))
  assert.ok(coloured.includes('\u001b[31mREJECTED DataError'))
  // oxlint-disable-next-line no-control-regex
  const bare = coloured.replaceAll(/\u001b\[(?:0|1|2|31|32|33)m/g, '')
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(bare, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  assert.equal(bare, previewPicture(answer, false).join('\n'))
  assert.match(bare, /2 more records are left out/)
})
