import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { datePattern, datePatternFault } from '../../transforms/date-pattern.ts'
import { zoneOf } from '../../transforms/zones.ts'

test('every letter is written as SimpleDateFormat writes it in UTC', () => {
  const at = Date.parse('2023-11-05T22:03:04.007Z')
  const cases: readonly (readonly [string, string])[] = [
    ['G yyyy yy y MMMM MMM MM M', 'AD 2023 23 2023 November Nov 11 11'],
    ['dd d D DDD F', '05 5 309 309 1'],
    ['EEEE EEE u', 'Sunday Sun 7'],
    ['HH kk KK hh a', '22 22 10 10 PM'],
    ['mm m ss s SSS', '03 3 04 4 007'],
    ['z zzzz Z X XX XXX', 'UTC Coordinated Universal Time +0000 Z Z Z'],
    ['YYYY ww W', '2023 45 2'],
    ["'at' yyyy''MM", "at 2023'11"],
  ]
  for (const [pattern, text] of cases) assert.equal(datePattern(pattern).format(at), text, pattern)
  assert.equal(datePattern('YYYY-ww').format(Date.parse('2024-12-31T00:00:00Z')), '2025-01')
  assert.equal(datePattern('G y').format(Date.parse('-000001-01-01T00:00:00Z')), 'BC 2')
})

test('what is written is read back the same', () => {
  const patterns = [
    "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    'yyyyMMddHHmmssSSS',
    'd MMMM yyyy h:mm:ss.SSS a z',
    'E, dd MMM yyyy HH:mm:ss.SSS Z',
    'yyyy DDD k:mm:ss.SSS',
  ]
  fc.assert(
    fc.property(fc.integer({ min: -50_000_000_000_000, max: 250_000_000_000_000 }), (ms) => {
      for (const pattern of patterns) {
        const { format, parse } = datePattern(pattern)
        assert.equal(parse(format(ms)), ms, `${pattern}: ${format(ms)}`)
      }
    }),
  )
})

test('what is no such date is refused, where Java makes up another', () => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['yyyy-MM-dd', '2023-02-30', /no such day/],
    ['yyyy-MM-dd', '2023-13-01', /no month/],
    ['yyyy-MM-dd', '2023-01-01 ', /something follows/],
    ['yyyy-MM-dd', '24-01-01', /no year/],
    ['HH:mm', '25:61', /no hour/],
    ['E yyyy-MM-dd', 'Mon 2023-11-14', /that day is a Tuesday/],
    ['ss.SSS', '20.123456', /three digits/],
    ['ss.SSS', '20.1', /three digits/],
    ['HH a', '22 AM', /differ/],
    ['yyyy DDD', '2023 366', /no such day/],
    ['X', '+99', /no time zone/],
    ['z', 'EST', /no time zone/],
  ]
  for (const [pattern, text, message] of wrong)
    assert.throws(() => datePattern(pattern).parse(text), { name: 'DataError', message }, `${pattern} ${text}`)
  assert.equal(datePattern('dd/MM/yy').parse('1/2/24'), Date.parse('2024-02-01T00:00:00Z'))
})

test('wrong patterns are told', () => {
  for (const pattern of ['bb', "'open", 'XXXX', 'SSSS', 'S', 'y'.repeat(300)])
    assert.notEqual(datePatternFault(pattern), undefined, pattern)
  assert.equal(datePatternFault('YYYY-ww'), undefined)
  assert.match(datePatternFault('YYYY-ww', true)!, /written but not read/)
})

test('zones know their offsets, the hour that comes twice and the one that is left out', () => {
  const berlin = zoneOf('Europe/Berlin')
  const hours = (ms: number) => ms / 3_600_000
  assert.equal(hours(berlin.offsetAt(Date.parse('2023-07-01T00:00:00Z'))), 2)
  assert.equal(hours(berlin.offsetAt(Date.parse('2023-12-01T00:00:00Z'))), 1)
  assert.equal(hours(berlin.offsetAtLocal(Date.parse('2023-10-29T02:30:00Z'))), 2)
  assert.equal(hours(berlin.offsetAtLocal(Date.parse('2023-03-26T02:30:00Z'))), 1)
  assert.equal(hours(zoneOf('-03:30').offsetAt(0)), -3.5)
})
