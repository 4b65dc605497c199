import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { duration } from '../../cli/client-options.ts'
import { readConfigFiles } from '../../cli/configs/config-files.ts'
import { readConnector, type ConnectorFile } from '../../cli/configs/connector-file.ts'
import { planOf } from '../../cli/configs/plan.ts'
import { shownValue } from '../../cli/configs/secrets.ts'
import { pairs, table } from '../../cli/output/table.ts'
import { plain } from '../../cli/output/terminal.ts'

test('a table is aligned, cut to the width of a terminal at its widest columns, and cut nowhere else', () => {
  const rows = [
    ['a', 'RUNNING', 'x'.repeat(50)],
    ['a-longer-name', 'FAILED', 'y'.repeat(20)],
  ]
  const header = ['NAME', 'STATE', 'WHY']
  assert.deepEqual(table(header, rows, undefined, undefined), [
    'NAME           STATE    WHY',
    `a              RUNNING  ${'x'.repeat(50)}`,
    `a-longer-name  FAILED   ${'y'.repeat(20)}`,
  ])
  assert.deepEqual(table(header, rows, undefined, 40), [
    'NAME           STATE    WHY',
    `a              RUNNING  ${'x'.repeat(15)}…`,
    `a-longer-name  FAILED   ${'y'.repeat(15)}…`,
  ])
  const cells = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.string(), fc.string({ maxLength: 80 })), { maxLength: 5 })
  fc.assert(
    fc.property(cells, fc.integer({ min: 45, max: 200 }), (some, width) => {
      for (const line of table(['A', 'B', 'C'], some, undefined, width)) {
        assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`)
        assert.equal(plain(line), line)
      }
    }),
  )
  assert.deepEqual(pairs([['a', '1'], ['long', '']]), ['a:     1', 'long:']) // prettier-ignore
})

test('secrets are hidden by type and by name, also in URLs; references to a provider are shown', () => {
  const known = new Set(['pin'])
  for (const key of ['pin', 'database.password', 'sasl.jaas.config', 'aws.secret.access.key', 'api_key', 'auth.token']) {
    assert.equal(shownValue(key, 'geheim', known), '[hidden]', key)
    assert.equal(shownValue(key, '${env:PIN}', known), '${env:PIN}', key)
    assert.equal(shownValue(key, 'x${env:PIN}', known), '[hidden]', key)
    assert.equal(shownValue(key, '', known), '', key)
  }
  assert.equal(shownValue('connection.url', 'postgres://me:geheim@host/db', known), 'postgres://me:[hidden]@host/db')
  assert.equal(shownValue('key.converter', 'JsonConverter', known), 'JsonConverter')
})

test('a plan compares texts key by key, keeps what is equal, and deletes only when it is told to', () => {
  const file = (name: string, config: Record<string, string>): ConnectorFile => ({ file: `${name}.json`, name, config: { ...config, name }, state: undefined }) // prettier-ignore
  const info = (name: string, config: Record<string, string>) => [name, { name, type: 'source', config: { ...config, name } }] as const
  const existing = new Map([info('same', { a: '1' }), info('other', { a: '1', b: '2' }), info('gone', {})])
  const files = [file('same', { a: '1' }), file('other', { a: '1.0', ['__proto__']: 'x' }), file('new', { a: '' })]
  const steps = planOf(files, existing, new Map(), true).map(({ name, action, changes }) => [name, action, changes])
  assert.deepEqual(steps, [
    ['same', 'keep', []],
    ['other', 'change', [{ key: '__proto__', before: undefined, after: 'x' }, { key: 'a', before: '1', after: '1.0' }, { key: 'b', before: '2', after: undefined }]], // prettier-ignore
    ['new', 'create', [{ key: 'a', before: undefined, after: '' }]],
    ['gone', 'delete', []],
  ])
  assert.equal(planOf(files, existing, new Map(), false).length, 3)
})

test('connector files keep the spelling of numbers, and a folder is read with what lies below, but for dots', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-files-'))
  try {
    const put = (name: string, text: string) => {
      mkdirSync(join(folder, name, '..'), { recursive: true })
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    const read = readConnector(
      put('n.json', '\uFEFF{"name":"n","a":9007199254740993,"b":1.10,"c":true,"d":"x","initial":"config"}'),
    ) as ConnectorFile
    assert.deepEqual(read.config, { name: 'n', a: '9007199254740993', b: '1.10', c: 'true', d: 'x', initial: 'config' })
    const rest = readConnector(
      put('rest.json', '{"name":"r","config":{"a":"1","name":"r"},"tasks":[],"type":"source","initial_state":"stopped"}'),
    )
    assert.deepEqual(rest, { file: join(folder, 'rest.json'), name: 'r', config: { a: '1', name: 'r' }, state: 'STOPPED' })
    put('..data/linked.json', '{"name":"linked"}')
    symlinkSync(join(folder, '..data/linked.json'), join(folder, 'linked.json'))
    symlinkSync(folder, join(folder, 'loop'))
    put('below/p.PROPERTIES', 'name=p\n')
    put('below/read.me', '')
    const all = readConfigFiles([folder, join(folder, 'n.json')])
    assert.deepEqual([all.connectors.map(({ name }) => name), all.faults], [['p', 'linked', 'n', 'r'], []])
    assert.deepEqual(all.passedOver, [join(folder, 'below/read.me')])
    for (const [text, message] of [
      ['', 'The file is empty'],
      ['[]', 'It holds a list'],
      ['{"name":"x","config":{"a":{"b":1,"b":2}}}', 'The key "b" stands there twice'],
      ['{"name":["x"],"config":{}}', 'It must be text'],
    ] as const) {
      const [fault] = readConnector(put('bad.json', text)) as readonly { message: string }[]
      assert.ok(fault!.message.startsWith(message), fault!.message)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('times need a unit', () => {
  assert.deepEqual(['250ms', '30s', '1.5m', '1h'].map(duration), [250, 30_000, 90_000, 3_600_000])
  for (const wrong of ['30', '', 's', '-1s', '0s', '1d', '1e9h']) assert.throws(() => duration(wrong), /with its unit/)
})

test('the scripts for shells are valid, and bash asks the command for every word', (t) => {
  const cli = resolve(import.meta.dirname, '../../cli/main.ts')
  const script = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', cli, 'completion', 'bash'], { encoding: 'utf8' })
  const words = `${script}
COMP_WORDS=(millrace restart --only-f) COMP_CWORD=2
millrace() { "${process.execPath}" --disable-warning=ExperimentalWarning "${cli}" "$@"; }
_millrace; echo "\${COMPREPLY[@]}"
COMP_WORDS=(millrace apply ${join(import.meta.dirname, 'outpu')}) COMP_CWORD=2
_millrace; echo "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', words], { encoding: 'utf8' })
  assert.deepEqual([stdout, stderr], [`--only-failed\n${import.meta.filename}\n`, ''])
  for (const shell of ['zsh', 'fish']) {
    if (spawnSync(shell, ['--version']).error) t.diagnostic(`no ${shell} here: its script is not parsed`)
    else {
      const text = execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', cli, 'completion', shell], { encoding: 'utf8' })
      assert.equal(spawnSync(shell, ['-n'], { input: text }).status, 0)
    }
  }
})
