import assert from 'node:assert/strict'
import { readdir, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import fc from 'fast-check'
import { LocalStorage } from '../../../connectors/delta/storage.ts'
import { tablePath } from '../../../connectors/delta/table-path.ts'
import { newLake } from './lake.ts'

test('a Debezium topic becomes a folder for the schema and one for the table, others one per part', () => {
  assert.equal(tablePath('', 'shop.public.orders'), 'public/orders')
  assert.equal(tablePath('', 'orders'), 'orders')
  assert.equal(tablePath('', 'a.b.c.d'), 'a/b/c/d')
  assert.equal(tablePath('${source.db}/${schema}_${table}', 'eu.shop.public.orders'), 'eu.shop/public_orders')
  assert.equal(tablePath('all/${topic}', 'a.b'), 'all/a.b')
  assert.throws(() => tablePath('${source.db}/x', 'orders'), /has no \$\{source\.db\}/)
})

test('no topic name leaves the lake, and different names never share a folder', () => {
  const hostile = [
    '../../x',
    '/etc/passwd',
    '.',
    '..',
    'a..b',
    'a\0b',
    'x'.repeat(300),
    '_delta_log',
    '_millrace',
    'a/../../b',
    'ä',
    'a%2Eb',
    'a b ',
    '-',
  ]
  const any = fc.oneof(fc.constantFrom(...hostile), fc.string({ minLength: 1, maxLength: 40 }))
  fc.assert(
    fc.property(any, any, fc.constantFrom('', '${topic}'), (one, other, format) => {
      const path = tablePath(format, one)
      for (const part of path.split('/')) {
        assert.match(part, /^[A-Za-z0-9_%+~-][A-Za-z0-9_ .%+~-]*$/)
        assert.ok(part.length <= 200 && part !== '_delta_log' && part !== '_millrace')
      }
      if (format !== '' && one !== other) assert.notEqual(path, tablePath(format, other))
    }),
  )
})

test('storage refuses names outside of the lake and folders that are links', async () => {
  await using lake = await newLake()
  const storage = await LocalStorage.open(lake.path)
  await assert.rejects(storage.put('../x', ''), /leaves the lake's folder/)
  await assert.rejects(storage.put('/etc/x', ''), /leaves the lake's folder/)
  await symlink(tmpdir(), `${lake.path}/away`)
  await assert.rejects(storage.put('away/x', ''), /is a link or a file/)
})

test('of many writers of one name exactly one wins, and nothing else is left behind', async () => {
  await using lake = await newLake()
  const storage = await LocalStorage.open(lake.path)
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, index) => storage.putIfAbsent('t/one', `writer ${index}`)))
  assert.equal(outcomes.filter(Boolean).length, 1)
  assert.equal((await storage.read('t/one'))!.toString(), `writer ${outcomes.indexOf(true)}`)
  assert.deepEqual(await readdir(`${lake.path}/t`), ['one'])
})
