import assert from 'node:assert/strict'
import { test } from 'node:test'
import { record, structOf, types } from 'millrace'
import { transformOf } from 'millrace/testing'
import plugin from '../src/index.ts'

const slug = (config: Record<string, string> = {}) => transformOf(plugin, 'Slug', { field: 'title', ...config })

test('a slug is lower case, without accents, with hyphens, and not too long', () => {
  const slugs = ['Crème brûlée!', '  10 Ways -- to WIN ', 'Größe', '日本 語', '***', '']
  assert.deepEqual(
    slugs.map((title) => slug().apply(record('t', { title }))?.value),
    ['creme-brulee', '10-ways-to-win', 'große', '日本-語', '', ''].map((made, index) => ({ title: slugs[index], slug: made })),
  )
  assert.deepEqual(slug({ 'length.max': '5' }).apply(record('t', { title: 'abcd efgh' }))?.value, { title: 'abcd efgh', slug: 'abcd' })
})

test('the schema gets the field once, at the end, and is the same object for the same schema', () => {
  const schema = structOf({ slug: types.int32, title: types.string }, { name: 'Article', version: 3 })
  const transform = slug()
  const [first, second] = ['a b', 'c'].map((title) => transform.apply(record('t', { slug: 1, title }, { valueSchema: schema })))
  assert.deepEqual(
    first?.valueSchema?.fields.map(({ name, index, schema: { type } }) => [name, index, type]),
    [
      ['title', 0, 'string'],
      ['slug', 1, 'string'],
    ],
  )
  assert.deepEqual([first?.valueSchema?.name, first?.valueSchema?.version], ['Article', 3])
  assert.equal(second?.valueSchema, first?.valueSchema)
})

test('what is no text, and a schema without the field, are refused by name', () => {
  assert.throws(() => slug().apply(record('t', { title: 5 })), { name: 'DataError', message: 'Field "title" is no text but number' })
  assert.throws(() => slug().apply(record('t', 'text')), /it is no struct/)
  const schema = structOf({ id: types.int64 }, { name: 'Article' })
  assert.throws(() => slug().apply(record('t', { id: 1n }, { valueSchema: schema })), /schema Article has no field "title"/)
})
