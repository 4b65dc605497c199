import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { MemoryStore } from '../../core/store/memory.ts'
import { SqliteStore } from '../../core/store/sqlite.ts'
import { storeLaws } from '../contract/store.ts'

const directory = mkdtempSync(join(tmpdir(), 'millrace-store-'))
after(() => rmSync(directory, { recursive: true, force: true }))
const path = (name: string) => join(directory, name)

storeLaws('memory', { open: async () => new MemoryStore() })
let files = 0
storeLaws('sqlite', {
  open: async (file) => new SqliteStore(file ?? path(`law-${files++}.db`)),
  file: () => path(`law-${files++}.db`),
})

test('a second worker is refused with the id of the process that holds the file', async () => {
  const file = path('held.db')
  await using _ = new SqliteStore(file)
  assert.throws(() => new SqliteStore(file), new RegExp(`in use by another worker \\(process ${process.pid}\\)`))
  const script = `import { SqliteStore } from ${JSON.stringify(new URL('../../core/store/sqlite.ts', import.meta.url).href)}
    try { new SqliteStore(${JSON.stringify(file)}); console.log('opened') } catch (error) { console.log(error.message) }`
  const other = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  assert.match(other.stdout, new RegExp(`in use by another worker \\(process ${process.pid}\\)`))
})

test(
  'nobody but its owner may read the file: configs hold passwords',
  { skip: process.platform === 'win32' && 'no file modes' },
  async () => {
    const file = path('mode.db')
    writeFileSync(file, '', { mode: 0o644 })
    await using _ = new SqliteStore(file)
    assert.equal(statSync(file).mode & 0o077, 0)
  },
)

test('a file of a newer format is refused and left as it is', async () => {
  const file = path('newer.db')
  await new SqliteStore(file)[Symbol.asyncDispose]()
  const db = new DatabaseSync(file)
  db.exec('pragma user_version=99')
  db.close()
  const before = readFileSync(file)
  assert.throws(() => new SqliteStore(file), /written by a newer Millrace \(store format 99; this one knows 1\)/)
  assert.deepEqual(readFileSync(file), before)
})

test("another program's database, a damaged file and a folder are refused with the reason", () => {
  const foreign = path('foreign.db')
  const db = new DatabaseSync(foreign)
  db.exec('create table t (a)')
  db.close()
  assert.throws(() => new SqliteStore(foreign), /is a database of another program/)
  const damaged = path('damaged.db')
  writeFileSync(damaged, 'this is no database, and it is longer than the header of one would be '.repeat(50))
  assert.throws(() => new SqliteStore(damaged), /is damaged or no worker's store/)
  assert.throws(() => new SqliteStore(directory), /cannot be opened/)
})

test('a file that lost pages is refused', async () => {
  const file = path('torn.db')
  const store = new SqliteStore(file)
  for (let i = 0; i < 200; i++) await store.offsets.save('c', { [`{"p":${i}}`]: { text: 'x'.repeat(500) } })
  await store[Symbol.asyncDispose]()
  writeFileSync(file, readFileSync(file).fill(0xff, 8192, 32_768))
  assert.throws(() => new SqliteStore(file), /damaged/)
})

test('what was saved is there after the process was killed', async () => {
  const file = path('killed.db')
  const script = `import { SqliteStore } from ${JSON.stringify(new URL('../../core/store/sqlite.ts', import.meta.url).href)}
    const store = new SqliteStore(${JSON.stringify(file)})
    for (let n = 1; n <= 50; n++) await store.offsets.save('c', { p: { n } })
    process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['--input-type=module', '-e', script])
  await using store = new SqliteStore(file)
  assert.deepEqual(await store.offsets.load('c'), { p: { n: 50 } })
})
