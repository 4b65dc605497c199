import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DataError, primitive, record, structOf } from '../../../core/index.ts'
import { celForm } from '../../../transforms/expression/other-languages.ts'
import { predicateOf, transformOf } from '../apply.ts'

const row = structOf(
  [
    ['id', primitive('int32')],
    ['state', primitive('string', { optional: true })],
  ],
  { optional: true },
)
const envelope = structOf(
  [
    ['before', row],
    ['after', row],
    ['op', primitive('string')],
  ],
  { name: 'shop.orders.Envelope' },
)
const change = (op: string, before: object | null, after: object | null, topic = 'shop.orders') =>
  record(topic, { before, after, op }, { valueSchema: envelope })

test('Filter keeps what is true and drops what is false', () => {
  const filter = transformOf('millrace.transforms.Filter', { condition: 'value.op == "u" && value.before.id == 2' })
  const kept = change('u', { id: 2, state: null }, null)
  assert.equal(filter.apply(kept), kept)
  assert.equal(filter.apply(change('u', { id: 3, state: null }, null)), null)
  assert.equal(filter.apply(change('c', null, { id: 2, state: null })), null)
  assert.throws(
    () => filter.apply(change('u', null, null)),
    (error: Error) => error instanceof DataError && /value\.before is null/.test(error.message),
  )
  const plain = record('t', { op: 'u', before: { id: 2n } })
  assert.equal(filter.apply(plain), plain)
})

test('Filter takes tombstones as null.handling.mode says', () => {
  const tombstone = record('t', null)
  const filter = (mode: string) => transformOf('millrace.transforms.Filter', { condition: 'value == null', 'null.handling.mode': mode })
  assert.equal(filter('keep').apply(tombstone), tombstone)
  assert.equal(filter('drop').apply(tombstone), null)
  assert.equal(filter('evaluate').apply(tombstone), tombstone)
  assert.throws(
    () => transformOf('millrace.transforms.Filter', { condition: 'value.a == 1', 'null.handling.mode': 'evaluate' }).apply(tombstone),
    DataError,
  )
})

test('a condition that is null is an error, or drops the record', () => {
  const one = record('t', { flag: null })
  assert.throws(() => transformOf('millrace.transforms.Filter', { condition: 'value.flag' }).apply(one), /condition is null/)
  assert.equal(transformOf('millrace.transforms.Filter', { condition: 'value.flag', 'null.result': 'drop' }).apply(one), null)
  assert.throws(() => transformOf('millrace.transforms.Filter', { condition: 'value.flag + 1' }).apply(one), DataError)
  assert.throws(() => transformOf('millrace.transforms.Filter', { condition: '1 + 1' }), /must be a bool, but is int/)
})

test("Debezium's Filter takes its keys, and CEL", () => {
  const config = { condition: 'value.op == "d"', language: 'cel', 'topic.regex': 'shop\\..*' }
  const filter = transformOf('debezium.transforms.Filter', config)
  const other = change('c', null, null, 'other')
  assert.equal(filter.apply(other), other)
  assert.equal(filter.apply(change('c', null, null)), null)
  const deleted = change('d', null, null)
  assert.equal(filter.apply(deleted), deleted)
  const tombstone = record('shop.orders', null)
  assert.equal(filter.apply(tombstone), tombstone)
  assert.equal(transformOf('debezium.transforms.Filter', { ...config, 'null.handling.mode': 'drop' }).apply(tombstone), null)
  assert.throws(() => transformOf('debezium.transforms.Filter', { ...config, 'topic.regex': '(' }), /topic\.regex/)
})

test("Debezium's router takes its keys, and CEL", () => {
  const router = transformOf('debezium.transforms.ContentBasedRouter', {
    language: 'cel',
    'topic.expression': 'value.op == "u" ? "updates" : value.op == "d" ? topic + ".deleted" : null',
    'topics.max': '2',
  })
  const created = change('c', null, null)
  assert.equal(router.apply(created), created)
  const updated = router.apply(change('u', null, null))!
  assert.deepEqual([updated.topic, updated.valueSchema], ['updates', envelope])
  assert.equal(router.apply(change('d', null, null))!.topic, 'shop.orders.deleted')
  assert.throws(() => router.apply(change('d', null, null, 'third')), /topics\.max/)
  assert.throws(
    () => transformOf('debezium.transforms.ContentBasedRouter', { 'topic.expression': '"a/b"' }).apply(created),
    /no name for one/,
  )
  assert.throws(() => transformOf('debezium.transforms.ContentBasedRouter', { 'topic.expression': '1' }), /must be a string, but is int/)
})

test('other languages are refused with the CEL form where it is simple', () => {
  const refusal = (language: string, condition: string) => {
    try {
      transformOf('debezium.transforms.Filter', { language, condition })
    } catch (error) {
      return (error as Error).message
    }
    return 'taken'
  }
  assert.match(
    refusal('jsr223.groovy', "value.op == 'u' && value.before.id == 2"),
    /jsr223\.groovy would run code.*set language=cel and keep condition as it is/,
  )
  assert.match(refusal('jsr223.graal.js', "value.get('op') === 'u'"), /set language=cel and condition=value\.op == 'u'$/)
  assert.match(refusal('jsr223.groovy', 'value.after.items.collect { it.x }.any()'), /write condition in CEL/)
  for (const [from, to] of [
    ["value.after?.state == 'a'", "coalesce(value.after.state, null) == 'a'"],
    ["value.op != 'r' || !(topic == 'x')", "value.op != 'r' || !(topic == 'x')"],
    ["value.getStruct('after').getInt32('id') > 2;", 'value.after.id > 2'],
    ["value.op.equals('u')", "value.op == 'u'"],
    ["headers.kind.value == 'a' ? 'topic-a' : null", "headers.kind == 'a' ? 'topic-a' : null"],
    ["value.after.name.toLowerCase() == '=> {'", "value.after.name.lower() == '=> {'"],
    ["key.id == 1 && value.after.state in ['a', 'b']", "key.id == 1 && value.after.state in ['a', 'b']"],
    ['"x ${value.op}"', undefined],
    ['value.op ==~ /a/', undefined],
    ['x = 1', undefined],
    ['System.exit(1)', undefined],
    ["valueSchema.name == 'x'", "valueSchema.name == 'x'"],
  ] as const) {
    assert.equal(celForm(from), to, from)
  }
})

test('Matches decides for predicates', () => {
  const predicate = predicateOf('Matches', { condition: 'coalesce(value.after.id, 0) > 1 && topic.endsWith("orders")' })
  assert.equal(predicate.test(change('c', null, { id: 2, state: null })), true)
  assert.equal(predicate.test(change('c', null, { id: 1, state: null })), false)
  assert.equal(predicate.test(record('shop.orders', null)), false)
  assert.throws(() => predicateOf('Matches', { condition: 'coalesce(value.flag, null)' }).test(record('t', {})), DataError)
  assert.throws(() => predicateOf('Matches', { condition: 'value.' }), /Expected IDENTIFIER/)
})
