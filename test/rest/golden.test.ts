import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixture } from './fixture-server.ts'
import { golden, type Exchange } from './golden.ts'

for (const { name, exchanges } of golden) {
  test(`Connect's own answers: ${name}`, async () => {
    await using worker = await fixture()
    for (const exchange of exchanges) {
      const [method, url] = exchange.at.split(' ') as ['GET', string]
      const answer = await worker.server.app.inject({ method, url, headers: headersOf(exchange), payload: payloadOf(exchange) })
      const seen = `${exchange.at} ${JSON.stringify(exchange.send)?.slice(0, 200) ?? ''} answered ${answer.statusCode} ${answer.body.slice(0, 500)}`
      assert.equal(answer.statusCode, exchange.status, seen)
      if (exchange.answer !== undefined) assert.deepEqual(answer.json(), exchange.answer, seen)
      if (exchange.message !== undefined) assert.equal(answer.json<{ message: string }>().message, exchange.message, seen)
      if (exchange.status >= 400 && method !== ('HEAD' as string)) {
        assert.deepEqual(Object.keys(answer.json<object>()), ['error_code', 'message'], seen)
        assert.equal(answer.json<{ error_code: number }>().error_code, exchange.status, seen)
      }
      if (exchange.status === 202 || exchange.status === 204) {
        if (exchange.answer === undefined) assert.equal(answer.body, '', seen)
      }
      for (const [header, value] of Object.entries(exchange.has ?? {})) assert.equal(answer.headers[header], value, seen)
    }
    assert.deepEqual(worker.logged, [])
  })
}

test('the golden table has at least 120 exchanges', () => {
  assert.ok(golden.flatMap(({ exchanges }) => exchanges).length >= 120)
})

function headersOf({ send, headers }: Exchange): Record<string, string> {
  return { ...(send !== undefined && { 'content-type': 'application/json' }), ...headers }
}

function payloadOf({ send }: Exchange): string | undefined {
  return send === undefined || typeof send === 'string' ? send : JSON.stringify(send)
}
