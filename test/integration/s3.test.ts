import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3'
import { FaultyProxy } from '../faulty-proxy.ts'
import { Judge, judgeMissing } from '../judge.ts'
import { S3Server, s3Skip } from '../s3.ts'
import { WorkerProcess, waitFor } from '../worker-process.ts'

const rows = 4000
const kinds = ['503', 'lost', 'late'] as const

let skip: string | false = s3Skip()
let server: S3Server
let judge: Judge
before(async () => {
  if (skip !== false) return
  server = await S3Server.start()
  Object.assign(process.env, server.environment)
  const opened = Judge.open()
  if (opened) judge = opened
  else skip = judgeMissing
})
after(async () => {
  await judge?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

const source = {
  'connector.class': 'datagen',
  template: 'rows',
  topic: 'rows',
  count: String(rows),
  'batch.rows': '100',
  'flush.interval.ms': '200',
}

test('workers that are killed write a lake, files and requests, while the store fails: lake and files have every row once', async (t) => {
  if (skip !== false) return t.skip(skip)
  const folder = await mkdtemp(join(tmpdir(), 'millrace-s3-test-'))
  const received = new Set<number>()
  const api = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (text: string) => (body += text))
    request.on('end', () => {
      for (const { id } of JSON.parse(body) as { id: number }[]) received.add(id)
      response.writeHead(Math.random() < 0.05 ? 503 : 200).end()
    })
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  const bucket = await server.newBucket()
  await using proxy = await FaultyProxy.open(server.endpoint)
  proxy.choose = () => (Math.random() < 0.04 ? kinds[Math.floor(Math.random() * kinds.length)]! : 'none')
  const store = prefixed({ ...server.settings(proxy.url), 's3.request.timeout.ms': '500' })
  const configs: Record<string, Record<string, string>> = {
    lake: { ...source, rate: '1500', 'sink.class': 'delta', 'sink.path': `s3://${bucket}/lake`, ...store },
    files: {
      ...source,
      rate: '1500',
      'sink.class': 'io.confluent.connect.s3.S3SinkConnector',
      'sink.s3.bucket.name': bucket,
      'sink.format.class': 'json',
      'sink.flush.size': '150',
      ...store,
    },
    api: {
      ...source,
      rate: '1500',
      'sink.class': 'http',
      'sink.http.api.url': `http://127.0.0.1:${(api.address() as AddressInfo).port}/rows`,
      'sink.batch.max.size': '50',
      'sink.batch.json.as.array': 'true',
      'sink.request.body': '{"id": ${value.id}}',
    },
  }
  try {
    await using worker = await WorkerProcess.start(folder)
    for (const [name, config] of Object.entries(configs)) await worker.call('PUT', `/connectors/${name}/config`, config)
    for (let kill = 0; kill < 2; kill++) {
      await sleep(700 + Math.random() * 500)
      await worker.kill()
      await worker.restart()
    }
    for (const name of Object.keys(configs)) {
      await waitFor(
        async () => {
          const { tasks } = await worker.call('GET', `/connectors/${name}/status`)
          const failed = tasks.find(
            (task: { state: string; trace?: string }) => task.state === 'FAILED' && !task.trace?.includes('starts again'),
          )
          if (failed) throw new Error(`${name} FAILED: ${failed.trace}`)
          const { offsets } = await worker.call('GET', `/connectors/${name}/offsets`)
          return JSON.stringify(offsets).includes(String(rows))
        },
        40_000,
        () => `${name} is not done:\n${worker.log.slice(-3000)}`,
      )
    }
    assert.ok(!worker.log.includes(server.secret), 'the secret stands in the log')
    assert.ok(
      kinds.some((kind) => proxy.made[kind] > 0),
      'the store never failed: the test did not test it',
    )
  } finally {
    api.closeAllConnections()
    await new Promise((resolve) => api.close(resolve))
    await rm(folder, { recursive: true, force: true })
  }
  const [found] = await judge.readTable(`s3://${bucket}/lake/rows`, { sql: 'SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM t' })
  assert.deepEqual(found, { rows, ids: rows })
  const ids = await idsIn(bucket)
  assert.deepEqual([ids.length, new Set(ids).size], [rows, rows])
  assert.equal(received.size, rows)
})

async function idsIn(Bucket: string): Promise<readonly number[]> {
  const client = server.client()
  const ids: number[] = []
  const { Contents } = await client.send(new ListObjectsV2Command({ Bucket, Prefix: 'topics/' }))
  for (const { Key } of Contents ?? []) {
    const text = await (await client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString()
    for (const line of text.split('\n').slice(0, -1)) ids.push((JSON.parse(line) as { id: number }).id)
  }
  client.destroy()
  return ids
}

function prefixed(settings: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([key, value]) => [`sink.${key}`, value]))
}
