import assert from 'node:assert/strict'
import { test } from 'node:test'
import { arrayOf, optional, primitive, record, structOf, type ConnectRecord } from '../../core/index.ts'
import { transformOf } from './apply.ts'

const name = 'ExtractNewRecordState'
const row = structOf(
  [
    ['id', primitive('int32')],
    ['name', primitive('string', { optional: true, defaultValue: 'anonymous' })],
    ['site', primitive('string', { optional: true })],
  ],
  { name: 'srv.public.users.Value', optional: true },
)
const source = structOf([
  ['table', primitive('string')],
  ['ts_ms', primitive('int64')],
  ['lsn', primitive('int64', { optional: true, defaultValue: 1n })],
])
const transaction = structOf([['id', primitive('string')]], { optional: true })
const envelope = structOf(
  [
    ['before', row],
    ['after', row],
    ['source', source],
    ['transaction', transaction],
    ['op', primitive('string')],
    ['ts_ms', primitive('int64', { optional: true })],
  ],
  { name: 'srv.public.users.Envelope' },
)
const alice = { id: 1, name: 'Alice', site: 'eu' }
const bob = { id: 1, name: 'Bob', site: 'us' }
const origin = { partition: '{"server":"srv"}', position: 77, seq: 2 }

function event(op: string, before: object | null, after: object | null): ConnectRecord {
  const value = { before, after, source: { table: 'users', ts_ms: 5n, lsn: 77n }, transaction: null, op, ts_ms: 6n }
  return record('srv.public.users', value, {
    key: { id: 1 },
    keySchema: structOf([['id', primitive('int32')]]),
    valueSchema: envelope,
    timestamp: 6,
    origin,
  })
}
const create = event('c', null, alice)
const update = event('u', alice, bob)
const remove = event('d', alice, null)
const tombstone = record('srv.public.users', null, { key: { id: 1 }, origin: { ...origin, seq: 3 } })

test('a change becomes its row; key, timestamp and origin stay', () => {
  const unwrapped = transformOf(name).apply(update)!
  assert.deepEqual(unwrapped.value, bob)
  assert.equal(unwrapped.valueSchema!.name, 'srv.public.users.Value')
  assert.deepEqual([unwrapped.key, unwrapped.timestamp, unwrapped.origin, unwrapped.topic], [{ id: 1 }, 6, origin, 'srv.public.users'])
  const transform = transformOf(name)
  assert.equal(transform.apply(create)!.valueSchema, transform.apply(update)!.valueSchema)
})

test('each mode does with deletes and tombstones what it says', () => {
  const outcome = (mode: string) => {
    const transform = transformOf(name, { 'delete.tombstone.handling.mode': mode })
    return [transform.apply(remove), transform.apply(tombstone)].map((one) => one && [one.value, one.valueSchema?.fields.length ?? null])
  }
  assert.deepEqual(outcome('drop'), [null, null])
  assert.deepEqual(outcome('tombstone'), [[null, null], null])
  assert.deepEqual(outcome('delete-to-tombstone'), [[null, null], null])
  assert.deepEqual(outcome('rewrite'), [[{ ...alice, __deleted: 'true' }, 4], null])
  assert.deepEqual(outcome('rewrite-with-tombstone'), [
    [{ ...alice, __deleted: 'true' }, 4],
    [null, null],
  ])
  assert.deepEqual(transformOf(name, { 'delete.tombstone.handling.mode': 'rewrite' }).apply(create)!.value, {
    ...alice,
    __deleted: 'false',
  })
})

test('fields of the envelope are added under their prefixed names, optional', () => {
  const transform = transformOf(name, { 'add.fields': 'op,table,source.ts_ms,lsn:position,transaction.id' })
  const { value, valueSchema } = transform.apply(create)!
  assert.deepEqual(value, { ...alice, __op: 'c', __table: 'users', __source_ts_ms: 5n, __position: 77n, __transaction_id: null })
  for (const field of valueSchema!.fields.slice(3)) assert.deepEqual([field.schema.optional, field.schema.defaultValue], [true, undefined])
  assert.deepEqual(transformOf(name, { 'add.fields': 'op', 'add.fields.prefix': '' }).apply(create)!.value, { ...alice, op: 'c' })
})

test('headers are added after those that are there, on tombstones the operation only', () => {
  const transform = transformOf(name, {
    'add.headers': 'op,source.lsn',
    'add.headers.prefix': 'x.',
    'delete.tombstone.handling.mode': 'rewrite-with-tombstone',
  })
  const present = [{ key: 'h', value: 1n, schema: null }]
  const headers = transform.apply({ ...create, headers: present })!.headers
  assert.deepEqual(
    headers.map(({ key, value }) => [key, value]),
    [
      ['h', 1n],
      ['x.op', 'c'],
      ['x.source_lsn', 77n],
    ],
  )
  assert.deepEqual(
    transform.apply(tombstone)!.headers.map(({ key, value }) => [key, value]),
    [['x.op', 'd']],
  )
})

