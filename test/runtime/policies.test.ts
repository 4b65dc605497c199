import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GapError, RetriableError } from '../../core/contract/errors.ts'
import type { SourceTask } from '../../core/contract/source.ts'
import { idle } from '../../core/contract/record.ts'
import { failure, failureOf } from '../../core/runtime/failure.ts'
import { runtimeSettings } from '../../core/runtime/framework-config.ts'
import { RateWindow } from '../../core/runtime/rate-window.ts'
import { RestartPolicy } from '../../core/runtime/restart-policy.ts'
import { Retry, retryDelayMs, RetryingSource } from '../../core/runtime/retry.ts'
import { passwordsOf, redactor } from '../../core/runtime/secrets.ts'

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const settings = (raw: Record<string, string> = {}) => runtimeSettings({ name: 'c', 'connector.class': 'x', ...raw })

test('waits double from 300 ms up to their cap, with at most a quarter off', () => {
  assert.deepEqual(
    [1, 2, 3, 4].map((attempt) => retryDelayMs(attempt, 60_000, () => 1)),
    [300, 600, 1200, 2400],
  )
  assert.equal(
    retryDelayMs(50, 60_000, () => 1),
    60_000,
  )
  assert.equal(
    retryDelayMs(1, 60_000, () => 0),
    225,
  )
})

test('only retriable errors are tried again, and not beyond their time', async () => {
  const stop = new AbortController()
  const retry = (timeoutMs: number | null) => new Retry({ timeoutMs, delayMaxMs: 5 }, quiet, stop.signal, () => {})
  let calls = 0
  const failing = (error: () => Error, times: number) => async () => {
    if (calls++ < times) throw error()
    return 'done'
  }
  assert.equal(
    await retry(null).run(
      'x',
      failing(() => new RetriableError('away'), 5),
    ),
    'done',
  )
  calls = 0
  await assert.rejects(
    retry(null).run(
      'x',
      failing(() => new Error('bug'), 5),
    ),
    /bug/,
  )
  assert.equal(calls, 1)
  calls = 0
  await assert.rejects(
    retry(0).run(
      'x',
      failing(() => new RetriableError('away'), 5),
    ),
    /away/,
  )
  assert.equal(calls, 1)
  calls = 0
  // From another copy of the contract: the code says it, not the class.
  assert.equal(
    await retry(null).run(
      'x',
      failing(() => Object.assign(new Error('foreign'), { code: 'RETRIABLE' }), 2),
    ),
    'done',
  )
  stop.abort()
  calls = 0
  await assert.rejects(
    retry(null).run(
      'x',
      failing(() => new RetriableError('away'), 5),
    ),
    /away/,
  )
})

test('a poll that waits for its next attempt returns when it is told to, not after the wait', { timeout: 30_000 }, async () => {
  const stop = new AbortController()
  const source: SourceTask = {
    open: async () => {},
    poll: () => Promise.reject(new RetriableError('away', { retryAfterMs: 60_000 })),
    [Symbol.asyncDispose]: async () => {},
  }
  const retrying = new RetryingSource(source, new Retry({ timeoutMs: null, delayMaxMs: 60_000 }, quiet, stop.signal, () => {}))
  const signal = AbortSignal.timeout(30)
  assert.equal(await retrying.poll(signal), idle)
})

test('restarts back off, end after their bound, and are counted anew after running well', () => {
  const policy = new RestartPolicy()
  const config = settings({ 'task.restart.max.attempts': '3', 'task.restart.backoff.ms': '100', 'task.restart.backoff.max.ms': '250' })
  const crash = failure('CRASH', 'x')
  const next = (ranMs = 0) => policy.delayMs(crash, ranMs, config, () => 1)
  assert.deepEqual([next(), next(), next(), next()], [100, 200, 250, undefined])
  assert.equal(next(300_000), 100)
  policy.reset()
  assert.equal(policy.attempts, 0)
  for (const code of ['CONFIG', 'DATA', 'GAP']) assert.equal(policy.delayMs(failure(code, 'x'), 0, config), undefined)
  assert.equal(policy.delayMs(failure('FENCED', 'x'), 0, config), 0)
  assert.equal(
    policy.delayMs(failure('FENCED', 'x'), 0, config, () => 1),
    200,
  )
})

test('secrets are removed in every spelling, longer ones first, short ones left alone', () => {
  const redact = redactor(['pa"ss wörd', 'pass', 'abc', 'passage'])
  assert.equal(redact('the pa"ss wörd of'), 'the [hidden] of')
  assert.equal(redact('json "pa\\"ss wörd", url pa%22ss%20w%C3%B6rd'), 'json "[hidden]", url [hidden]')
  assert.equal(redact('a passage, abc'), 'a [hidden], abc')
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 4 }), { minLength: 1 }), fc.string(), (secrets, text) => {
      const clean = redactor(secrets)(`${text}${secrets[0]!}${text}`)
      return !clean.replaceAll('[hidden]', '\0').includes(secrets[0]!) || '[hidden]'.includes(secrets[0]!)
    }),
  )
  assert.deepEqual(passwordsOf({ p: { type: 'password', doc: '' }, s: { type: 'string', doc: '' } }, { p: 'x', s: 'y' }), ['x'])
})

test('a failure tells its causes, what else was thrown, and the way on', () => {
  const error = new RetriableError('far', { cause: new TypeError('near', { cause: 'text' }) })
  const { trace, code } = failureOf(error, (text) => text)
  assert.equal(code, 'RETRIABLE')
  assert.match(trace, /^RetriableError: far\n {4}at [\s\S]*Caused by: TypeError: near[\s\S]*\(The other side did not answer in time/)
  assert.match(failureOf('just text', (text) => text).trace, /Thrown: just text/)
  assert.match(failureOf({ odd: 1n }, (text) => text).trace, /Thrown: \[object Object\]/)
  const closing = new SuppressedError(new Error('disk full at close'), new GapError('the first fault'))
  assert.match(failureOf(closing, (text) => text).trace, /^GapError: the first fault[\s\S]*While closing: Error: disk full at close/)
  assert.equal(failureOf(closing, (text) => text).code, 'GAP')
  const circular: { cause?: unknown } & Error = new Error('round')
  circular.cause = circular
  assert.match(failureOf(circular, (text) => text).trace, /round/)
})

test('the flush keys may stand under the prefix of the sink; the plain ones go first, and a worker gives defaults', () => {
  assert.equal(settings({ 'sink.flush.rows': '7' })['flush.rows'], 7)
  assert.equal(settings({ 'sink.flush.rows': '7', 'flush.rows': '8' })['flush.rows'], 8)
  assert.equal(runtimeSettings({ name: 'c', 'connector.class': 'x' }, { 'flush.rows': '9' })['flush.rows'], 9)
  assert.throws(() => settings({ 'flush.rows': '0' }), /Invalid value 0 for configuration flush\.rows: Value must be at least 1/)
})

test('the rate looks back five seconds', () => {
  const rate = new RateWindow()
  assert.equal(rate.perSecond(), 0)
  for (let second = 0; second <= 20; second++) rate.add(second < 10 ? second * 1000 : 10_000, second * 1000)
  assert.equal(rate.perSecond(), 0)
  rate.add(11_000, 21_000)
  assert.ok(rate.perSecond() > 100 && rate.perSecond() < 300)
})
