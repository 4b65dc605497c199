import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { builtinPlugins } from '../../../config/plugins.ts'
import { Catalog } from '../../../core/runtime/plugins/catalog.ts'
import { startWorker, until } from '../rig.ts'
import { serve } from '../../rest/fixture-server.ts'
import { WorkerProcess } from '../../worker-process.ts'
import { tempFolder, ticker, tickerPackage } from './packages.ts'

type Folder = ReturnType<typeof tempFolder>

/** A worker in this process, its tasks in others, over the packages of the folder's `installs`. */
async function startOver(
  folder: Folder,
  more: { readonly plugins?: readonly string[]; readonly directory?: string; readonly hosting?: 'shared' } = {},
) {
  mkdirSync(join(folder.path, 'installs'), { recursive: true })
  const catalog = new Catalog(
    { plugins: more.plugins ?? [], path: [], installPath: './installs', workingFolder: folder.path },
    builtinPlugins,
  )
  const { directory, hosting = 'process' } = more
  const rig = await startWorker({ catalog, hosting, registry: catalog.registry, ...(directory !== undefined && { directory }) })
  const server = await serve(rig.worker, catalog.registry)
  const call = async (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) => {
    const answer = await server.app.inject({ method, url, ...(payload && { payload }) })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json<any>() }
  }
  return {
    ...rig,
    call,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await rig[Symbol.asyncDispose]()
    },
  }
}

const install = (folder: Folder, version: string, more: Parameters<typeof tickerPackage>[2] = {}) =>
  tickerPackage(folder, `installs/acme-ticker@${version}/node_modules/acme-ticker`, { version, ...more })

const connector = (folder: Folder, out: string, more = {}) => ({
  'connector.class': 'com.acme.Ticker',
  'sink.class': 'file',
  'sink.file': join(folder.path, `${out}.sink`),
  file: join(folder.path, out),
  'flush.interval.ms': '20',
  'task.restart.backoff.ms': '200',
  ...more,
})

