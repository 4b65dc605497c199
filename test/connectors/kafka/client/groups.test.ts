import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { FencedError } from '../../../../core/index.ts'
import { codeOf, KafkaError } from '../../../../connectors/kafka/client/kafka-error.ts'
import { openClient } from '../../../../connectors/kafka/client/open.ts'
import type { JoinedGroup, KafkaClient, ProducerIdentity } from '../../../../connectors/kafka/client/port.ts'
import { kafkaSkip, startKafka, type TestKafka } from '../../../kafka.ts'
import { acked, batchOf, clientTo, limits, makeTopic, silent, textsOf } from './clients.ts'

const never = new AbortController().signal

void describe('groups and transactions of a Kafka client', { skip: kafkaSkip() }, () => {
  let kafka: TestKafka
  let client: KafkaClient
  let count = 0
  before(async () => {
    kafka = await startKafka()
    client = await openClient(clientTo(kafka.bootstrap), silent)
  })
  after(async () => {
    await client?.[Symbol.asyncDispose]()
    await kafka?.[Symbol.asyncDispose]()
  })
  const fresh = (kind: string) => `${kind}-${process.pid}-${++count}`
  const newTopic = (partitions?: number) => makeTopic(client, partitions)
  const join = (member: KafkaClient, group: string, id = ''): Promise<JoinedGroup> =>
    member.groups.join({
      group,
      member: id,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocols: [{ name: 'range', metadata: wordOf('metadata') }],
    })

  void test('a member joins, gets what the leader deals, beats, commits, and another one makes it join again', async () => {
    await using other = await openClient(clientTo(kafka.bootstrap), silent)
    const group = fresh('group')
    const topic = await newTopic()
    const first = await join(client, group)
    assert.equal(first.leader, true)
    assert.deepEqual(
      first.members.map(({ id, metadata }) => [id, readWord(metadata)]),
      [[first.member, 'metadata']],
    )
    const assignment = await client.groups.sync(first, [{ member: first.member, assignment: wordOf('all') }])
    assert.equal(readWord(assignment), 'all')
    await client.groups.heartbeat(first)
    await client.groups.commit(first, [{ topic, partition: 0, offset: 7, metadata: 'millrace' }])

    const second = join(other, group)
    let code: number | undefined
    for (let n = 0; n < 100 && code === undefined; n++) code = await client.groups.heartbeat(first).then(() => undefined, codeOf)
    assert.equal(code, 27)
    const again = await join(client, group, first.member)
    assert.equal(again.generation, first.generation + 1)
    const joined = await second
    const leader = again.leader ? again : joined
    assert.equal(leader.members.length, 2)
    const dealt = leader.members.map(({ id }) => ({ member: id, assignment: wordOf(id) }))
    const [mine, theirs] = await Promise.all([
      client.groups.sync(again, again.leader ? dealt : []),
      other.groups.sync(joined, joined.leader ? dealt : []),
    ])
    assert.deepEqual([readWord(mine), readWord(theirs)], [again.member, joined.member])
    await other.groups.leave(joined)
    await client.groups.leave(again)
    await assert.rejects(client.groups.heartbeat(again), (error) => error instanceof KafkaError && error.errorCode === 25)
    assert.deepEqual(await client.groups.committed(group, null), [{ topic, partition: 0, offset: 7, metadata: 'millrace' }])
  })

  void test('offsets of a group without members are committed, told, and forgotten', async () => {
    const group = fresh('group')
    const topic = await newTopic(3)
    const outsider = { group, generation: -1, member: '' }
    assert.deepEqual(await client.groups.committed(group, null), [])
    const offsets = [0, 1].map((partition) => ({ topic, partition, offset: 10 + partition, metadata: '' }))
    await client.groups.commit(outsider, offsets)
    assert.deepEqual(
      await client.groups.committed(
        group,
        [0, 1, 2].map((partition) => ({ topic, partition })),
      ),
      offsets,
    )
    await client.groups.forget(group, [{ topic, partition: 0 }])
    assert.deepEqual(await client.groups.committed(group, null), [offsets[1]])
    await client.groups.forget(fresh('absent'), [{ topic, partition: 0 }])
  })

  void test('heartbeats go through while another member waits in a join and while writes are under way', async () => {
    // A long poll stays with the broker when nobody waits for it any more; so it has a client that ends with the test.
    await using one = await openClient(clientTo(kafka.bootstrap), silent)
    await using other = await openClient(clientTo(kafka.bootstrap), silent)
    const topic = await newTopic()
    const group = fresh('group')
    const member = await join(one, group)
    await one.groups.sync(member, [{ member: member.member, assignment: wordOf('') }])
    const waiting = join(other, group)
    const writes = Array.from({ length: 50 }, () => one.produce([{ topic, partition: 0, records: batchOf('x', 1000) }], acked))
    const stop = new AbortController()
    const poll = one.fetch([{ topic, partition: 0, offset: 0 }], { ...limits, minBytes: 1 << 30, maxWaitMs: 60_000 }, stop.signal)
    for (let n = 0; n < 10; n++) await one.groups.heartbeat(member).catch((error: unknown) => assert.equal(codeOf(error), 27))
    assert.equal(await Promise.race([waiting, poll, Promise.resolve('both still wait')]), 'both still wait')
    await Promise.all(writes)
    await one.groups.leave(member)
    const { generation, member: id } = await waiting
    await other.groups.leave({ group, generation, member: id })
    stop.abort()
    await poll
  })

  void test('a committed transaction is seen and an aborted one is not', async () => {
    const topic = await newTopic()
    const id = fresh('transaction')
    const identity = await client.transactions.identify(id, 30_000)
    const write = async (text: string, baseSequence: number, commit: boolean, who: ProducerIdentity = identity) => {
      await client.transactions.addPartitions(id, who, [{ topic, partition: 0 }])
      const records = batchOf(text, 2, { stamp: { ...who, baseSequence, transactional: true } })
      const [answer] = await client.produce([{ topic, partition: 0, records }], { ...acked, transactionalId: id })
      assert.equal(answer!.errorCode, 0)
      await client.transactions.end(id, who, commit)
    }
    await write('kept', 0, true)
    await write('dropped', 2, false)
    await write('kept too', 4, true)
    // A commit is answered before its markers are in the log.
    const stable = async () => (await client.offsetsAt([{ topic, partition: 0, timestamp: -1 }], true))[0]!.offset
    while ((await stable()) < 9) await sleep(20)
    const [all] = await client.fetch([{ topic, partition: 0, offset: 0 }], { ...limits, readCommitted: true }, never)
    assert.deepEqual(textsOf(all!), ['kept 0', 'kept 1', 'dropped 0', 'dropped 1', 'kept too 0', 'kept too 1'])
    assert.deepEqual(all!.aborted, [{ producerId: identity.producerId, firstOffset: 3 }])
  })

  void test('a newer producer fences the older one and ends what it left open', async () => {
    const topic = await newTopic()
    const id = fresh('transaction')
    const old = await client.transactions.identify(id, 30_000)
    await client.transactions.addPartitions(id, old, [{ topic, partition: 0 }])
    const stamp = { ...old, baseSequence: 0, transactional: true }
    await client.produce([{ topic, partition: 0, records: batchOf('open', 1, { stamp }) }], { ...acked, transactionalId: id })
    const [end] = await client.offsetsAt([{ topic, partition: 0, timestamp: -1 }], true)
    assert.equal(end!.offset, 0)
    const young = await client.transactions.identify(id, 30_000)
    assert.equal(young.producerId, old.producerId)
    assert.ok(young.epoch > old.epoch)
    await assert.rejects(client.transactions.addPartitions(id, old, [{ topic, partition: 0 }]), FencedError)
    await assert.rejects(client.transactions.end(id, old, true), FencedError)
    const [late] = await client.produce([{ topic, partition: 0, records: batchOf('late', 1, { stamp: { ...stamp, baseSequence: 1 } }) }], {
      ...acked,
      transactionalId: id,
    })
    assert.equal(late!.errorCode, 47)
  })

  void test('concurrent writes of an idempotent producer are in the log once and in order', async () => {
    const topic = await newTopic()
    const identity = await client.transactions.identify(null, 0)
    const stamp = (baseSequence: number) => ({ ...identity, baseSequence, transactional: false })
    const write = (n: number) => client.produce([{ topic, partition: 0, records: batchOf(`${n}`, 1, { stamp: stamp(n) }) }], acked)
    await write(0)
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => write(n + 1)))
    assert.ok(answers.every(([one]) => one!.errorCode === 0))
    const [again] = await write(200)
    assert.ok(again!.errorCode === 0 || again!.errorCode === 46)
    const fetched = await client.fetch([{ topic, partition: 0, offset: 0 }], limits, never)
    const texts = fetched.flatMap(textsOf)
    assert.deepEqual(
      texts,
      Array.from({ length: 201 }, (_, n) => `${n} 0`),
    )
  })
})

/** Subscription and assignment alike: version, no topics, user data. The coordinator looks into them. */
function wordOf(text: string): Buffer {
  const word = Buffer.alloc(10 + Buffer.byteLength(text))
  word.writeInt32BE(word.length - 10, 6)
  word.write(text, 10)
  return word
}

function readWord(word: Buffer): string {
  return word.toString('utf8', 10)
}
