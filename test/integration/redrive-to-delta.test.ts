import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import delta from '../../connectors/delta/index.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { Judge, judgeMissing } from '../judge.ts'
import lettersPlugin from '../fixtures/plugins/letters.ts'
import { letterRig } from '../runtime/letters-rig.ts'
import { until } from '../runtime/rig.ts'

const judge = Judge.open()
const options = judge ? {} : { skip: judgeMissing }
after(() => judge?.[Symbol.asyncDispose]())

const registry = new Registry([
  { specifier: new URL('../fixtures/plugins/letters.ts', import.meta.url).href, plugin: lettersPlugin },
  { specifier: new URL('../../connectors/delta/index.ts', import.meta.url).href, plugin: delta },
])

test('letters that are redriven into a lake stand there once, though the task is killed in between', options, async () => {
  await using rig = await letterRig({ registry, hosting: 'process' })
  const rows = 4000
  rig.write(
    'messages',
    Array.from({ length: rows }, (_, n) => String(n)),
  )
  rig.write(
    'refuse',
    Array.from({ length: rows / 2 }, (_, n) => String(n * 2)),
  )
  const config = {
    'connector.class': 'log',
    raw: 'false',
    topics: 'numbers',
    messages: rig.path('messages'),
    'batch.rows': '500',
    transforms: 'r',
    'transforms.r.type': 'test.RefuseListed',
    'transforms.r.file': rig.path('refuse'),
    'sink.class': 'delta',
    'sink.path': rig.path('lake'),
    'errors.tolerance': 'all',
    'flush.rows': '200',
    'task.restart.backoff.ms': '10',
  }
  await rig.worker.create('c', config, 'RUNNING')
  const counts = () => rig.worker.progress('c')[0]?.records ?? { put: 0, rejected: 0 }
  await until('half of them are there', () => counts().put === rows / 2 && counts().rejected === rows / 2, 20_000)
  rig.write('refuse', [])
  await rig.worker.restartTask('c', 0)
  const before = counts().put
  await rig.worker.redrive('c', { filter: {}, from: null, max: null, again: false })
  await until('some are redriven', async () => (await rig.worker.redrives('c'))[0]!.replayed > 0, 20_000)
  process.kill(rig.worker.progress('c')[0]!.pid!, 'SIGKILL')
  const state = async () => (await rig.worker.redrives('c'))[0]!
  await until('the redrive is done', async () => (await state()).state === 'DONE', 20_000)
  // Counts come with the next sign of life.
  await until('they are counted', () => counts().put > before, 20_000)
  assert.equal((await state()).replayed, rows / 2)
  await rig.worker.delete('c')
  const table = tableIn(rig.path('lake'))
  const read = await judge!.readTable(table, { sql: 'SELECT count(*) AS rows, count(DISTINCT n) AS numbers FROM t' })
  assert.deepEqual(read, [{ rows, numbers: rows }])
})

/** The folder of the one table in a lake. */
function tableIn(lake: string): string {
  const log = readdirSync(lake, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('_delta_log'))
  assert.ok(log !== undefined, 'a table was made')
  assert.ok(readFileSync(join(lake, log, '00000000000000000000.json')).length > 0)
  return join(lake, log, '..')
}
