import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaConnectClient } from 'kafka-connect-client'
import type { Worker } from '../../core/runtime/worker.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { committedNumbers, faultyModule, startWorker, until, upTo } from '../runtime/rig.ts'
import { registry as fixtureRegistry } from './fixture-plugins.ts'
import { serve } from './fixture-server.ts'
import { golden, type Exchange } from './golden.ts'

/** Until nothing of any connector is on its way to another state. */
async function settled(worker: Worker): Promise<void> {
  await sleep(5)
  await until('all connectors are settled', () =>
    worker.connectors().every((name) => {
      const { connector, tasks } = worker.status(name)
      const target = connector.state
      return target !== 'UNASSIGNED' && tasks.every(({ state }) => state === 'FAILED' || state === target)
    }),
  )
}

/** The real worker answers creations before its tasks exist, as Connect's distributed mode does. */
function comparable(exchange: Exchange, answer: unknown): unknown {
  const text = JSON.stringify(answer)
  const plain = JSON.parse(text, (key, value: unknown) => (key === 'worker_id' || key === 'task.class' ? 'its own' : value)) as unknown
  const created = exchange.at.startsWith('POST /connectors') || exchange.at.startsWith('PUT /connectors/c/config')
  return created && typeof plain === 'object' && plain !== null && 'type' in plain ? { ...plain, tasks: undefined } : plain
}

for (const { name, exchanges } of golden.filter((one) => one.name !== 'loggers')) {
  test(`the real worker gives Connect's own answers: ${name}`, async () => {
    await using rig = await startWorker({ registry: fixtureRegistry, hosting: 'inline' })
    await using server = await serve(rig.worker, fixtureRegistry)
    for (const exchange of exchanges) {
      const [method, url] = exchange.at.split(' ') as ['GET', string]
      const payload = exchange.send === undefined || typeof exchange.send === 'string' ? exchange.send : JSON.stringify(exchange.send)
      const headers = { ...(payload !== undefined && { 'content-type': 'application/json' }), ...exchange.headers }
      const answer = await server.app.inject({ method, url, payload: payload as string | undefined, headers })
      const seen = `${exchange.at} ${String(payload).slice(0, 200)} answered ${answer.statusCode} ${answer.body.slice(0, 500)}`
      assert.equal(answer.statusCode, exchange.status, seen)
      if (exchange.message !== undefined) assert.equal(answer.json<{ message: string }>().message, exchange.message, seen)
      if (exchange.answer !== undefined && !/restart/.test(exchange.at)) {
        assert.deepEqual(comparable(exchange, answer.json()), comparable(exchange, exchange.answer), seen)
      }
      if (method !== 'GET') await settled(rig.worker)
    }
  })
}

