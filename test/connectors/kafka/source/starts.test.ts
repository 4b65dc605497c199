import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommittedOffset, KafkaClient } from '../../../../connectors/kafka/client/port.ts'
import { parsePlace } from '../../../../connectors/kafka/source/place.ts'
import { keyOf, type Position } from '../../../../connectors/kafka/source/position.ts'
import { resolveStarts, type StartSettings } from '../../../../connectors/kafka/source/starts.ts'
import { ConfigError, type Logger } from '../../../../core/index.ts'

const t0 = { topic: 't', partition: 0 }
const t1 = { topic: 't', partition: 1 }
const settings: StartSettings = {
  group: 'g',
  start: { kind: 'earliest' },
  reset: 'earliest',
  end: undefined,
  readCommitted: false,
  exact: false,
}

test('after a crash between saving and committing the greater position counts', async () => {
  const committed = [{ ...t0, offset: 5, metadata: 'millrace' }]
  assert.deepEqual(await offsets({ committed, saved: [[t0, 9]] }), [9])
  assert.deepEqual(await offsets({ committed, saved: [[t0, 3]] }), [5])
})

test("an offset that Kafka's tools set counts, back or forth, and is told", async () => {
  const warnings: string[] = []
  const committed = [{ ...t0, offset: 5, metadata: '' }]
  assert.deepEqual(await offsets({ committed, saved: [[t0, 9]], warnings }), [5])
  assert.match(warnings.join(), /group's offset of t-0 is 5.*ours is 9: reading goes on at the group's/)
})

test('where the sink keeps the positions, they count', async () => {
  const committed = [{ ...t0, offset: 5, metadata: '' }]
  assert.deepEqual(await offsets({ committed, saved: [[t0, 9]], settings: { exact: true } }), [9])
})

test('a connector that Kafka Connect ran before goes on where its group stands', async () => {
  assert.deepEqual(await offsets({ committed: [{ ...t0, offset: 5, metadata: '' }] }), [5])
})

test('without any position the reading begins as configured', async () => {
  assert.deepEqual(await offsets({}), [10])
  assert.deepEqual(await offsets({ settings: { start: { kind: 'latest' } } }), [100])
  assert.deepEqual(await offsets({ settings: { start: parsePlace('50') } }), [50])
  // Younger than every record: from the end on.
  assert.deepEqual(await offsets({ settings: { start: parsePlace('1000') } }), [100])
  assert.deepEqual(await offsets({ settings: { start: parsePlace('{"t": {"0": 42}}') } }), [42])
  assert.deepEqual(await offsets({ settings: { start: parsePlace('{"t": {"1": 42}}') } }), [10])
  await assert.rejects(offsets({ settings: { start: { kind: 'none' } } }), ConfigError)
})

test('a partition that is younger than the reading is read from its first record, though the start is latest', async () => {
  const start = { start: { kind: 'latest' as const } }
  assert.deepEqual(await offsets({ partitions: [t1], committed: [{ ...t0, offset: 5, metadata: 'millrace' }], settings: start }), [10])
  assert.deepEqual(await offsets({ partitions: [t1], seen: new Set([keyOf(t0)]), settings: start }), [10])
  await assert.rejects(offsets({ partitions: [t1], seen: new Set([keyOf(t0)]), settings: { start: { kind: 'none' } } }), ConfigError)
  assert.deepEqual(await offsets({ partitions: [t1], seen: new Set([keyOf(t1)]), settings: start }), [100])
})

