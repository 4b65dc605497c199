import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { Registry } from '../../core/runtime/registry.ts'
import { serve } from '../rest/fixture-server.ts'
import { faultyModule, startWorker, until } from '../runtime/rig.ts'
import { commandFor, runCommand, type Outcome } from './command.ts'

// The verbs against a real worker with a source that counts, and fails when it is told to.
const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'))
let rig: Awaited<ReturnType<typeof startWorker>>
let server: Awaited<ReturnType<typeof serve>>
let url: string
let millrace: (...args: readonly string[]) => Promise<Outcome>
before(async () => {
  const registry = new Registry([faultyModule])
  rig = await startWorker({ registry })
  server = await serve(rig.worker, registry)
  ;[url = ''] = await server.listen()
  millrace = commandFor(url)
})
after(async () => {
  await server?.close()
  await rig?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

function file(path: string, content: unknown): string {
  const full = join(folder, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, typeof content === 'string' ? content : JSON.stringify(content))
  return full
}

function counting(name: string, more: Readonly<Record<string, string | number>> = {}) {
  const config = { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': join(folder, `${name.replaceAll('/', '_')}.out`), 'delay.ms': 20, ...more } // prettier-ignore
  return { name, config }
}

async function wipe(): Promise<void> {
  for (const name of rig.worker.connectors()) await rig.worker.delete(name)
}

test('a folder is applied, applied again without effect, changed with a diff that hides secrets, and pruned only when asked', async () => {
  const lib = join(folder, 'lib')
  file('lib/one.json', counting('one', { password: 'hunter22' }))
  file(
    'lib/deep/two.properties',
    `name=zwei/2\nconnector.class=counting\nsink.class=append\nsink.file=${join(folder, 'two.out')}\ndelay.ms=20\n`,
  )
  file('lib/.hidden.json', '{')
  file('lib/notes.md', '# Notes')
  await rig.worker.create('old', { ...counting('old').config, 'delay.ms': '20', name: 'old' }, 'RUNNING')

  const dry = await millrace('apply', lib, '--dry-run')
  assert.equal(dry.code, 1)
  assert.match(
    dry.out,
    /^\+ zwei\/2 .*two\.properties\n(.*\n)*\+ one .*one\.json\n(.*\n)* {4}\+ password: \[hidden\]\n(.*\n)*2 to create\n$/,
  )
  assert.match(dry.err, /Passed over.*notes\.md\n(.*\n)*In no file, and left alone \(--prune deletes them\): old\n/)
  assert.deepEqual(rig.worker.connectors(), ['old'])

  const first = await millrace('apply', lib, '--wait', '20s')
  assert.deepEqual([first.code, rig.worker.connectors().toSorted()], [0, ['old', 'one', 'zwei/2']], first.err)
  assert.match(first.out, /zwei\/2: created\none: created\n$/)
  assert.deepEqual((await millrace('apply', lib)).out, '2 unchanged\n')
  assert.equal((await millrace('apply', lib, '--dry-run')).code, 0)

  await rig.worker.stop('one')
  file('lib/one.json', counting('one', { password: 'swordfish', 'batch.rows': '1.0e1', 'delay.ms': '30' }))
  const invalid = await millrace('apply', lib, '--prune')
  assert.equal(invalid.code, 2)
  assert.match(invalid.err, /one\.json: batch\.rows = "1\.0e1": Invalid value 1\.0e1 for configuration batch\.rows.*\nmillrace: nothing was changed, as there is a fault\n$/) // prettier-ignore
  assert.deepEqual(rig.worker.connectors().length, 3)

  file('lib/one.json', counting('one', { password: 'swordfish', 'batch.rows': 5, 'delay.ms': 30 }))
  const changed = await millrace('apply', lib, '--prune', '--output', 'json')
  assert.deepEqual([changed.code, changed.err.includes('swordfish') || changed.out.includes('swordfish')], [0, false], changed.err)
  const [one, gone] = (JSON.parse(changed.out) as { connectors: readonly unknown[] }).connectors
  assert.deepEqual(one, {
    name: 'one',
    action: 'change',
    file: join(lib, 'one.json'),
    changes: [
      { key: 'batch.rows', after: '5' },
      { key: 'delay.ms', before: '20', after: '30' },
      { key: 'password', before: '[hidden]', after: '[hidden]' },
    ],
  })
  assert.deepEqual(gone, { name: 'old', action: 'delete', file: null, changes: [] })
  assert.deepEqual(rig.worker.connectors().toSorted(), ['one', 'zwei/2'])
  assert.equal(rig.worker.status('one').connector.state, 'STOPPED')
  assert.equal(rig.worker.find('one')!.config['password'], 'swordfish')
  await wipe()
})

test('of files with faults nothing is applied, and each fault is told with file, key, value and way out', async () => {
  const bad = join(folder, 'bad')
  file('bad/good.json', counting('good'))
  file('bad/a.json', counting('same'))
  file('bad/b.json', counting('same'))
  file('bad/c.json', { name: 'c', config: { ...counting('c').config, topics: ['x'], nested: { a: 1 }, none: null } })
  file('bad/d.json', '{"name":"d","connector.class":"counting","connector.class":"counting"}')
  file('bad/e.json', '{"name":"e"')
  file('bad/f.json', { name: 'f', config: { ...counting('f').config, name: 'g' } })
  file('bad/g.json', counting('h', { 'delay.ms': 'soon', 'connector.class': 'nosuch' }))
  file('bad/i.json', { config: counting('i').config })
  file('bad/j.json', { ...counting('j'), initial_state: 'ASLEEP' })
  file('bad/k.json', { name: 'k', config: { 'sink.class': 'append' } })
  file('bad/l.json', { ...counting('l'), tags: 'x' })
  file('bad/m.json', counting('m', { fault: 'invalid' }))
  const settings = file('worker.json', { listeners: 'http://127.0.0.1:0', 'store.path': join(folder, 'worker.db') })
  const applied = await millrace('apply', bad)
  assert.deepEqual([applied.code, applied.out, rig.worker.connectors()], [2, '', []])
  for (const expected of [
    /b\.json: name = "same": .*a\.json has a connector of this name, too: keep one of the two/,
    /c\.json: topics: The value is a list: write it as one text/,
    /c\.json: nested: The value is an object: write it flat/,
    /c\.json: none: The value is null: remove the key/,
    /d\.json: connector\.class: The key "connector\.class" stands there twice: remove one/,
    /e\.json: It is not valid JSON/,
    /f\.json: name = "g": The config has another name than the file's "f"/,
    /g\.json: connector\.class = "nosuch": /,
    /i\.json: name: The connector has no name: add "name"/,
    /j\.json: initial_state = "\\"ASLEEP\\"": It must be one of RUNNING, PAUSED, STOPPED/,
    /k\.json: connector\.class: The config names no connector: add "connector\.class"/,
    /l\.json: tags: Nothing reads "tags" beside "config"/,
    /m\.json: fault = "invalid": the far side says no/,
    /millrace: nothing was changed, as there are 13 faults/,
  ]) {
    assert.match(applied.err, expected)
  }
  const worker = await millrace('worker', settings, join(bad, 'c.json'))
  assert.deepEqual([worker.code, worker.err.includes('c.json: topics: The value is a list')], [2, true], worker.err)
  const validated = await millrace('validate', bad, '--output', 'json')
  assert.equal(validated.code, 2)
  assert.equal((JSON.parse(validated.out) as { faults: readonly unknown[] }).faults.length, 13)
  const fine = await millrace('validate', file('typo.json', counting('typo', { 'batch.row': 5 })))
  assert.deepEqual(fine.code, 0)
  assert.match(fine.out, /typo\.json: valid \(typo\)\nwarning: .*typo\.json: batch\.row: Nothing reads .*did you mean "batch\.rows"\?\n$/)
  for (const args of [['apply', '--dry-run'], ['create']]) {
    const { err } = await millrace(...args, join(folder, 'typo.json'))
    assert.match(err, /^warning: .*typo\.json: batch\.row: Nothing reads .*did you mean "batch\.rows"\?\n$/, args[0])
  }
  await wipe()
  const none = await millrace('apply', join(folder, 'nowhere'))
  assert.deepEqual([none.code, none.err.includes('There is no such file or folder')], [2, true])
  const empty = await millrace('apply', dirname(file('empty/x.txt', '')), '--prune', '--yes')
  assert.deepEqual([empty.code, empty.err.includes('holds no .json or .properties')], [2, true])
  const single = await millrace('apply', file('bad/good.json', counting('good')), '--prune')
  assert.deepEqual([single.code, single.err.includes('--prune needs a folder')], [2, true])
})

test('create refuses what exists, begins in the state that is asked for, and reads standard input', async () => {
  const path = file('new.json', counting('new'))
  assert.deepEqual(await millrace('create', path, '--state', 'stopped'), { code: 0, out: 'new: created\n', err: '' })
  assert.equal(rig.worker.status('new').connector.state, 'STOPPED')
  const again = await millrace('create', path)
  assert.deepEqual([again.code, again.out], [1, ''])
  assert.match(again.err, /millrace: Nothing was created, as there is already new \(.*new\.json\): "millrace apply" changes what exists\n/)
  const piped = await runCommand(['create', '-', '--wait', '20s'], {
    env: { MILLRACE_URL: url },
    input: JSON.stringify({ ...counting('piped').config, name: 'piped' }),
  })
  assert.deepEqual(piped, { code: 0, out: 'piped: created\n', err: '' })
  const wrong = await millrace('create', file('wrong.json', counting('wrong', { 'delay.ms': 'x' })))
  assert.deepEqual([wrong.code, rig.worker.find('wrong')], [2, undefined])
  assert.match(wrong.err, /wrong\.json: delay\.ms = "x": /)
  await wipe()
})

test('status shows states and reasons, and exits with 1 where something failed; --wait tells the trace', async () => {
  const broken = file('broken.json', counting('broken', { fault: 'config', 'task.restart.max.attempts': 0 }))
  const waited = await millrace('create', broken, '--wait', '20s')
  assert.equal(waited.code, 1)
  assert.match(waited.err, /millrace: broken .*: Connector broken task 0 is FAILED: .*the fault is a wrong setting/)
  await rig.worker.create('fine', { ...counting('fine').config, 'delay.ms': '20', name: 'fine' }, 'PAUSED')
  const all = await millrace('status')
  assert.equal(all.code, 1)
  assert.match(
    all.out,
    /^NAME +TYPE +STATE +TASKS +WORKER +FAILURE\nbroken +source +RUNNING +0 of 1 .*the fault is a wrong setting\nfine +source +PAUSED/,
  )
  const one = await millrace('status', 'broken')
  assert.match(one.out, /broken +source +RUNNING .*\n {2}task 0 +FAILED .*\n\nbroken task 0 FAILED\n {2}.*the fault is a wrong setting/)
  assert.doesNotMatch(one.out, /^\s+at /m)
  assert.equal((await millrace('status', 'fine')).code, 0)
  const json = await millrace('status', 'fine', '--output', 'json')
  assert.deepEqual(JSON.parse(json.out), JSON.parse(JSON.stringify(rig.worker.status('fine'))))
  assert.deepEqual(await millrace('status', 'nobody'), { code: 1, out: '', err: 'millrace: No status found for connector nobody\n' })
  assert.match(
    (await millrace('describe', 'broken')).out,
    /Health: +failed\nHint: +Task 0: .*\n[^]*Config:\n {2}connector\.class: +counting\n/,
  )
  assert.match((await millrace('top', '--once')).out, /^CONNECTOR +TASK[^]*broken +0 +FAILED[^]*fine +0? /)
  const restarted = await millrace('restart', 'broken', '--only-failed', '--wait', '20s')
  assert.deepEqual([restarted.code, restarted.err.includes('task 0 is FAILED')], [1, true])
  await wipe()
})

test('connectors are paused, resumed, stopped, restarted and deleted, several at once; one that fails does not keep the others', async () => {
  for (const name of ['a', 'b b', '..']) await rig.worker.create(name, { ...counting(name).config, 'delay.ms': '20', name }, 'RUNNING')
  const paused = await millrace('pause', 'a', 'nobody', 'b b', '..', '--wait', '20s')
  assert.deepEqual(paused, { code: 1, out: 'a: paused\nb b: paused\n..: paused\n', err: 'millrace: nobody: Unknown connector nobody\n' })
  assert.deepEqual((await millrace('resume', 'a', '--wait', '20s')).out, 'a: resumed\n')
  assert.equal(rig.worker.status('a').tasks[0]!.state, 'RUNNING')
  assert.deepEqual((await millrace('restart', 'a', '--task', '0', '--wait', '20s')).out, 'a: task 0 restarted\n')
  assert.equal((await millrace('restart', 'a', '--task', '7')).code, 1)
  assert.equal((await millrace('restart', 'a', '--task', '0', '--only-failed')).code, 2)
  assert.deepEqual((await millrace('restart', 'b b', '--wait', '20s')).out, 'b b: restarted\n')
  assert.deepEqual((await millrace('stop', 'a', '--wait', '20s', '--output', 'json')).out, JSON.stringify([{ name: 'a', outcome: 'stopped' }], null, 2) + '\n') // prettier-ignore
  assert.deepEqual((await millrace('list')).out.split('\n').toSorted(), ['', '..', 'a', 'b b'])
  assert.deepEqual((await millrace('delete', '..', 'a')).out, '..: deleted\na: deleted\n')
  assert.deepEqual(rig.worker.connectors(), ['b b'])
  await wipe()
})

test('offsets are shown, set and reset with all their digits; a running connector is stopped for it when asked', async () => {
  await rig.worker.create('o', { ...counting('o').config, 'delay.ms': '20', name: 'o' }, 'STOPPED')
  assert.deepEqual(await millrace('offsets', 'o'), { code: 0, out: '', err: 'Connector o has no offsets yet\n' })
  const entries = [{ partition: { counter: 0 }, offset: { n: 9007199254740991 } }]
  assert.equal((await millrace('offsets', 'set', 'o', file('o.json', entries))).out, 'o: offsets set\n')
  assert.equal((await millrace('offsets', 'show', 'o')).out, 'PARTITION  OFFSET\ncounter=0  n=9007199254740991\n')
  assert.deepEqual(JSON.parse((await millrace('get', 'offsets', 'o', '--output', 'json')).out), { offsets: entries })
  await rig.worker.resume('o')
  const running = await millrace('offsets', 'reset', 'o')
  assert.deepEqual([running.code, running.err], [1, 'millrace: Connector o must be stopped first: millrace stop, or --stop here, which also brings it back\n']) // prettier-ignore
  assert.equal((await millrace('offsets', 'reset', 'o', '--stop')).out, 'o: offsets reset\n')
  await until('o runs again', () => rig.worker.status('o').connector.state === 'RUNNING')
  const refused = await millrace('offsets', 'set', 'o', file('no.json', [{ partition: { counter: 0 }, offset: { n: 'x' } }]), '--stop')
  assert.deepEqual([refused.code, refused.err.includes('n must be a number')], [1, true])
  await until('o runs again', () => rig.worker.status('o').connector.state === 'RUNNING')
  assert.equal((await millrace('offsets', 'set', 'o', file('broken.txt', '{'))).code, 2)
  await wipe()
})

test('plugins, their settings, loggers and the worker are shown; a level is set', async () => {
  assert.match((await millrace('plugins')).out, /^TYPE +CLASS +VERSION\nsink +test\.AppendSink +9\.9\.9\n/)
  assert.doesNotMatch((await millrace('plugins')).out, /RefuseEvery/)
  assert.match((await millrace('get', 'plugins', '--all')).out, /transformation +test\.RefuseEvery/)
  assert.match((await millrace('describe', 'plugin', 'counting')).out, /\nbatch\.rows +int +10 +Records per batch\.\n/)
  assert.match((await millrace('loggers', 'root', 'debug')).out, /LOGGER +LEVEL\n(.+ DEBUG\n)*root +DEBUG\n$/)
  assert.match((await millrace('get', 'loggers')).out, /root +DEBUG +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n$/)
  assert.equal((await millrace('loggers', 'root', 'loud')).code, 1)
  await millrace('loggers', 'root', 'info')
  assert.match((await millrace('get', 'worker')).out, new RegExp(`url: +${url}\nversion: +0\\.1\\.0\n`))
  const config = await millrace('config', 'nobody')
  assert.deepEqual([config.code, config.err], [1, 'millrace: Connector nobody not found\n'])
  await rig.worker.create('c', { ...counting('c').config, 'delay.ms': '20', name: 'c' }, 'STOPPED')
  const saved = file('saved.json', (await millrace('config', 'c')).out)
  assert.equal((await millrace('apply', saved)).out, '1 unchanged\n')
  await wipe()
})

test('words are completed from the definition of the verbs and from the worker, and never with an error', async () => {
  await rig.worker.create('orders', { ...counting('orders').config, 'delay.ms': '20', name: 'orders' }, 'STOPPED')
  await rig.worker.create('other one', { ...counting('x').config, 'delay.ms': '20', name: 'other one' }, 'STOPPED')
  const complete = async (...words: readonly string[]) =>
    (await millrace('__complete', '--', ...words)).out.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')[0]]))
  assert.deepEqual(await complete('res'), ['resume', 'restart'])
  assert.deepEqual(await complete('restart', 'o'), ['orders', 'other one'])
  assert.deepEqual(await complete('restart', 'orders', ''), ['other one'])
  assert.deepEqual(await complete('restart', '--on'), ['--only-failed'])
  assert.deepEqual(await complete('status', '--output', ''), ['table', 'json'])
  assert.deepEqual(await complete('offsets', 'set', 'or'), ['orders'])
  assert.deepEqual(await complete('offsets', 'or'), ['orders'])
  assert.deepEqual(await complete('apply', ''), [':files'])
  assert.deepEqual(await complete('describe', 'plugin', 'test.C'), ['test.CountingSource'])
  assert.deepEqual(await runCommand(['__complete', '--', 'status', ''], { env: { MILLRACE_URL: 'http://127.0.0.1:1' } }), { code: 0, out: '', err: '' }) // prettier-ignore
  await wipe()
})
