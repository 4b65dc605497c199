import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainCopy } from '../../transforms/plain-copy.ts'

const name = fc.oneof(fc.constantFrom('a', 'b', '__proto__', '1', 'toString', '\u2028"'), fc.string({ maxLength: 3 }))

test('the copy of an object is the same however often its kind came before', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uniqueArray(name, { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
      fc.array(fc.tuple(fc.nat(2), fc.integer()), { maxLength: 30 }),
      (kinds, rows) => {
        const copy = plainCopy(() => ({
          nameOf: (member) => (member === 'b' ? undefined : member === 'a' ? 'renamed' : member),
          changes: (member) => member === '1',
        }))
        for (const [which, value] of rows) {
          const members = kinds[which % kinds.length]!.map((member, index) => [member, value + index] as const)
          const expected = members
            .filter(([member]) => member !== 'b')
            .map(([member, one]) => [member === 'a' ? 'renamed' : member, member === '1' ? `1=${one}` : one] as const)
          // Two members of one name are the caller's to refuse.
          if (new Set(expected.map(([member]) => member)).size < expected.length) continue
          const copied = copy(Object.fromEntries(members), (member, one) => `${member}=${String(one)}`)
          assert.deepEqual(Object.entries(copied), Object.entries(Object.fromEntries(expected)))
          assert.equal(Object.getPrototypeOf(copied), Object.prototype)
        }
      },
    ),
  )
})