test('offsets of a topic of the same name that is no more do not count', async () => {
  const old = new Map([[keyOf(t0), { offset: 50, topicId: 'a' }]])
  const by = (metadata: string) => [{ ...t0, offset: 60, metadata }]
  const start = async (given: Case) => {
    const warnings: string[] = []
    return [(await offsets({ ...given, warnings }))[0], warnings.join()]
  }
  const anew = 't-0 made anew after 50'
  assert.deepEqual(await start({ positions: old, topicId: 'b' }), [10, anew])
  assert.deepEqual(await start({ positions: old, topicId: 'b', settings: { start: { kind: 'latest' } } }), [10, anew])
  assert.deepEqual(await start({ positions: old, topicId: 'b', settings: { exact: true } }), [10, anew])
  assert.deepEqual(await start({ positions: old, topicId: 'b', committed: by('millrace a') }), [10, anew])
  assert.deepEqual(await start({ saved: [[t0, 50]], ids: new Map([[keyOf(t0), 'a']]), topicId: 'b' }), [10, anew])
  assert.deepEqual(await start({ committed: by('millrace a'), topicId: 'b' }), [10, 't-0 made anew after 60'])
  // Another task, or a person, has been in the new one already.
  assert.deepEqual(await start({ positions: old, topicId: 'b', committed: by('millrace b') }), [60, ''])
  assert.deepEqual(await start({ positions: old, topicId: 'b', committed: by('') }), [60, ''])
  // It is the same one, or nobody can tell.
  assert.deepEqual(await start({ positions: old, topicId: 'a', committed: by('millrace a') }), [60, ''])
  assert.deepEqual(await start({ positions: old }), [50, ''])
  assert.deepEqual(await start({ saved: [[t0, 50]], topicId: 'b' }), [50, ''])
})

test('a bounded run notes its ends and finds them again, unless its setting changed', async () => {
  const end = { place: parsePlace('latest'), setting: 'latest' }
  const [first] = await resolve({ settings: { end } })
  assert.deepEqual(first!.position, { offset: 10, end: { offset: 100, setting: 'latest' } })
  assert.equal(first!.noted, true)
  const saved = new Map([[keyOf(t0), { offset: 20, end: { offset: 70, setting: 'latest' } }]])
  assert.deepEqual((await resolve({ settings: { end }, positions: saved }))[0]!.position, {
    offset: 20,
    end: { offset: 70, setting: 'latest' },
  })
  const other = { place: parsePlace('{"t": {"0": 60}}'), setting: '{"t": {"0": 60}}' }
  const [changed] = await resolve({ settings: { end: other }, positions: saved })
  assert.deepEqual(changed!.position, { offset: 20, end: { offset: 60, setting: other.setting } })
  // A partition that the ends leave out is not read.
  const [none] = await resolve({ partitions: [t1], settings: { end: other } })
  assert.deepEqual(none!.position, { offset: 10, end: { offset: 10, setting: other.setting } })
})

interface Case {
  readonly partitions?: readonly { topic: string; partition: number }[]
  readonly committed?: readonly CommittedOffset[]
  readonly saved?: readonly (readonly [{ topic: string; partition: number }, number])[]
  readonly positions?: ReadonlyMap<string, Position>
  readonly seen?: ReadonlySet<string>
  readonly settings?: Partial<StartSettings>
  readonly warnings?: string[]
  /** Of the topic as it is now, and as the task had it. */
  readonly topicId?: string
  readonly ids?: ReadonlyMap<string, string>
}

async function offsets(given: Case): Promise<readonly number[]> {
  return (await resolve(given)).map(({ position }) => position.offset)
}

/** A cluster whose logs hold the offsets 10 to 99, each record's timestamp its offset. */
function resolve(given: Case) {
  const client = {
    topicIds: async () => new Map(given.topicId === undefined ? [] : [['t', given.topicId]]),
    groups: { committed: async () => given.committed ?? [] },
    offsetsAt: async (asked: readonly { topic: string; partition: number; timestamp: number }[]) =>
      asked.map(({ topic, partition, timestamp }) => ({
        topic,
        partition,
        offset: timestamp === -2 ? 10 : timestamp === -1 ? 100 : timestamp > 99 ? -1 : Math.max(10, timestamp),
      })),
  } as unknown as KafkaClient
  const log = { warn: (_: object, message: string) => void given.warnings?.push(message) } as Logger
  const saved = given.positions ?? new Map((given.saved ?? []).map(([place, offset]) => [keyOf(place), { offset }]))
  const madeAnew = ({ topic, partition }: { topic: string; partition: number }, offset: number) =>
    void given.warnings?.push(`${topic}-${partition} made anew after ${offset}`)
  const past = { saved, seen: given.seen, ids: given.ids ?? new Map(), madeAnew }
  return resolveStarts(client, given.partitions ?? [t0], { ...settings, ...given.settings }, past, log)
}
