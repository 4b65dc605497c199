import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { answerError, batches, decimalOf, optional, requestError, retryAfter, structOf, types, wait } from '../../core/index.ts'

test('a wait ends with its time or with the signal, and leaves nothing behind', async () => {
  const control = new AbortController()
  assert.equal(await wait(1, control.signal), true)
  assert.equal(getEventListeners(control.signal, 'abort').length, 0)
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const long = wait(60_000, control.signal)
  control.abort()
  assert.equal(await long, false)
  assert.equal(await wait(60_000, control.signal), false)
  assert.equal(timers(), before)
})

test('batches keep the order and their bounds', () => {
  assert.deepEqual(batches([], { items: 2 }), [])
  assert.deepEqual(batches([1, 2, 3, 4, 5], { items: 2 }), [[1, 2], [3, 4], [5]])
  const bytesOf = (text: string) => text.length
  assert.deepEqual(batches(['aa', 'bb', 'cccccc', 'd'], { items: 10, bytes: 4, bytesOf }), [['aa', 'bb'], ['cccccc'], ['d']])
})

test('an HTTP answer becomes the error that tells the runtime what to do', () => {
  const answer = (status: number, headers: Record<string, string> = {}) =>
    answerError({ status, url: 'https://user:secret@a.example/v1/items?key=secret', headers: new Headers(headers) }, 'because')
  const busy = answer(503, { 'retry-after': '7' })
  assert.equal(busy.name, 'RetriableError')
  assert.equal((busy as { retryAfterMs?: number }).retryAfterMs, 7_000)
  assert.equal(busy.message, 'https://a.example/v1/items answered 503: because')
  assert.equal(answer(429).name, 'RetriableError')
  assert.equal(answer(422).name, 'DataError')
  assert.match(answer(401).message, /answered 401: because; check the credentials/)
  assert.equal(answer(404).name, 'Error')
})

test('Retry-After is read in seconds and as a date, and has a bound', () => {
  assert.equal(retryAfter('120', 0), 120_000)
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:30 GMT', 10_000), 20_000)
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:30 GMT', 90_000), 0)
  assert.equal(retryAfter('99999999', 0), 300_000)
  assert.equal(retryAfter('soon', 0), undefined)
  assert.equal(retryAfter(null, 0), undefined)
})

test('a request without an answer may pass later, unless we ended it ourselves', async () => {
  const lost = await fetch('http://127.0.0.1:1/').catch((error: unknown) => requestError(error, 'http://127.0.0.1:1'))
  assert.equal((lost as Error).name, 'RetriableError')
  assert.match((lost as Error).message, /^http:\/\/127\.0\.0\.1:1 got no answer: ./)
  const kill = AbortSignal.abort(new Error('given up'))
  assert.equal(
    ((await fetch('http://127.0.0.1:1/', { signal: kill }).catch((e: unknown) => requestError(e, 'x', kill))) as Error).message,
    'given up',
  )
})

test('a struct is declared like the object that it describes', () => {
  const schema = structOf({ id: types.int64, name: optional(types.string), price: decimalOf(2), at: types.timestamp }, { name: 'Item' })
  assert.deepEqual(
    schema.fields.map(({ name, index, schema: field }) => [name, index, field.type, field.optional]),
    [
      ['id', 0, 'int64', false],
      ['name', 1, 'string', true],
      ['price', 2, 'bytes', false],
      ['at', 3, 'int64', false],
    ],
  )
  assert.equal(schema.fields[2]!.schema.parameters?.['scale'], '2')
  assert.throws(
    () =>
      structOf([
        ['a', types.string],
        ['a', types.string],
      ]),
    /"a" occurs twice/,
  )
})
