import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { millraceDependency } from '../../cli/plugin/millrace-dependency.ts'
import { nameFault } from '../../cli/plugin/new.ts'
import { runCommand } from './command.ts'

const place = mkdtempSync(join(tmpdir(), 'millrace-author-'))
after(() => rmSync(place, { recursive: true, force: true }))

/** A new package of a kind, in a folder of its own. */
async function scaffold(kind: string, name: string): Promise<string> {
  const folder = join(place, name)
  const { code, err } = await runCommand(['plugin', 'new', kind, name, '--dir', folder])
  assert.equal(code, 0, err)
  return folder
}

function change(file: string, from: string | RegExp, to: string): void {
  const text = readFileSync(file, 'utf8')
  assert.notEqual(text.replace(from, to), text)
  writeFileSync(file, text.replace(from, to))
}

test('names that npm does not take are refused with the reason', () => {
  for (const name of ['millrace-plugin-acme', '@acme/orders', 'a', 'x2-y.z_1~']) assert.equal(nameFault(name), undefined, name)
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['', /empty/],
    ['Acme', /capital/],
    ['../acme', /begins with/],
    ['acme/orders', /may hold/],
    ['@acme', /@scope\/name/],
    ['@/x', /@scope\/name/],
    ['@a/b/c', /may hold/],
    ['.hidden', /begins with/],
    ['a b', /may hold/],
    ['a;rm -rf', /may hold/],
    ['node_modules', /does not allow/],
    ['123', /no letter/],
    ['x'.repeat(215), /longer than 214/],
  ]
  for (const [name, reason] of wrong) assert.match(nameFault(name) ?? '', reason, name)
})

test('a new package is named after what it is; a folder that exists is left alone', async () => {
  const folder = await scaffold('sink', 'orders-sink')
  const { millrace, keywords } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  assert.deepEqual([millrace.parts[0].class, millrace.parts[0].aliases, keywords], ['OrdersSink', ['orders'], ['millrace-plugin']])
  assert.ok(readdirSync(folder).includes('.gitignore'))
  const again = await runCommand(['plugin', 'new', 'sink', 'orders-sink', '--dir', folder])
  assert.deepEqual([again.code, again.err], [2, `millrace: ${folder} exists already: name another folder with --dir, or another package\n`])
  assert.equal((await runCommand(['plugin', 'new', 'sink', 'No', '--dir', join(place, 'no')])).code, 2)
  assert.equal((await runCommand(['plugin', 'new', 'lake', 'x'])).code, 2)
  assert.deepEqual(readdirSync(place), ['orders-sink'], 'nothing half-made is left')
})

test('a new package takes Millrace from where the one that wrote it came from, and none of its names', async () => {
  const { devDependencies } = JSON.parse(readFileSync(join(await scaffold('transform', 'checkout'), 'package.json'), 'utf8'))
  assert.equal(devDependencies.millrace, `file:${join(import.meta.dirname, '../..')}`, 'a checkout is in no registry')
  const modules = join(place, 'node_modules')
  mkdirSync(modules)
  const taken = (resolved: string | undefined) => {
    if (resolved)
      writeFileSync(join(modules, '.package-lock.json'), JSON.stringify({ packages: { 'node_modules/millrace': { resolved } } }))
    return millraceDependency(join(modules, 'millrace'), '1.2.3')
  }
  assert.equal(taken(undefined), '^1.2.3', 'another installer than npm')
  assert.equal(taken('https://registry.npmjs.org/millrace/-/millrace-1.2.3.tgz'), '^1.2.3')
  assert.equal(taken('file:../millrace-1.2.3.tgz'), `file:${join(modules, 'millrace')}`)
  rmSync(modules, { recursive: true })
  for (const [kind, name] of [
    ['sink', 'millrace-plugin-http'],
    ['source', 'postgres'],
    ['converter', 'json'],
  ] as const) {
    const { code, err } = await runCommand(['plugin', 'new', kind, name, '--dir', join(place, 'taken')])
    assert.deepEqual([code, /would be called as .*of Millrace itself: add a word/.test(err)], [2, true], err)
  }
})

test('a manifest that is not what the code offers is told and written anew', async () => {
  const folder = await scaffold('transform', 'millrace-plugin-trim')
  const manifest = (...more: string[]) => runCommand(['plugin', 'manifest', '--dir', folder, ...more])
  assert.equal((await manifest('--check')).code, 0)
  change(join(folder, 'src/index.ts'), "doc: 'Field of", "default: 'text', doc: 'Field of")
  change(join(folder, 'src/index.ts'), 'required: true, ', '')
  const stale = await manifest('--check')
  assert.equal(stale.code, 1)
  assert.match(stale.err, /is not what the code offers: transform TrimTransform\. Run "millrace plugin manifest"/)
  assert.match((await manifest()).out, /wrote transform TrimTransform/)
  assert.equal((await manifest('--check')).code, 0)
  assert.equal(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).millrace.parts[0].config.field.default, 'text')
  assert.equal((await runCommand(['plugin', 'manifest', '--dir', place])).code, 2)
})

test('the laws that a plugin breaks are told with what was seen and how to mend it', async () => {
  const folder = await scaffold('source', 'millrace-plugin-acme')
  const code = join(folder, 'src/index.ts')
  const right = readFileSync(code, 'utf8')
  const tryIt = (...more: string[]) => runCommand(['plugin', 'test', '--dir', folder, ...more])

  change(code, 'offsets: { [this.#partition]: last.id }', 'offsets: { [this.#partition]: last.id + 1 }')
  const ahead = await tryIt()
  assert.equal(ahead.code, 1)
  assert.match(
    ahead.out,
    /✗ resumed at any position that it gave, it gives exactly the rest\n {6}resumed at .*, after 7 records, .*\n {6}To mend it: A batch's `offsets`/,
  )
  assert.match(ahead.out, /14 of 15 laws hold/)
  assert.match(ahead.err, /^millrace: millrace-plugin-acme: 1 of 15 laws is broken\n$/)

  writeFileSync(code, right.replace('async open(offsets: Offsets | undefined): Promise<void> {', '$& process.exit(3)'))
  const gone = JSON.parse((await tryIt('--output', 'json')).out) as { findings: { law: string; outcome: string; reason?: string }[] }
  assert.deepEqual(
    gone.findings.map(({ law, outcome }) => [law, outcome]),
    [
      ['its manifest says what its code offers', 'held'],
      ['a poll returns what it has when it is told to, and is no error', 'broken'],
    ],
  )
  assert.match(gone.findings[1]!.reason!, /the process ended \(code 3\) in the midst of it/)

  writeFileSync(
    code,
    right.replace('async open(offsets: Offsets | undefined): Promise<void> {', "$& void Promise.reject(new Error('nobody awaits me'))"),
  )
  const behind = await tryIt()
  assert.match(behind.out, /✗ nothing fails behind its back \(while: .*\)\n {6}Error: nobody awaits me/)

  writeFileSync(code, right.replace('export default', "throw new Error('not on import')\nexport default"))
  const broken = await tryIt()
  assert.equal(broken.code, 1)
  assert.match(broken.out, /✗ it can be imported\n {6}Error: not on import/)

  writeFileSync(code, right)
  rmSync(join(folder, 'millrace.test.ts'))
  const bare = await tryIt()
  assert.equal(bare.code, 0)
  assert.match(
    bare.out,
    /- the laws of its kind: not tried\n {6}nothing says how to try it: add sources: \[\{ class: 'AcmeSource', \.\.\. \}\]/,
  )
})
