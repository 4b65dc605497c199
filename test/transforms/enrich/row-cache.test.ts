import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RowCache } from '../../../transforms/enrich/row-cache.ts'
import { rowOf } from '../../../transforms/enrich/lookup.ts'

test('the cache stays within its bytes, and keeps what is used', () => {
  const cache = new RowCache(100_000)
  cache.set('hot', rowOf(['x']), Infinity)
  for (let key = 0; key < 5_000; key++) {
    cache.set(String(key), rowOf([`value ${key}`]), Infinity)
    assert.notEqual(cache.get('hot', 0), undefined)
    assert.ok(cache.bytes <= 100_000, String(cache.bytes))
  }
  assert.equal(cache.get('0', 0), undefined)
  assert.notEqual(cache.get('4999', 0), undefined)
})

test('what is too old is asked for again, what is too large is not kept', () => {
  const cache = new RowCache(10_000)
  cache.set('a', 'missing', 5)
  assert.deepEqual([cache.get('a', 4), cache.get('a', 5)], ['missing', undefined])
  cache.set('a', rowOf([1]), 10)
  assert.deepEqual(cache.get('a', 9), rowOf([1]))
  cache.set('large', rowOf(['x'.repeat(10_000)]), Infinity)
  assert.equal(cache.get('large', 0), undefined)
  cache.clear()
  assert.deepEqual([cache.bytes, cache.get('a', 0)], [0, undefined])
})
