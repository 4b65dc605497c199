import assert from 'node:assert/strict'
import { test } from 'node:test'
import { record } from '../../core/index.ts'
import { transformOf } from './apply.ts'

function route(regex: string, replacement: string, topic: string): string {
  return transformOf('RegexRouter', { regex, replacement }).apply(record(topic, null))!.topic
}

test('a topic that matches as a whole gets its new name', () => {
  assert.equal(route('(.*)', 'copy-$1', 'orders'), 'copy-orders')
  assert.equal(route('([^.]+)\\.([^.]+)\\.([^.]+)', '$3', 'server.public.orders'), 'orders')
  assert.equal(route('(?<schema>\\w+)\\.(?<table>\\w+)', '${table}_of_${schema}', 'public.orders'), 'orders_of_public')
  assert.equal(route('ord', 'x', 'orders'), 'orders')
  assert.equal(route('foo.bar', '\\$1', 'foo-bar'), '$1')
})

test('as in Java, the whole must match and the first find is replaced', () => {
  assert.equal(route('a|ab', 'X', 'ab'), 'Xb')
  assert.equal(route('(a)(1)?', '<$1$2>', 'a'), '<a>')
  assert.equal(route('(a)', '$10', 'a'), 'a0')
  assert.equal(route('\\Qa.b\\E.*', 'x', 'a.b.c'), 'x')
  assert.equal(route('(?i)ORDERS', 'x', 'orders'), 'x')
})

test('an untouched record is the same object, and the rest of a routed one stays', () => {
  const before = record('t', 'v', { key: 'k', partition: 3, origin: { partition: 'p', position: 1, seq: 0 } })
  assert.equal(transformOf('RegexRouter', { regex: 'u', replacement: 'x' }).apply(before), before)
  assert.deepEqual(transformOf('RegexRouter', { regex: 't', replacement: 'x' }).apply(before), { ...before, topic: 'x' })
})

test('what would fail with the first record fails at creation', () => {
  assert.throws(() => route('a', '$2', 'a'), /there is no group 2/)
  assert.throws(() => route('a', '${nope}', 'a'), /no group named nope/)
  assert.throws(() => route('a', 'x$', 'a'), /is no group/)
  assert.throws(() => route('a', 'x\\', 'a'), /ends with a backslash/)
  assert.throws(() => route('(', 'x', 'a'), /Invalid regex/)
})

test('patterns that RE2 cannot run, or would read otherwise, are refused', () => {
  for (const regex of ['a(?=b)', '(a)\\1', 'a++', '(?>a)', '[a-z&&[^b]]', '[a[b]]', '(?U)a', '(?x)a b', '[]a]']) {
    assert.throws(() => route(regex, 'x', 'a'), /Invalid regex/, regex)
  }
})

test('an empty name is an error, not a topic', () => {
  assert.throws(() => route('.*', '', 'a'), { name: 'DataError' })
})

test('a pattern that would run for ever elsewhere ends', () => {
  assert.equal(route('(a+)+$', 'x', `${'a'.repeat(60)}b`), `${'a'.repeat(60)}b`)
})