test('kafka-connect-client drives real tasks in processes of their own, and every record is there once', async () => {
  await using rig = await startWorker({})
  await using server = await serve(rig.worker, new Registry([faultyModule]))
  const { hostname, port } = new URL((await server.listen())[0]!)
  const client = new KafkaConnectClient({ protocol: 'http', host: hostname, port })
  const connector = client.connector('c')
  const file = rig.path('out')
  const config = { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': file, 'flush.interval.ms': '20', 'delay.ms': '1' }
  const state = async (wanted: string) => {
    await until(`it is ${wanted}`, async () => {
      const { data } = await connector.getStatus()
      return data.connector.state === wanted && data.tasks.every((task) => String(task.state) === wanted)
    })
  }
  const grows = async () => {
    const before = committedNumbers(file).length
    await until('more is committed', () => committedNumbers(file).length > before)
  }

  assert.equal((await client.createConnector('c', config)).status, 201)
  await until('its task runs', async () => (await connector.getStatus()).data.tasks.length === 1)
  await state('RUNNING')
  await grows()
  assert.deepEqual((await client.getConnectors()).data, ['c'])
  assert.equal((await connector.pause()).status, 202)
  await state('PAUSED')
  const paused = committedNumbers(file).length
  await sleep(100)
  assert.equal(committedNumbers(file).length, paused, 'nothing is written after the answer to pause')
  assert.equal((await connector.resume()).status, 202)
  await state('RUNNING')
  await grows()
  assert.equal((await connector.restart()).status, 204)
  assert.equal((await connector.restartTask(0)).status, 204)
  await grows()
  assert.equal((await connector.stop()).status, 204)
  await state('STOPPED')
  const numbers = committedNumbers(file)
  assert.deepEqual(numbers, upTo(numbers.length))
  const offsets = [{ partition: { counter: 0 }, offset: { n: numbers.length } }]
  assert.deepEqual((await connector.getOffsets()).data, { offsets })
  assert.equal((await connector.alterOffsets([{ partition: { counter: 0 }, offset: { n: 1_000_000 } }])).status, 200)
  await assert.rejects(connector.alterOffsets([{ partition: { counter: 0 }, offset: { n: 'x' } }]), /400/)
  assert.equal((await connector.resume()).status, 202)
  await until('it goes on where it was put', () => committedNumbers(file).at(-1)! > 1_000_000)
  const [{ health }] = (await overview(hostname, port)).connectors as [{ health: string }]
  assert.equal(health, 'running')
  assert.equal((await connector.stop()).status, 204)
  assert.equal((await connector.resetOffsets()).status, 200)
  assert.deepEqual((await connector.getOffsets()).data, { offsets: [] })
  assert.equal((await connector.delete()).status, 204)
  await assert.rejects(connector.getStatus(), /404/)
})

test('a storm of changes at once: the worker answers others meanwhile, and ends in one of the states that were asked for', async () => {
  await using rig = await startWorker({ hosting: 'inline' })
  await using server = await serve(rig.worker, new Registry([faultyModule]))
  const url = (await server.listen())[0]!
  const config = { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': rig.path('out'), count: '0' }
  const send = async (method: string, path: string, body?: object) => {
    const response = await fetch(url + path, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })
    await response.text()
    return response.status
  }
  assert.equal(await send('PUT', '/connectors/c/config', config), 201)
  const storm = Array.from({ length: 150 }, (_, at) => [
    send('PUT', '/connectors/c/config', { ...config, 'delay.ms': at + 1 }),
    send('POST', `/connectors/c/restart?includeTasks=${at % 2 === 0}`),
    send('PUT', `/connectors/c/${['pause', 'resume', 'stop'][at % 3]}`),
  ]).flat()
  for (let at = 0; at < 20; at++) assert.equal(await send('GET', '/connectors/c/status'), 200)
  for (const status of await Promise.all(storm)) assert.ok(status < 300, String(status))
  assert.equal(await send('PUT', '/connectors/c/resume'), 202)
  await until('it runs', () => rig.worker.status('c').tasks[0]?.state === 'RUNNING', 30_000)
  assert.match(rig.worker.info('c').config['delay.ms']!, /^\d+$/)
})

test('the health of a connector whose task failed says which, why and what to do', async () => {
  await using rig = await startWorker({ hosting: 'inline' })
  await using server = await serve(rig.worker, new Registry([faultyModule]))
  const config = { 'connector.class': 'counting', 'sink.class': 'append', 'sink.file': rig.path('out'), fault: 'config' }
  await server.app.inject({ method: 'PUT', url: '/connectors/c/config', payload: config })
  await until('its task fails', () => rig.worker.status('c').tasks[0]?.state === 'FAILED')
  const { health, hint } = (await server.app.inject('/api/v1/connectors/c/progress')).json<{ health: string; hint: string }>()
  assert.equal(health, 'failed')
  assert.match(hint, /^Task 0: ConfigError: the fault is a wrong setting — Correct the keys/)
})

async function overview(host: string, port: string): Promise<{ readonly connectors: readonly unknown[] }> {
  return (await fetch(`http://${host}:${port}/api/v1/connectors`)).json() as Promise<{ connectors: unknown[] }>
}
