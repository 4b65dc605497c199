import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { test } from 'node:test'
import { waitFor } from '../worker-process.ts'
import { runCommand } from './command.ts'

const program = resolve(import.meta.dirname, '../../bin/millrace.cjs')

/** `millrace plugin dev` as an author starts it. */
class Dev implements AsyncDisposable {
  readonly #child: ChildProcess
  log = ''
  constructor(folder: string, ...more: string[]) {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const args = ['--disable-warning=ExperimentalWarning', program, 'plugin', 'dev', '--dir', folder, '--port', '0', ...more]
    this.#child = spawn(process.execPath, args, { env: { ...env, MILLRACE_FROM_SOURCE: '1' }, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => (this.log += text))
  }
  /** Waits until it says something that it had not said before the call. */
  async says(what: RegExp, from = 0): Promise<void> {
    await waitFor(
      () => what.test(this.log.slice(from)),
      30_000,
      () => `it does not say ${what.source}:\n${this.log}`,
    )
  }
  async stop(): Promise<number | null> {
    this.#child.kill('SIGINT')
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
    return this.#child.exitCode
  }
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.stop()
  }
}

test('saving runs the new code, and what cannot run leaves the old code running', async (context) => {
  const place = mkdtempSync(join(tmpdir(), 'millrace-dev-'))
  context.after(() => rmSync(place, { recursive: true, force: true }))
  const folder = join(place, 'millrace-plugin-acme')
  assert.equal((await runCommand(['plugin', 'new', 'source', 'millrace-plugin-acme', '--dir', folder])).code, 0)
  const code = join(folder, 'src/index.ts')
  const right = readFileSync(code, 'utf8')
  const texts = () =>
    (existsSync(join(folder, 'dev/out.jsonl')) ? readFileSync(join(folder, 'dev/out.jsonl'), 'utf8') : '')
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { value: { text: string } }).value.text)
  const item = async (id: number, wanted: string) => {
    appendFileSync(join(folder, 'dev/items.jsonl'), `{"id": ${id}, "text": "item ${id}"}\n`)
    await waitFor(
      () => texts().length >= id,
      20_000,
      () => `item ${id} did not come: ${texts().join(', ')}\n${dev.log}`,
    )
    assert.deepEqual([texts().length, texts().at(-1)], [id, wanted])
  }
  // Faster looks at the file than the template's.
  const config = join(folder, 'connector.json')
  writeFileSync(config, readFileSync(config, 'utf8').replace('"topic"', '"poll.interval.ms": "50", "flush.interval.ms": "50", "topic"'))

  await using dev = new Dev(folder)
  await dev.says(/Connector acme-dev: RUNNING/)
  await waitFor(
    () => texts().length === 3,
    20_000,
    () => dev.log,
  )

  // Another text in the records: the task alone is started again, where it stood.
  let from = dev.log.length
  writeFileSync(code, right.replace('{ id: BigInt(id), text },', '{ id: BigInt(id), text: text.toUpperCase() },'))
  await dev.says(/Saved src\/index\.ts\nConnector acme-dev restarted with the new code: RUNNING/, from)
  await item(4, 'ITEM 4')

  // A syntax error: shown with its place; the code before goes on.
  from = dev.log.length
  writeFileSync(code, right.replace('{ id: BigInt(id), text },', '{ id: BigInt(id), text: text.toLowerCase( },'))
  await dev.says(/cannot be imported\. The code before it goes on\.\nSyntaxError: Expression expected\n.*src\/index\.ts:\d+/, from)
  await item(5, 'ITEM 5')

  // Mended, with a setting that was not there before; the connector's file uses it.
  from = dev.log.length
  const better = right
    .replace("'batch.max.rows':", "prefix: { type: 'string', default: 'new', doc: 'In front of each text.' },\n  'batch.max.rows':")
    .replace('{ id: BigInt(id), text },', '{ id: BigInt(id), text: `${this.#config.prefix} ${text}` },')
  writeFileSync(code, better)
  await dev.says(/restarted with the new code: RUNNING/, from)
  await item(6, 'new item 6')
  from = dev.log.length
  writeFileSync(config, readFileSync(config, 'utf8').replace('"topic"', '"prefix": "own", "topic"'))
  await dev.says(/Connector acme-dev has the config of connector\.json/, from)
  await dev.says(/acme-dev: RUNNING/, from)
  await item(7, 'own item 7')

  // A fault while it runs: told with the place, and mended by the next save.
  from = dev.log.length
  writeFileSync(code, better.replace('const last = items.at(-1)', "if (items.length > 0) throw new Error('not this item')\n    $&"))
  await dev.says(/restarted with the new code/, from)
  appendFileSync(join(folder, 'dev/items.jsonl'), '{"id": 8, "text": "item 8"}\n')
  await dev.says(/acme-dev: FAILED\nError: not this item\n.*src\/index\.ts:\d+/, from)
  from = dev.log.length
  writeFileSync(code, better)
  await dev.says(/restarted with the new code: RUNNING/, from)
  await item(9, 'own item 9')
  assert.equal(texts()[7], 'own item 8')
  assert.equal(await dev.stop(), 0)
})
