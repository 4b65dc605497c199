import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectSkip, startConnectWorker, type TestConnectWorker } from '../connect-worker.ts'
import { startKafka, type TestKafka } from '../kafka.ts'
import { commandFor, type Outcome } from './command.ts'

// The same verbs against Apache Kafka Connect 4.3.1.
const topic = `cli-lines-${randomUUID()}`
const skip = connectSkip()
let kafka: TestKafka
let connect: TestConnectWorker
let folder: string
let millrace: (...args: readonly string[]) => Promise<Outcome>
before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'millrace-cli-connect-'))
  kafka = await startKafka()
  await kafka.topic(topic)
  connect = await startConnectWorker(kafka.bootstrap)
  millrace = commandFor(connect.url)
})
after(async () => {
  await connect?.stop()
  await kafka?.stop()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, JSON.stringify(content))
  return path
}

/** The file sink of Kafka itself. */
function sink(name: string, more: Readonly<Record<string, string>> = {}) {
  const config = { 'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector', topics: topic, file: join(folder, `${name}.out`), ...more } // prettier-ignore
  return { name, config }
}

test('Kafka Connect is asked, and its connectors are made, changed, moved through their states and deleted', { skip }, async () => {
  assert.match((await millrace('get', 'worker')).out, /version: +4\.3\.1\n/)
  assert.match((await millrace('plugins')).out, /sink +org\.apache\.kafka\.connect\.file\.FileStreamSinkConnector +4\.3\.1\n/)
  assert.match((await millrace('plugins', 'FileStreamSink')).out, /\nfile +string +/)
  const path = file('lines.json', sink('lines'))
  const made = await millrace('apply', path, '--wait', '60s')
  assert.deepEqual([made.code, made.out.endsWith('1 to create\nlines: created\n')], [0, true], made.err)
  assert.equal((await millrace('apply', path, '--dry-run')).out, '1 unchanged\n')
  assert.match((await millrace('status')).out, /lines +sink +RUNNING +1 of 1 /)
  assert.match((await millrace('top', '--once')).out, /lines +0 +RUNNING/)
  assert.match((await millrace('describe', 'lines')).out, /Name: +lines\nType: +sink\nState: +RUNNING\n/)
  assert.equal((await millrace('stop', 'lines', '--wait', '30s')).out, 'lines: stopped\n')

  file('lines.json', sink('lines', { 'tasks.max': '2' }))
  const changed = await millrace('apply', path)
  assert.deepEqual([changed.code, changed.out], [0, `~ lines  ${path}\n    + tasks.max: 2\n1 to change\nlines: changed\n`])
  assert.match((await millrace('status', 'lines')).out, /lines +sink +STOPPED/)

  const offsets = file('offsets.json', [{ partition: { kafka_topic: topic, kafka_partition: 0 }, offset: { kafka_offset: 7 } }])
  const set = await millrace('offsets', 'set', 'lines', offsets)
  assert.deepEqual([set.code, set.out], [0, 'lines: offsets set\n'], set.err)
  assert.match((await millrace('offsets', 'lines')).out, / kafka_offset=7\n/)
  assert.equal((await millrace('offsets', 'reset', 'lines')).out, 'lines: offsets reset\n')

  assert.equal((await millrace('resume', 'lines', '--wait', '30s')).out, 'lines: resumed\n')
  const running = await millrace('offsets', 'reset', 'lines')
  assert.deepEqual([running.code, running.err.startsWith('millrace: Connector lines must be stopped first')], [1, true], running.err)
  assert.equal((await millrace('restart', 'lines', '--wait', '30s')).out, 'lines: restarted\n')
  assert.equal((await millrace('restart', 'lines', '--task', '0')).out, 'lines: task 0 restarted\n')
  assert.equal((await millrace('pause', 'lines', '--wait', '30s')).out, 'lines: paused\n')
  assert.match((await millrace('loggers', 'org.apache.kafka.connect.file', 'debug')).out, /DEBUG\n$/)
  assert.match((await millrace('loggers', 'root')).out, /root +\w+/)
  assert.equal((await millrace('delete', 'lines')).out, 'lines: deleted\n')
  assert.deepEqual(await millrace('list'), { code: 0, out: '', err: '' })
})

test("Kafka Connect's refusals are lines without a trace, and the exit codes are the same", { skip }, async () => {
  const wrong = await millrace('apply', file('wrong.json', sink('wrong', { 'tasks.max': 'many' })), file('none.json', sink('none', { 'connector.class': 'com.example.Nothing' }))) // prettier-ignore
  assert.deepEqual([wrong.code, wrong.out], [2, ''])
  assert.match(wrong.err, /wrong\.json: tasks\.max = "many": Invalid value many for configuration tasks\.max: Not a number of type INT\n/)
  assert.match(wrong.err, /none\.json: connector\.class = "com\.example\.Nothing": The worker has no such connector\. It has:\n( {4}[\w.]+\n)*.*FileStreamSinkConnector\n/) // prettier-ignore
  assert.doesNotMatch(wrong.err, /\s+at (org|java)\./)
  assert.deepEqual(await millrace('status', 'nobody'), { code: 1, out: '', err: 'millrace: No status found for connector nobody\n' })
  const failing = await millrace('create', file('failing.json', sink('failing', { file: '/nowhere/at/all' })), '--wait', '30s')
  assert.equal(failing.code, 1)
  assert.match(failing.err, /Connector failing task 0 is FAILED: org\.apache\.kafka\.connect\.errors\.ConnectException: .*\n[^]*Caused by: .*NoSuchFileException/) // prettier-ignore
  assert.doesNotMatch(failing.err, /\s+at (org|java)\./)
  const again = await millrace('create', join(folder, 'failing.json'))
  assert.deepEqual([again.code, again.err.includes('there is already failing')], [1, true], again.err)
  assert.match((await millrace('status')).out, /failing +sink +RUNNING +0 of 1 .*ConnectException/)
  const odd = await millrace('pause', 'a/b')
  assert.equal(odd.code, 1)
  assert.match(odd.err, /^millrace: a\/b: [^\n]+\n$/)
  assert.equal((await millrace('delete', 'failing')).code, 0)
})
