import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { letterRig, numbered } from './letters-rig.ts'
import { until } from './rig.ts'

interface Message {
  readonly topic: string
  readonly key: string | null
  readonly value: string | null
  readonly timestamp: number | null
  readonly headers: readonly (readonly [string, string | null])[]
}

/** A worker whose "Kafka" is a file: what is put on a topic is a line of it. */
async function topicRig() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-letters-'))
  const file = join(folder, 'topic')
  const rig = await letterRig({ clients: { 'bootstrap.servers': file } })
  const messages = (): readonly Message[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Message)
      : []
  const end = async () => {
    await rig[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  }
  return { ...rig, messages, [Symbol.asyncDispose]: end }
}

const topic = { 'errors.deadletterqueue.topic.name': 'dead', 'errors.deadletterqueue.context.headers.enable': 'true' }

test('letters in a topic are the original bytes with the ten headers of Connect, whatever the stage', async () => {
  await using rig = await topicRig()
  rig.write('messages', numbered(6, { 2: 'not json', 4: '{"n":"text"}' }))
  rig.write('refuse', [1006])
  await rig.worker.create('c', rig.config({ ...topic, transforms: 'p', 'transforms.p.type': 'test.Plus' }), 'RUNNING')
  await until('they are there', () => rig.messages().length === 3)
  const seen = rig.messages().map(({ topic: name, key, value, timestamp, headers }) => {
    const told = Object.fromEntries(headers.map(([header, text]) => [header.replace('__connect.errors.', ''), text]))
    const { 'exception.stacktrace': trace, ...rest } = told
    assert.match(String(trace), /Error.*\n {4}at /)
    return { name, key, value, timestamp, ...(rest as Record<string, unknown>) }
  })
  const common = { name: 'dead', h: '\u0000ÿ', topic: 'log', partition: '0', 'connector.name': 'c', 'task.id': '0' }
  const java = 'org.apache.kafka.connect.errors.DataException'
  assert.deepEqual(
    seen
      .map((one): Record<string, unknown> => ({
        ...one,
        'exception.message': (one as Record<string, unknown>)['exception.message'] === '',
      }))
      .toSorted((a, b) => Number(a['key']) - Number(b['key'])),
    [
      {
        ...common,
        key: '1',
        value: 'not json',
        timestamp: 1001,
        offset: '1',
        stage: 'VALUE_CONVERTER',
        'class.name': 'org.apache.kafka.connect.json.JsonConverter',
        'exception.class.name': java,
        'exception.message': false,
      },
      {
        ...common,
        key: '3',
        value: '{"n":"text"}',
        timestamp: 1003,
        offset: '3',
        stage: 'TRANSFORMATION',
        'class.name': 'test.Plus',
        'exception.class.name': java,
        'exception.message': false,
      },
      {
        ...common,
        key: '5',
        value: '{"n":6}',
        timestamp: 1005,
        offset: '5',
        stage: 'TASK_PUT',
        'class.name': 'test.PickySink',
        'exception.class.name': java,
        'exception.message': false,
      },
    ],
  )
  assert.deepEqual(Object.keys(seen[0]!).slice(5), [
    'topic',
    'partition',
    'offset',
    'connector.name',
    'task.id',
    'stage',
    'class.name',
    'exception.class.name',
    'exception.message',
  ])
  assert.equal(existsSync(rig.path('dead-letters')), false)
})

test('without context headers a letter is the record itself; one that never was bytes goes through the converters, or in exact form', async () => {
  await using rig = await topicRig()
  rig.write('messages', ['1', '2'])
  rig.write('refuse', ['2'])
  const plain = { 'errors.deadletterqueue.topic.name': 'dead', raw: 'false' }
  await rig.worker.create('c', rig.config({ ...plain }), 'RUNNING')
  await until('it is there', () => rig.messages().length === 1)
  assert.deepEqual(rig.messages()[0], { topic: 'dead', key: null, value: '{"n":2,"raw":"Mg=="}', timestamp: null, headers: [] })
  await rig.worker.delete('c')
  const bytes = { 'value.converter': 'org.apache.kafka.connect.converters.ByteArrayConverter' }
  await rig.worker.create('d', rig.config({ ...plain, ...bytes, 'sink.file': rig.path('d') }), 'RUNNING')
  await until('it is there', () => rig.messages().length === 2)
  const exact = rig.messages()[1]!
  assert.deepEqual(exact.headers, [['millrace.letter.form', 'exact']])
  assert.deepEqual((JSON.parse(exact.value!) as { value: object }).value, { n: { $bigint: '2' }, raw: { $bytes: 'Mg==' } })
})

test('a dead letter topic needs a Kafka', async () => {
  await using rig = await letterRig()
  const { issues } = await rig.worker.validate({ ...rig.config(topic), name: 'c' })
  assert.deepEqual(
    issues.map(({ key }) => key),
    ['errors.deadletterqueue.topic.name'],
  )
  assert.match(issues[0]!.message, /this worker has no Kafka.*errors\.deadletterqueue\.path/)
})
