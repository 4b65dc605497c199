import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exactJson } from '../../core/runtime/letters/exact-json.ts'
import { entriesOf, offsetsOf } from '../../core/runtime/offset-entries.ts'

test('a dead letter loses no digit, byte or key', () => {
  const value = {
    big: 9223372036854775807n,
    bytes: new Uint8Array([0, 255]),
    map: new Map<unknown, unknown>([[{ k: 1n }, null]]),
    nan: NaN,
    infinite: -Infinity,
    decimal: { unscaled: -12345678901234567890n, scale: 4 },
    ['__proto__']: 'own',
    list: [undefined, 'ü"\n'],
  }
  assert.equal(
    exactJson(value),
    '{"big":9223372036854775807,"bytes":{"base64":"AP8="},"map":{"map":[[{"k":1},null]]},"nan":"NaN","infinite":"-Infinity","decimal":{"unscaled":-12345678901234567890,"scale":4},"__proto__":"own","list":[null,"ü\\"\\n"]}',
  )
})

test('positions are shown without the counters of the loop, and a partition is found whatever the order of its keys', () => {
  const known = { '{"server":"s","db":"d"}': { lsn: 5 }, '#flush/0': 3, plain: 7 }
  assert.deepEqual(entriesOf(known), [
    { partition: { server: 's', db: 'd' }, offset: { lsn: 5 } },
    { partition: { partition: 'plain' }, offset: { position: 7 } },
  ])
  assert.deepEqual(offsetsOf([{ partition: { db: 'd', server: 's' }, offset: { lsn: 6 } }], known), {
    '{"server":"s","db":"d"}': { lsn: 6 },
  })
  assert.deepEqual(offsetsOf([{ partition: { partition: 'plain' }, offset: { position: 8 } }], known), { plain: 8 })
  assert.deepEqual(offsetsOf([{ partition: { partition: 'plain' }, offset: null }], known), { plain: null })
  assert.deepEqual(offsetsOf([{ partition: { server: 'x' }, offset: null }], known), { '{"server":"x"}': null })
  const twice = { partition: { server: 'x' }, offset: null }
  assert.throws(() => offsetsOf([twice, twice], known), { name: 'BadRequestError' })
})
