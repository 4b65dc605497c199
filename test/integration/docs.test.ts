import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { buildMillrace, command } from '../packed.ts'
import { freePort } from '../postgres.ts'

const root = resolve(import.meta.dirname, '../..')

/** A fenced block of a page. */
interface Block {
  readonly language: string
  /** Where a reader is to put it. */
  readonly file: string | undefined
  readonly text: string
  readonly line: number
}

/** Millrace as a package that is installed, without fetching anything: test/integration/packed.test.ts installs for real. */
const app = mkdtempSync(join(tmpdir(), 'millrace-docs-'))
const millrace = join(app, 'node_modules/millrace')
const programs = join(app, 'programs')

before(async () => {
  await buildMillrace(millrace)
  writeFileSync(join(app, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  symlinkSync(join(root, 'node_modules'), join(millrace, 'node_modules'))
  mkdirSync(join(app, 'node_modules/@types'))
  symlinkSync(join(root, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'))
  mkdirSync(programs)
  program('npx', `name="$1"; shift\n[ "$name" = millrace ] && exec node '${join(millrace, 'bin/millrace.cjs')}' "$@"\nexec "$name" "$@"`)
  program('npm', `[ "$1" = install ] && exit 0\nPATH="\${PATH#*:}" exec npm "$@"`)
})

after(() => rmSync(app, { recursive: true, force: true }))

for (const page of ['writing-a-source', 'writing-a-sink', 'contract', 'testing-a-plugin']) {
  test(`every code block of docs/${page}.md runs as it stands there`, async () => {
    const place = join(app, page)
    mkdirSync(place)
    await follow(blocksOf(readFileSync(join(root, `docs/${page}.md`), 'utf8')), place)
  })
}

test("the README's programs compile", async () => {
  const place = join(app, 'readme')
  const blocks = blocksOf(readFileSync(join(root, 'README.md'), 'utf8')).filter(({ language }) => language === 'ts')
  assert.ok(blocks.length > 0)
  mkdirSync(place)
  for (const { text, line } of blocks) writeFileSync(join(place, `line-${line}.ts`), text)
  const compilerOptions = { module: 'nodenext', target: 'es2024', types: ['node'], strict: true, noEmit: true }
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  await command('tsc', [], place)
})

/** Does what the page says, as a reader would: files are written, commands run, and what the page shows of their output must come. */
async function follow(blocks: readonly Block[], place: string): Promise<void> {
  assert.ok(blocks.length > 0)
  const port = String(await freePort())
  let output = ''
  for (const { language, file, text, line } of blocks) {
    if (file !== undefined) {
      mkdirSync(dirname(join(place, file)), { recursive: true })
      writeFileSync(join(place, file), text)
    } else if (language === 'sh') {
      output = (await command('bash', ['-c', scriptOf(text, port)], place, 120_000)).stdout
    } else if (language === 'text') {
      let from = 0
      for (const expected of text.split('\n').filter((one) => one.trim() !== '')) {
        const at = output.indexOf(expected, from)
        assert.ok(at >= 0, `line ${line}: "${expected}" does not come, or not in this order, in:\n${output}`)
        from = at + expected.length
      }
    } else assert.fail(`line ${line}: a block of ${language} that names no file is run by nobody`)
  }
}

/** The commands, with the programs above first on the PATH, a port that is free here, and an end to what they leave running. */
function scriptOf(text: string, port: string): string {
  const end = `trap 'code=$?; kill $(jobs -p) 2>/dev/null || true; wait || true; exit $code' EXIT`
  const settings = `export PATH='${programs}':"$PATH" NODE_OPTIONS=--disable-warning=ExperimentalWarning MILLRACE_URL=http://127.0.0.1:${port}`
  const own = text
    .replaceAll('8083', port)
    .replaceAll('npx millrace worker', `npx millrace worker --set listeners=http://127.0.0.1:${port}`)
  return `set -e\n${end}\n${settings}\n${own}`
}

function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^```(\w+)(?: file=(\S+))?\n(.*?)^```$/gms)].map((match) => ({
    language: match[1]!,
    file: match[2],
    text: match[3]!,
    line: page.slice(0, match.index).split('\n').length,
  }))
}

function program(name: string, script: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(programs, name), 0o755)
}
