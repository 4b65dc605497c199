import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { command, packMillrace } from '../packed.ts'

const root = resolve(import.meta.dirname, '../..')
/** A folder outside the checkout, in which a person has installed Millrace and begins to write plugins. */
const app = mkdtempSync(join(tmpdir(), 'millrace-scaffold-'))
const program = join(app, 'node_modules/.bin/millrace')
const create = join(app, 'node_modules/create-millrace-plugin/create.cjs')
let unreachable: string | undefined

before(async () => {
  const { tarball } = await packMillrace(app)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }))
  try {
    await command('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], app, 300_000)
  } catch (error) {
    if (process.env['CI'] || !/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ENETUNREACH|ENOTCACHED/.test(String(error))) throw error
    unreachable = `the npm registry cannot be reached and its packages are not cached: ${String(error).slice(0, 200)}`
    console.log(`Skipped: ${unreachable}`)
    return
  }
  // Instead of fetching what the packages compile with: this checkout has it, and the compiler is on the PATH.
  mkdirSync(join(app, 'node_modules/@types'), { recursive: true })
  symlinkSync(join(root, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'))
  cpSync(join(root, 'packages/create-millrace-plugin'), join(app, 'node_modules/create-millrace-plugin'), { recursive: true })
})

after(() => rmSync(app, { recursive: true, force: true }))

const laws = { source: 15, sink: 15, transform: 12, converter: 11 } as const

test(
  'each kind of new plugin builds, passes its tests and all laws, and is what its manifest says',
  { concurrency: 2 },
  async (context) => {
    if (unreachable !== undefined) return context.skip(unreachable)
    const tried = Object.entries(laws).map(([kind, count]) =>
      context.test(kind, async () => {
        const name = `millrace-plugin-acme-${kind}`
        const folder = join(app, name)
        // What `npm create millrace-plugin converter NAME` runs is the same.
        if (kind === 'converter') await command(process.execPath, [create, kind, name], app)
        else await command(program, ['plugin', 'new', kind, name], app)
        const written = readFileSync(join(folder, 'package.json'), 'utf8')
        // As a person is told to; for one of them, as it fetches a compiler.
        if (kind === 'transform') await command('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], folder, 300_000)
        await command('npm', ['run', 'build'], folder)
        assert.ok(existsSync(join(folder, 'dist/index.js')) && existsSync(join(folder, 'dist/index.d.ts')))
        assert.equal(readFileSync(join(folder, 'package.json'), 'utf8'), written, 'the manifest was right from the start')
        const { stdout: tests } = await command('npm', ['test'], folder)
        assert.match(tests, /fail 0\n/)
        const { stdout } = await command(program, ['plugin', 'test', '--built'], folder)
        assert.match(stdout, new RegExp(`${name} 0\\.1\\.0: ${count} of ${count} laws hold\\.\\n$`))
      }),
    )
    await Promise.all(tried)
  },
)