/** What each run of a connector's task wrote when it polled first. */
const versionsWritten = (folder: Folder, out: string) => {
  const file = join(folder.path, out)
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

test('a package is listed, and its form shown and checked, without being imported; its hooks are asked in a host', async () => {
  using folder = tempFolder()
  const imported = join(folder.path, 'imported')
  install(folder, '1.0.0', { onImport: `appendFileSync(${JSON.stringify(imported)}, process.pid + '\\n')` })
  await using rig = await startOver(folder)
  const { body: listed } = await rig.call('GET', '/connector-plugins')
  assert.deepEqual(listed.at(-1), { class: 'com.acme.Ticker', type: 'source', version: '1.0.0' })
  const { body: form } = await rig.call('GET', '/connector-plugins/ticker/config')
  assert.deepEqual(
    form.slice(0, 2).map((key: { name: string }) => key.name),
    ['file', 'lines'],
  )
  const { body: plugins } = await rig.call('GET', '/api/v1/plugins')
  assert.equal(plugins.installPath, join(folder.path, 'installs'))
  assert.deepEqual(
    plugins.plugins.map(({ folder: _, ...one }: { folder: string }) => one),
    [
      {
        name: 'acme-ticker',
        version: '1.0.0',
        origin: 'installed',
        api: '1',
        parts: [{ kind: 'source', class: 'com.acme.Ticker', aliases: ['ticker'], doc: 'Ticks.' }],
        fault: null,
        usedBy: [],
      },
    ],
  )
  const wrong = await rig.call(
    'PUT',
    '/connector-plugins/com.acme.Ticker/config/validate',
    connector(folder, 'o', { name: 'c', lines: '0' }),
  )
  assert.equal(wrong.body.error_count, 1)
  assert.equal(existsSync(imported), false, 'nothing has imported it so far')

  const faults = async (lines: string) =>
    (await rig.call('PUT', '/api/v1/validate', connector(folder, 'o', { name: 'c', lines }))).body.errors
  assert.match((await faults('13'))[0].message, /thirteen is refused by code alone/)
  assert.deepEqual(await faults('14'), [{ key: 'lines', message: 'fourteen is refused by the hook' }])
  assert.deepEqual(await faults('15'), [])
  assert.ok(
    readFileSync(imported, 'utf8')
      .trim()
      .split('\n')
      .every((pid) => Number(pid) !== process.pid),
    'only hosts imported it',
  )
})

test('two versions run at once in two connectors; a restart moves one to what came meanwhile, the other keeps its own', async () => {
  using folder = tempFolder()
  install(folder, '1.0.0')
  install(folder, '2.0.0')
  await using rig = await startOver(folder)
  const config = (out: string, more = {}) => connector(folder, out, more)
  assert.equal((await rig.call('PUT', '/connectors/old/config', config('old', { 'connector.plugin.version': '[1.0,2.0)' }))).status, 201)
  assert.equal((await rig.call('PUT', '/connectors/a/config', config('a'))).status, 201)
  assert.equal((await rig.call('PUT', '/connectors/b/config', config('b'))).status, 201)
  for (const [name, version] of [
    ['old', '1.0.0'],
    ['a', '2.0.0'],
    ['b', '2.0.0'],
  ] as const) {
    await until(`${name} runs ${version}`, () => versionsWritten(folder, name).join() === version, 20_000)
    assert.equal((await rig.call('GET', `/connectors/${name}/status`)).body.tasks[0].version, version)
  }
  const outside = await rig.call('PUT', '/api/v1/validate', config('c', { name: 'c', 'connector.plugin.version': '[3.0,)' }))
  assert.deepEqual(outside.body.errors, [
    {
      key: 'connector.plugin.version',
      message: 'Invalid value [3.0,) for configuration connector.plugin.version: This worker has com.acme.Ticker in versions 1.0.0, 2.0.0',
    },
  ])

  install(folder, '2.1.0')
  install(folder, '9.0.0', { millrace: { api: 2, entry: './index.mjs', parts: [] } })
  const { body: report } = await rig.call('POST', '/api/v1/plugins/refresh')
  assert.deepEqual(
    report.added.map((one: { version: string }) => one.version),
    ['2.1.0'],
  )
  assert.match(report.refused[0].fault, /works with version 2 of the plugin contract; this Millrace offers version 1/)
  const { body: listed } = await rig.call('GET', '/connector-plugins')
  assert.deepEqual(
    listed.filter((one: { class: string }) => one.class === 'com.acme.Ticker').map((one: { version: string }) => one.version),
    ['1.0.0', '2.0.0', '2.1.0'],
  )
  assert.equal((await rig.call('POST', '/connectors/a/restart?includeTasks=true')).status, 202)
  await until('a runs 2.1.0', () => versionsWritten(folder, 'a').join() === '2.0.0,2.1.0', 20_000)
  // One that starts again by itself stays with what it has.
  process.kill(rig.worker.progress('b')[0]!.pid!, 'SIGKILL')
  await until('b runs again', () => versionsWritten(folder, 'b').length === 2, 20_000)
  assert.deepEqual(versionsWritten(folder, 'b'), ['2.0.0', '2.0.0'])
  const uses = async () =>
    Object.fromEntries((await rig.call('GET', '/api/v1/plugins')).body.plugins.map((one: any) => [one.version, one.usedBy.join()]))
  assert.deepEqual(await uses(), { '1.0.0': 'old', '2.0.0': 'b', '2.1.0': 'a', '9.0.0': '' })

  const refused = await rig.call('DELETE', '/api/v1/plugins/acme-ticker/2.0.0')
  assert.equal(refused.status, 409)
  assert.match(refused.body.message, /acme-ticker 2\.0\.0 is in use by b:/)
  assert.equal((await rig.call('DELETE', '/api/v1/plugins/acme-ticker/2.0.0?force=true')).status, 204)
  assert.equal(existsSync(join(folder.path, 'installs/acme-ticker@2.0.0')), false)
  assert.equal(rig.worker.status('b').tasks[0]!.state, 'RUNNING')
  assert.equal((await rig.call('DELETE', '/api/v1/plugins/acme-ticker/7.0.0')).status, 404)
})

for (const [fault, broken] of [
  ['throws when it is imported', { onImport: `throw new Error('broken build')` }],
  ['throws when it is polled', { onPoll: `throw new Error('broken build')` }],
] as const) {
  test(`an upgrade that ${fault} goes back by itself, and stays until there is another version`, async () => {
    using folder = tempFolder()
    install(folder, '1.0.0')
    await using rig = await startOver(folder)
    const config = connector(folder, 'out')
    await rig.call('PUT', '/connectors/c/config', config)
    await until('1.0.0 did work', () => (rig.worker.progress('c')[0]?.flushes ?? 0) > 0, 20_000)
    install(folder, '2.0.0', broken)
    await rig.call('POST', '/api/v1/plugins/refresh')
    await rig.call('POST', '/connectors/c/restart?includeTasks=true')
    await until('1.0.0 runs again', () => versionsWritten(folder, 'out').join() === '1.0.0,1.0.0', 20_000)
    await until('it is RUNNING', () => rig.worker.status('c').tasks[0]?.state === 'RUNNING')
    const { body } = await rig.call('GET', '/api/v1/connectors')
    const pin = { package: 'acme-ticker', class: 'com.acme.Ticker' }
    assert.deepEqual(body.connectors[0].plugins, { 'connector.class': { ...pin, version: '1.0.0' } })
    assert.deepEqual(body.connectors[0].wentBack.failed, { 'connector.class': { ...pin, version: '2.0.0' } })
    assert.match(body.connectors[0].wentBack.reason, /broken build/)
    assert.ok(rig.lines.some((line) => /goes back: com\.acme\.Ticker 2\.0\.0 of acme-ticker \(back to 1\.0\.0\).*broken build/.test(line)))

    if ('onPoll' in broken) return // The rest is the same.

    // A restart does not try it again.
    await rig.call('POST', '/connectors/c/restart?includeTasks=true')
    await until('it ran a third time', () => versionsWritten(folder, 'out').length === 3, 20_000)
    assert.deepEqual(new Set(versionsWritten(folder, 'out')), new Set(['1.0.0']))
    const kept = await rig.worker.plugins.list()
    assert.deepEqual(
      kept.plugins.map((one) => one.usedBy),
      [['c'], []],
    )
    install(folder, '2.0.1')
    await rig.call('POST', '/api/v1/plugins/refresh')
    await rig.call('POST', '/connectors/c/restart?includeTasks=true')
    await until('2.0.1 runs', () => versionsWritten(folder, 'out').at(-1) === '2.0.1', 20_000)
    await until('the failed upgrade is forgotten', () => rig.worker.versions('c').wentBack === null, 20_000)
  })
}

test('what a connector went back to is kept over a restart of the worker', async () => {
  using folder = tempFolder()
  const directory = join(folder.path, 'worker')
  mkdirSync(directory)
  install(folder, '1.0.0')
  const config = connector(folder, 'out')
  {
    await using rig = await startOver(folder, { directory })
    await rig.call('PUT', '/connectors/c/config', config)
    await until('1.0.0 did work', () => (rig.worker.progress('c')[0]?.flushes ?? 0) > 0, 20_000)
  }
  install(folder, '2.0.0', { onOpen: `process.exit(3)` })
  {
    await using rig = await startOver(folder, { directory })
    await until('the new one failed at the start', () => rig.worker.versions('c').wentBack !== null, 20_000)
    await until('1.0.0 runs again', () => versionsWritten(folder, 'out').join() === '1.0.0,1.0.0', 20_000)
  }
  await using rig = await startOver(folder, { directory })
  await until('1.0.0 runs', () => versionsWritten(folder, 'out').length === 3, 20_000)
  assert.equal(rig.worker.versions('c').wentBack?.failed['connector.class']?.version, '2.0.0')
  // A person who asks for the version by name gets it, and its fault.
  await rig.call('PUT', '/connectors/c/config', { ...config, 'connector.plugin.version': '2.0.0' })
  await until('it failed for good', () => /process\.exit\(3\)|code 3/.test(rig.worker.status('c').tasks[0]?.trace ?? ''), 20_000)
})

test('a package without a manifest is asked in a host of its own; one that throws, hangs or lies costs only itself', async () => {
  using folder = tempFolder()
  const at = (name: string, more: object) => tickerPackage(folder, name, { name, millrace: null, keyword: false, ...more })
  const plugins = ['throws', 'exits', 'good'].map((name) => `./${name}`)
  at('throws', { onImport: `throw new Error('no such library')` })
  at('exits', { onImport: `process.exit(9)` })
  at('good', { version: '3.0.0' })
  folder.file('none.mjs', 'export const x = 1')
  await using rig = await startOver(folder, { plugins: [...plugins, './none.mjs'] })
  const { plugins: shown } = rig.worker.plugins.list()
  const faults = Object.fromEntries(shown.map((one) => [one.name, one.fault]))
  assert.match(faults['throws']!, /could not be loaded: .*no such library/)
  assert.match(faults['exits']!, /could not be loaded: .*code 9/)
  assert.match(faults['./none.mjs']!, /has no default export/)
  assert.equal(faults['good'], null)
  const { body: listed } = await rig.call('GET', '/connector-plugins')
  assert.deepEqual(listed.at(-1), { class: 'com.acme.Ticker', type: 'source', version: '3.0.0' })
})

test('a class of two packages is refused with both names, and each can be named in full', async () => {
  using folder = tempFolder()
  install(folder, '1.0.0')
  tickerPackage(folder, 'installs/other@1.0.0/node_modules/other', { name: 'other', version: '5.0.0' })
  tickerPackage(folder, 'installs/@acme/by-hand', { name: '@acme/by-hand', millrace: { api: 1, entry: './index.mjs', parts: [] } })
  await using rig = await startOver(folder)
  const check = async (name: string) =>
    (await rig.call('PUT', '/api/v1/validate', { ...connector(folder, 'o'), name: 'c', 'connector.class': name })).body.errors
  assert.match(
    (await check('com.acme.Ticker'))[0].message,
    /2 plugins are called com\.acme\.Ticker: name one of them in full, acme-ticker:com\.acme\.Ticker or other:com\.acme\.Ticker/,
  )
  assert.deepEqual(await check('other:com.acme.Ticker'), [])
  const byHand = await rig.call('DELETE', '/api/v1/plugins/%40acme%2Fby-hand/1.0.0')
  assert.equal(byHand.status, 409)
  assert.match(byHand.body.message, /by-hand is no install of its own in .*installs: remove it by hand/)
  assert.ok(existsSync(join(folder.path, 'installs/@acme/by-hand')))
  assert.equal((await rig.call('DELETE', '/api/v1/plugins/other/5.0.0')).status, 204)
  assert.deepEqual(await check('com.acme.Ticker'), [])
})

test('a package that was built anew in its place runs after a refresh and a restart, also where tasks share a process', async () => {
  using folder = tempFolder()
  tickerPackage(folder, 'pkg')
  await using rig = await startOver(folder, { plugins: ['./pkg'], hosting: 'shared' })
  await rig.call('PUT', '/connectors/a/config', connector(folder, 'a'))
  await rig.call('PUT', '/connectors/b/config', connector(folder, 'b'))
  for (const name of ['a', 'b']) await until(`${name} runs`, () => versionsWritten(folder, name).join() === '1.0.0', 20_000)
  tickerPackage(folder, 'pkg', { version: '1.1.0' })
  const { body: report } = await rig.call('POST', '/api/v1/plugins/refresh')
  assert.deepEqual(
    [report.added, report.removed].map((list) => list.map((one: { version: string }) => one.version)),
    [['1.1.0'], ['1.0.0']],
  )
  await rig.call('POST', '/connectors/a/restart?includeTasks=true')
  await until('a runs the new code', () => versionsWritten(folder, 'a').join() === '1.0.0,1.1.0', 20_000)
  assert.equal(versionsWritten(folder, 'b').join(), '1.0.0')
  assert.equal(rig.worker.status('b').tasks[0]!.version, '1.0.0')
})

test('a worker starts beside broken packages, and tells of each in its log', async () => {
  using folder = tempFolder()
  tickerPackage(folder, 'path/good')
  tickerPackage(folder, 'path/bad', { name: 'bad', millrace: { api: 1, parts: 'none' } })
  tickerPackage(folder, 'path/thief', {
    name: 'thief',
    millrace: { api: 1, entry: './index.mjs', parts: [{ ...ticker, class: 'postgres' }] },
  })
  const pair = (kind: string, more = {}) => ({ kind, class: `Pair${kind}`, config: {}, ...more })
  const parts = [pair('source'), pair('sink', { aliases: ['file'] })]
  folder.file(
    'path/pair/package.json',
    JSON.stringify({ name: 'pair', version: '1.0.0', type: 'module', main: './index.mjs', millrace: { api: 1, parts } }),
  )
  folder.file(
    'path/pair/index.mjs',
    `const [source, sink] = ${JSON.stringify(parts)}
     export default { name: 'pair', version: '1.0.0', api: 1, sources: [{ ...source, create() {} }], sinks: [{ ...sink, create() {} }] }`,
  )
  folder.file('path/worse/package.json', '[')
  await using worker = await WorkerProcess.start(folder.path, {
    'plugin.path': join(folder.path, 'path'),
    'plugin.install.path': join(folder.path, 'none'),
  })
  const classes = (await worker.call('GET', '/connector-plugins')).map((one: { class: string }) => one.class)
  assert.ok(classes.includes('com.acme.Ticker'))
  const { installPath, plugins } = await worker.call('GET', '/api/v1/plugins')
  assert.equal(installPath, join(folder.path, 'none'))
  assert.deepEqual(
    plugins.map((one: { name: string; fault: string | null }) => [basename(one.name), one.fault?.slice(0, 30) ?? null]),
    [
      ['bad', 'millrace.parts is "none", not '],
      ['acme-ticker', null],
      ['pair', null],
      ['thief', 'It offers the source postgres, which is a name of io.debezium'.slice(0, 30)],
      ['worse', `${join(folder.path, 'path/worse')}`.slice(0, 30)],
    ],
  )
  const config = { 'connector.class': 'Pairsource', 'sink.class': 'file', 'sink.file': join(folder.path, 'out'), 'value.converter': 'Json' }
  const { error_count, configs } = await worker.call('PUT', '/connector-plugins/Pairsource/config/validate', { name: 'x', ...config })
  assert.equal(
    error_count,
    0,
    `an alias of Millrace stays its own where the plugin that has it, too, is asked: ${JSON.stringify(configs.filter((one: { value: { errors: string[] } }) => one.value.errors.length > 0))}`,
  )
  await until(
    'the log tells',
    () => /Plugin bad was not taken: millrace\.parts is/.test(worker.log) && /worse was not taken/.test(worker.log),
  )
})
