import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePlace } from '../../../../connectors/kafka/source/place.ts'
import { checkKafkaOffsets, keyOf, partitionOf, positionsOf } from '../../../../connectors/kafka/source/position.ts'
import { patternFault, topicPattern } from '../../../../connectors/kafka/source/topic-pattern.ts'
import { dealtTo } from '../../../../connectors/kafka/source/dealt-share.ts'

test('start and end are words, times or offsets', () => {
  assert.deepEqual(parsePlace(' latest '), { kind: 'latest' })
  assert.deepEqual(parsePlace('1769860800000'), { kind: 'timestamp', ms: 1_769_860_800_000 })
  assert.deepEqual(parsePlace('2026-01-31T13:00:00+01:00'), { kind: 'timestamp', ms: 1_769_860_800_000 })
  assert.deepEqual(parsePlace('{"a.b": {"0": 5, "12": 0}}'), {
    kind: 'offsets',
    offsets: new Map([
      [
        'a.b',
        new Map([
          [0, 5],
          [12, 0],
        ]),
      ],
    ]),
  })
})

test('a place that is none is refused with the reason', () => {
  for (const [given, reason] of [
    ['yesterday', /neither earliest nor latest/],
    // Without a zone it would mean another instant on every machine.
    ['2026-01-31T12:00:00', /neither earliest nor latest/],
    ['{"a": 5}', /topic "a" must have an object of partitions/],
    ['{"a": {"x": 5}}', /"x" is no partition number/],
    ['{"a": {"0": -1}}', /an offset is a non-negative integer, not -1/],
    ['{"a": {"0": 1}', /it is not JSON/],
  ] as const) {
    assert.throws(() => parsePlace(given), reason)
  }
})

test("a partition's key is found again however its members are ordered", () => {
  const place = { topic: 'orders', partition: 3 }
  assert.equal(keyOf(place), '{"kafka_topic":"orders","kafka_partition":3}')
  assert.deepEqual(partitionOf('{"kafka_partition":3,"kafka_topic":"orders"}'), place)
  assert.equal(partitionOf('{"server":"pg"}'), undefined)
  assert.deepEqual(
    [...positionsOf({ '{"kafka_partition":3,"kafka_topic":"orders"}': { kafka_offset: 7 } })],
    [[keyOf(place), { offset: 7 }]],
  )
})

test('offsets that Kafka could not have are refused by name', () => {
  assert.throws(() => checkKafkaOffsets({ '{"server":"pg"}': { lsn: 1 } }), /is not one of Kafka/)
  assert.throws(() => checkKafkaOffsets({ '{"kafka_topic":"a","kafka_partition":0}': { kafka_offset: -1 } }), /non-negative integer/)
  checkKafkaOffsets({ '{"kafka_topic":"a","kafka_partition":0}': null })
})

test('topics.regex means the whole name, and what RE2 reads otherwise than Java is refused', () => {
  assert.equal(topicPattern('shop\\..*')('shop.orders'), true)
  assert.equal(topicPattern('shop')('shop.orders'), false)
  assert.match(patternFault('[a-z&&[^q]]+')!, /intersections/)
  assert.match(patternFault('(?=a)b')!, /Invalid regex/)
  assert.equal(patternFault('[[:alpha:]]+\\[x'), undefined)
})

test('partitions dealt by number fall to every task alike', () => {
  const counts = [0, 0, 0]
  for (let partition = 0; partition < 12; partition++) counts[dealtTo({ topic: 'orders', partition }, 3)]!++
  assert.deepEqual(counts, [4, 4, 4])
})
