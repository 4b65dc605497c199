import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KafkaConnectClient } from 'kafka-connect-client'
import { fixture } from './fixture-server.ts'

const config = { 'connector.class': 'FileStreamSource', topic: 't', file: '/tmp/in', 'tasks.max': '1' }

test('the npm client kafka-connect-client drives a connector through its whole life', async () => {
  await using worker = await fixture()
  const [url] = await worker.server.listen()
  const { hostname, port } = new URL(url!)
  const client = new KafkaConnectClient({ protocol: 'http', host: hostname, port })

  assert.equal((await client.getCluster()).data.version, '4.3.1')
  assert.deepEqual((await client.getConnectors()).data, [])
  assert.equal((await client.getConnectorPlugins({ connectorsOnly: false })).data.length, 10)
  assert.equal((await client.validateConnectorConfig('FileStreamSource', { ...config, name: 'c' })).data.error_count, 0)

  const created = await client.createConnector('c', config)
  assert.equal(created.status, 201)
  assert.deepEqual(created.data.config, { ...config, name: 'c' })
  const connector = client.connector('c')
  assert.equal((await connector.get()).data.type, 'source')
  assert.equal((await connector.getStatus()).data.connector.state, 'RUNNING')
  assert.deepEqual((await connector.getTasks()).data[0]!.id, { connector: 'c', task: 0 })
  assert.equal((await connector.getTaskStatus(0)).data.state, 'RUNNING')
  assert.equal((await connector.updateConfig({ ...config, 'batch.size': '7' })).status, 200)
  assert.equal((await connector.getConfig()).data['batch.size'], '7')

  assert.equal((await connector.pause()).status, 202)
  assert.equal((await connector.getStatus()).data.connector.state, 'PAUSED')
  assert.equal((await connector.resume()).status, 202)
  assert.equal((await connector.restart()).status, 204)
  assert.equal(
    (await connector.restart({ includeTasks: true })).status,
    204,
    'the client sends its options in the body, where Connect ignores them',
  )
  assert.equal((await connector.restartTask(0)).status, 204)

  await assert.rejects(connector.resetOffsets(), (error: Answered) => error.response.status === 400)
  assert.equal((await connector.stop()).status, 204)
  assert.equal((await connector.getStatus()).data.tasks.length, 0)
  const offsets = [{ partition: { filename: '/tmp/in' }, offset: { position: 4 } }]
  assert.equal((await connector.alterOffsets(offsets)).status, 200)
  assert.deepEqual((await connector.getOffsets()).data, { offsets })
  assert.equal((await connector.resetOffsets()).status, 200)
  assert.equal((await connector.resetTopics()).status, 202)
  assert.deepEqual((await client.getConnectors({ expand: ['status'] })).data, ['c'], 'its expand[] is not expand, as in Connect')

  assert.equal((await connector.delete()).status, 204)
  await assert.rejects(connector.get(), (error: Answered) => error.response.status === 404)
})

interface Answered {
  readonly response: { readonly status: number }
}
