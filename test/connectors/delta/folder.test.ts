import assert from 'node:assert/strict'
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import plugin from '../../../connectors/delta/index.ts'
import { deltaConfig } from '../../../connectors/delta/config.ts'
import { folderFault } from '../../../connectors/delta/folder.ts'
import { LocalStorage } from '../../../connectors/delta/storage.ts'
import { parseConfig } from '../../../core/index.ts'
import { newLake } from './lake.ts'

const isRoot = process.getuid?.() === 0

test('a folder that exists or can be made is taken', async () => {
  await using lake = await newLake()
  assert.equal(await folderFault(lake.path), undefined)
  assert.equal(await folderFault(`${lake.path}/a/b/c`), undefined)
  await mkdir(`${lake.path}/real`)
  await symlink(`${lake.path}/real`, `${lake.path}/link`)
  assert.equal(await folderFault(`${lake.path}/link/a`), undefined)
})

test('a path at or below a file, and a link to nothing, are refused with the reason', async () => {
  await using lake = await newLake()
  await writeFile(`${lake.path}/file`, '')
  await symlink(`${lake.path}/nowhere`, `${lake.path}/link`)
  assert.match((await folderFault(`${lake.path}/file`))!, /^path ".*\/file" is a file, not a folder; name a folder/)
  assert.match((await folderFault(`${lake.path}/file/a/b`))!, /^path ".*\/file\/a\/b" lies in .*\/file, which is a file/)
  assert.match((await folderFault(`${lake.path}/link/a`))!, /is a link to nothing/)
  assert.match((await folderFault(`${lake.path}/${'x'.repeat(300)}`))!, /cannot be used \(ENAMETOOLONG/)
})

test('folders of the kernel are refused, also through a link, and opening them ends', { timeout: 10_000 }, async () => {
  await using lake = await newLake()
  await symlink('/proc', `${lake.path}/link`)
  for (const path of ['/proc/x/lake', '/sys/x', `${lake.path}/link/x/lake`]) {
    assert.match((await folderFault(path))!, /lies in \/(proc|sys), where the kernel/)
    await assert.rejects(LocalStorage.open(path), /lies in \/(proc|sys)/)
  }
})

test(
  'a folder without the right to write is refused',
  isRoot ? { skip: 'the root user may write everywhere; run as another one' } : {},
  async () => {
    await using lake = await newLake()
    await mkdir(`${lake.path}/closed`)
    await chmod(`${lake.path}/closed`, 0o500)
    assert.match((await folderFault(`${lake.path}/closed/a`))!, /lies in .*\/closed, which is not writable \(EACCES\)/)
  },
)

test("the connector's validation names the key", async () => {
  const part = plugin.sinks![0]!
  const { config } = parseConfig(deltaConfig, { path: '/proc/x/lake' })
  const issues = await part.validate!(config as never)
  assert.deepEqual(
    issues.map(({ key, value }) => ({ key, value })),
    [{ key: 'path', value: '/proc/x/lake' }],
  )
})
