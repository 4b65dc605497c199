import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kafkaSinkConfig } from '../../../../connectors/kafka/sink/config.ts'
import { isIdempotent, producerIssues } from '../../../../connectors/kafka/sink/producer-keys.ts'
import { newTopic, topicGroups } from '../../../../connectors/kafka/sink/topic-creation.ts'
import { validateKafkaSink } from '../../../../connectors/kafka/sink/validation.ts'
import { parseConfig } from '../../../../core/index.ts'

const parsed = (raw: Record<string, string>) => parseConfig(kafkaSinkConfig, { 'bootstrap.servers': 'b:1', ...raw })

test('idempotence is on unless other keys exclude it; asked for, they must agree', () => {
  assert.equal(isIdempotent(parsed({}).config), true)
  assert.equal(isIdempotent(parsed({ acks: '1' }).config), false)
  assert.equal(isIdempotent(parsed({ 'max.in.flight.requests.per.connection': '6' }).config), false)
  assert.deepEqual(producerIssues(parsed({ acks: '1' }).config), [])
  const messages = (raw: Record<string, string>) => producerIssues(parsed(raw).config).map(({ message }) => message)
  assert.deepEqual(messages({ acks: '0', 'enable.idempotence': 'true' }), ['Must set acks to all for enable.idempotence=true'])
  assert.deepEqual(messages({ acks: '1', 'exactly.once.support': 'required' }), ['Must set acks to all for exactly-once delivery'])
  assert.deepEqual(messages({ 'exactly.once.support': 'required', 'enable.idempotence': 'false' }), [
    'Exactly-once delivery needs enable.idempotence=true',
  ])
  assert.deepEqual(messages({ 'delivery.timeout.ms': '100' }), [
    'delivery.timeout.ms (100) should be equal to or larger than linger.ms + request.timeout.ms (30000)',
  ])
})

test('keys of Java classes are refused by name, its partitioners understood', () => {
  const faults = (raw: Record<string, string>) => parsed(raw).issues.map(({ message }) => message)
  assert.match(faults({ 'interceptor.classes': 'a.B' })[0]!, /interceptor.classes is not supported: Java classes are not loaded/)
  assert.match(faults({ 'partitioner.class': 'my.Partitioner' })[0]!, /Java partitioners are not loaded/)
  assert.match(faults({ 'transactional.id': 'x' })[0]!, /set "exactly.once.support": "required"/)
  assert.deepEqual(faults({ 'partitioner.class': 'org.apache.kafka.clients.producer.RoundRobinPartitioner' }), [])
})

test('groups of topic.creation are tried in order, default last, and inherit its numbers', () => {
  const given = {
    'topic.creation.groups': 'compacted, wide',
    'topic.creation.default.partitions': '6',
    'topic.creation.default.replication.factor': '3',
    'topic.creation.default.retention.ms': '1000',
    'topic.creation.compacted.include': 'state\\..*',
    'topic.creation.compacted.cleanup.policy': 'compact',
    'topic.creation.wide.include': '.*wide,state.x',
    'topic.creation.wide.exclude': 'not-.*',
    'topic.creation.wide.partitions': '-1',
  }
  const { groups, issues } = topicGroups(given)
  assert.deepEqual(issues, [])
  const made = (name: string) => {
    const { partitions, replicationFactor, config } = newTopic(name, groups)
    return [partitions, replicationFactor, config]
  }
  assert.deepEqual(made('state.x'), [6, 3, { 'cleanup.policy': 'compact' }])
  assert.deepEqual(made('so-wide'), [-1, 3, {}])
  assert.deepEqual(made('not-wide'), [6, 3, { 'retention.ms': '1000' }])
  assert.deepEqual(made('wide-r'), [6, 3, { 'retention.ms': '1000' }])
})

test('without keys of the family topics have the defaults of the broker', () => {
  const { groups } = topicGroups({ 'topic.creation.enable': 'true' })
  assert.deepEqual(newTopic('t', groups), { name: 't', partitions: -1, replicationFactor: -1, config: {} })
})

test('every fault of topic.creation is told by its key', () => {
  const { issues } = topicGroups({
    'topic.creation.groups': 'a,a',
    'topic.creation.default.partitions': '0',
    'topic.creation.a.include': '(',
    'topic.creation.b.partitions': '1',
  })
  assert.deepEqual(
    issues.map(({ key }) => key),
    [
      'topic.creation.groups',
      'topic.creation.default.replication.factor',
      'topic.creation.default.partitions',
      'topic.creation.b.partitions',
      'topic.creation.a.include',
    ],
  )
  assert.match(issues[3]!.message, /names a group that topic.creation.groups does not list/)
})

test('a cluster that does not answer is told at validation', async () => {
  const { config } = parsed({ 'bootstrap.servers': '127.0.0.1:1' })
  const issues = await validateKafkaSink(config)
  assert.equal(issues[0]?.key, 'bootstrap.servers')
  assert.match(issues[0].message, /^The Kafka cluster at 127.0.0.1:1 cannot be reached: /)
})
