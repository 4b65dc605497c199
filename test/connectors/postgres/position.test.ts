import assert from 'node:assert/strict'
import { test } from 'node:test'
import postgres from '../../../connectors/postgres/index.ts'
import type { Offsets } from '../../../core/index.ts'

const check = (offsets: Offsets) => postgres.sources![0]!.checkOffsets!(offsets, { 'topic.prefix': 'shop' } as never)

test('offsets written by hand must be of this connector, and readable', () => {
  check({ '{"server":"shop"}': { lsn: 4096 } })
  check({ '{"server":"shop"}': null, '{"server":"an older prefix"}': null })
  assert.throws(() => check({ '{"server":"other"}': { lsn: 4096 } }), /not this connector's.*must be \{"server":"shop"\} \(topic\.prefix\)/)
  assert.throws(() => check({ '{"database":"shop"}': { lsn: 4096 } }), /not one of a Postgres source/)
  assert.throws(() => check({ '{"server":"shop"}': { lsn: 'x' } }), /lsn/)
})
