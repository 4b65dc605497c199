import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import plugin from '../../../../connectors/kafka/index.ts'
import { record } from '../../../../core/index.ts'
import { sinkOf, taskContext } from '../../../../testing/index.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { makeTopic, readTopic } from './read-topic.ts'

const skip = kafkaSkip(true)
const kill = new AbortController().signal

test('over SASL and TLS, a user hears which right is missing, and writes once it has it', { skip }, async () => {
  await using kafka = await startKafka({ secure: true })
  const topic = await makeTopic(kafka.bootstrap)
  const raw = kafka.secure.saslProperties('SCRAM-SHA-512', 'guest')
  const write = async (more: Record<string, string> = {}) => {
    await using sink = await sinkOf(plugin, 'kafka', { ...raw, ...more }, taskContext())
    await sink.open!()
    await sink.put([record(topic, 'v')], kill)
    await sink.flush!({ '{"a":1}': 1 }, kill)
  }
  await assert.rejects(write(), { name: 'ConfigError', message: /give it the ACL "Write" on the topics/ })
  await allow(kafka, kafkajs.AclResourceTypes.TOPIC, 'elsewhere', kafkajs.AclOperationTypes.WRITE)
  await assert.rejects(write(), /ACL on the topic .*Write/)
  await allow(kafka, kafkajs.AclResourceTypes.TOPIC, topic, kafkajs.AclOperationTypes.DESCRIBE)
  await assert.rejects(write(), { message: new RegExp(`give it the ACL "Write" on Topic:${topic}`) })
  await allow(kafka, kafkajs.AclResourceTypes.TOPIC, topic, kafkajs.AclOperationTypes.WRITE)
  await write()
  assert.deepEqual(
    (await readTopic(kafka.bootstrap, topic)).map(({ value }) => value),
    ['"v"'],
  )
  await assert.rejects(write({ 'exactly.once.support': 'required' }), /ACL on the transactional id/)
})

async function allow(
  kafka: TestKafka,
  resourceType: kafkajs.AclResourceTypes,
  resourceName: string,
  operation: kafkajs.AclOperationTypes,
): Promise<void> {
  const acl = {
    resourceType,
    resourceName,
    operation,
    resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
    principal: 'User:guest',
    host: '*',
    permissionType: kafkajs.AclPermissionTypes.ALLOW,
  }
  await kafka.admin((admin) => admin.createAcls({ acl: [acl] }))
}
