import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { record, type Schema, structOf, primitive, optional, mapOf, arrayOf, logical } from '../../core/index.ts'
import { readTree, treeText, type Tree, type TreeObject } from '../../core/runtime/preview/exact-tree.ts'
import { recordChanges } from '../../core/runtime/preview/record-changes.ts'
import { readSample } from '../../core/runtime/preview/sample.ts'
import { Showing } from '../../core/runtime/preview/shown.ts'

test('a JSON text comes back as it was, numbers in their own spelling', () => {
  for (const text of [
    '1.50',
    '1e400',
    '-0',
    '9007199254740993',
    '{"__proto__":1,"a":[1.0,null]}',
    '"\\u0000"',
    '{"constructor":{"prototype":1}}',
  ]) {
    assert.equal(treeText(readTree(text)), text)
  }
  fc.assert(fc.property(fc.json(), (text) => assert.equal(treeText(readTree(text)), text)))
})

test('a secret is taken out of names, texts and numbers', () => {
  const redact = (text: string) => text.replaceAll('1234', '[hidden]')
  assert.equal(treeText(readTree('{"1234":["a1234",12345,1.234,"x"]}', redact)), '{"[hidden]":["a[hidden]","[hidden]5",1.234,"x"]}')
})

test('changes name the places that differ, and nothing else', () => {
  const before = readTree('{"topic":"t","value":{"a":{"b":1,"c.d":2},"l":[1,2,3],"n":null,"s":{"x":1}},"valueSchema":{"type":"struct"}}')
  const after = readTree('{"topic":"t","value":{"a":{"b":1.0,"c.d":3},"l":[1,9],"n":{},"new":true,"s":"x"},"valueSchema":null}')
  assert.deepEqual(
    recordChanges(before as TreeObject, after as TreeObject).map(({ path, change }) => `${change} ${path}`),
    [
      'changed value.a.b',
      'changed value.a["c.d"]',
      'changed value.l[1]',
      'removed value.l[2]',
      'changed value.n',
      'changed value.s',
      'added value.new',
      'changed valueSchema',
    ],
  )
  fc.assert(fc.property(fc.json(), (text) => assert.deepEqual(recordChanges({ value: readTree(text) }, { value: readTree(text) }), [])))
})

test('a shown record given as a sample is the same record again', () => {
  const all: Schema = structOf([
    ['id', primitive('int64')],
    ['price', primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: '3' } })],
    ['bytes', primitive('bytes')],
    ['map', mapOf(primitive('string'), primitive('int64'))],
    ['pairs', mapOf(primitive('int32'), primitive('string'))],
    ['list', arrayOf(optional(primitive('float64')))],
    ['at', primitive('int64', { name: logical.timestamp, version: 1 })],
    ['none', optional(primitive('string'))],
  ])
  const given = record(
    't',
    {
      id: -9223372036854775808n,
      price: { unscaled: 12_345_678_901_234_567_890n, scale: 3 },
      bytes: Buffer.from([0, 255]),
      map: new Map([['a', 9007199254740993n]]),
      pairs: new Map([[1, 'x']]),
      list: [1.5, null],
      at: 1_700_000_000_000n,
      none: null,
    },
    {
      key: { id: 1n },
      keySchema: structOf([['id', primitive('int64')]]),
      valueSchema: all,
      partition: 3,
      timestamp: 7,
      headers: [{ key: 'h', value: 5n, schema: primitive('int64') }],
    },
  )
  const { headers, ...shown } = new Showing([]).record(given)
  const text = treeText({ ...shown, headers: headers as Tree })
  const sample = readSample(text, 1, 'other')
  assert.ok('record' in sample)
  assert.deepEqual(sample.record, given)
})

test('a value that breaks its schema is shown as it is, and said to be unfit', () => {
  const { value, unfit } = new Showing([]).record(record('t', { id: 'text' }, { valueSchema: structOf([['id', primitive('int64')]]) }))
  assert.deepEqual(value, { id: 'text' })
  assert.match(String((unfit as readonly Tree[])[0]), /^value: .*id/)
})