test('unknown, doubled and malformed additions are told', () => {
  assert.throws(() => transformOf(name, { 'add.fields': 'tabel' }).apply(create), /no field "source.tabel" to add/)
  assert.throws(() => transformOf(name, { 'add.fields': 'op,op' }), /adds "__op" twice/)
  assert.throws(() => transformOf(name, { 'add.headers': 'a.b.c' }), /Unexpected field name/)
  assert.throws(() => transformOf(name, { 'add.fields': 'op:name', 'add.fields.prefix': '' }).apply(create), /"name" occurs twice/)
  assert.throws(() => transformOf(name, { 'drop.tombstones': 'false' }), /delete\.tombstone\.handling\.mode/)
  assert.throws(() => transformOf(name, { 'delete.tombstone.handling.mode': 'none' }), /must be one of/)
})

test('the topic may come from a field of the row, for deletes of the row before', () => {
  const transform = transformOf(name, { 'route.by.field': 'site' })
  assert.equal(transform.apply(update)!.topic, 'us')
  assert.equal(transform.apply(remove)!.topic, 'eu')
  assert.equal(transform.apply(event('c', null, { ...alice, site: null }))!.topic, 'srv.public.users')
  assert.throws(() => transformOf(name, { 'route.by.field': 'id' }).apply(create), /"id".*is not text/)
  assert.throws(() => transformOf(name, { 'route.by.field': 'nope' }).apply(create), /no field "nope"/)
})

test('a header may list fields to drop, the optional ones unless told otherwise', () => {
  const headers = [{ key: 'drop', value: ['id', 'site'], schema: arrayOf(primitive('string')) }]
  const apply = (raw: Record<string, string>) =>
    transformOf(name, { 'drop.fields.header.name': 'drop', ...raw }).apply({ ...create, headers })!
  assert.deepEqual(apply({}).value, { id: 1, name: 'Alice' })
  assert.deepEqual(apply({ 'drop.fields.keep.schema.compatible': 'false' }).value, { name: 'Alice' })
  assert.deepEqual(apply({ 'drop.fields.keep.schema.compatible': 'false' }).key, { id: 1 })
  assert.deepEqual(apply({ 'drop.fields.keep.schema.compatible': 'false', 'drop.fields.from.key': 'true' }).key, {})
  assert.deepEqual(transformOf(name, { 'drop.fields.header.name': 'drop' }).apply(create)!.value, alice)
})

test('nulls stay nulls, but for the rewrite modes as in Debezium', () => {
  const nameless = event('c', null, { ...alice, name: null })
  assert.equal((transformOf(name).apply(nameless)!.value as { name: unknown }).name, null)
  const rewrite = { 'delete.tombstone.handling.mode': 'rewrite' }
  assert.equal((transformOf(name, rewrite).apply(nameless)!.value as { name: unknown }).name, 'anonymous')
  assert.equal(
    (transformOf(name, { ...rewrite, 'replace.null.with.default': 'false' }).apply(nameless)!.value as { name: unknown }).name,
    null,
  )
})

test('a truncate is dropped, and what is no envelope passes', () => {
  assert.equal(transformOf(name).apply(event('t', null, null)), null)
  const heartbeat = record(
    'hb',
    { ts_ms: 1n },
    { valueSchema: structOf([['ts_ms', primitive('int64')]], { name: 'io.debezium.connector.common.Heartbeat' }) },
  )
  assert.equal(transformOf(name).apply(heartbeat), heartbeat)
  const text = record('t', 'text', { valueSchema: optional(primitive('string')) })
  assert.equal(transformOf(name).apply(text), text)
})

test('an envelope without a schema is unwrapped too', () => {
  const plain = (value: object) => record('t', value)
  const transform = transformOf(name, { 'add.fields': 'op,source.lsn', 'delete.tombstone.handling.mode': 'rewrite' })
  const parts = { source: { lsn: 4n }, op: 'u' }
  assert.deepEqual(transform.apply(plain({ before: null, after: { id: 1n }, ...parts }))!.value, {
    id: 1n,
    __op: 'u',
    __source_lsn: 4n,
    __deleted: 'false',
  })
  assert.deepEqual(transform.apply(plain({ before: { id: 1n }, after: null, ...parts }))!.value, {
    id: 1n,
    __op: 'u',
    __source_lsn: 4n,
    __deleted: 'true',
  })
  const other = plain({ op: 'x', id: 1n })
  assert.equal(transform.apply(other), other)
})
