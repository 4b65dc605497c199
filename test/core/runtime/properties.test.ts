import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseProperties } from '../../../core/runtime/properties.ts'

test('the examples of java.util.Properties read as documented', () => {
  assert.deepEqual(parseProperties('Truth = Beauty\n Truth:Beauty2\nTruth                    :Beauty3'), { Truth: 'Beauty3' })
  assert.deepEqual(parseProperties('fruits    apple, banana, pear, \\\n          cantaloupe, watermelon, \\\n          kiwi, mango'), {
    fruits: 'apple, banana, pear, cantaloupe, watermelon, kiwi, mango',
  })
  assert.deepEqual(parseProperties('cheeses\n'), { cheeses: '' })
  assert.deepEqual(parseProperties('\\:\\= = x\n# a comment = no\n! neither\n\n  key\\ with\\ spaces : v'), {
    ':=': 'x',
    'key with spaces': 'v',
  })
  assert.deepEqual(parseProperties('path=C:\\\\dir\\nnext\\u00e9\nurl=a=b:c\r\nlast=\\\n  end \n'), {
    path: 'C:\\dir\nnexté',
    url: 'a=b:c',
    last: 'end ',
  })
  assert.deepEqual(Object.keys(parseProperties('__proto__ = x')), ['__proto__'])
})

test('whatever is escaped comes back', () => {
  const escape = (text: string) =>
    text.replace(/[\s\\=:#!]/gu, (one) => ({ '\n': '\\n', '\r': '\\r', '\t': '\\t', '\f': '\\f' })[one] ?? `\\${one}`)
  const texts = fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((text) => text.replace(/[\v\0]/g, ''))
  fc.assert(
    fc.property(fc.dictionary(texts, texts), (entries) => {
      const file = Object.entries(entries)
        .map(([key, value]) => `${escape(key)}=${escape(value)}\n`)
        .join('')
      assert.deepEqual(Object.entries(parseProperties(file)).sort(), Object.entries(entries).sort())
    }),
  )
})
