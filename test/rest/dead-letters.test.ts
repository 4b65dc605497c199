import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixture } from './fixture-server.ts'

const path = '/api/v1/connectors/c/dead-letters'
const json = { 'content-type': 'application/json' }

test('dead letters are listed with what was asked for, and wrong questions are told what they must be', async () => {
  await using worker = await fixture()
  const { app } = worker.server
  const get = async (query: string) => {
    const answer = await app.inject({ method: 'GET', url: `${path}${query}` })
    return { status: answer.statusCode, body: answer.json() as { letters: object[]; message: string } }
  }
  assert.equal((await get('')).status, 404)
  await worker.control.create('c', { 'connector.class': 'FileStreamSource', name: 'c', topic: 't' }, 'RUNNING')
  assert.equal((await get('?limit=5&after=2025-01-31T00:00:00Z&before=1893456000000')).body.letters.length, 1)
  assert.deepEqual((await get('?topic=none')).body.letters, [])
  const wrong: [string, RegExp][] = [
    ['?limit=0', /"limit" must be a number from 1 to 500; it is "0"/],
    ['?limit=501', /from 1 to 500/],
    ['?after=yesterday', /"after" must be a moment as 2025-01-31T12:00:00Z/],
    ['?before=2025-01-31T12:00:00', /"before" must be a moment/],
  ]
  for (const [query, message] of wrong) {
    const { status, body } = await get(query)
    assert.equal(status, 400, query)
    assert.match(body.message, message)
  }
})

test('a redrive is ordered with or without a body, answered 202, and wrong orders are refused by name', async () => {
  await using worker = await fixture()
  const { app } = worker.server
  await worker.control.create('c', { 'connector.class': 'FileStreamSource', name: 'c', topic: 't' }, 'RUNNING')
  const post = async (payload?: string) => {
    const answer = await app.inject({ method: 'POST', url: `${path}/redrive`, ...(payload !== undefined && { payload, headers: json }) })
    return { status: answer.statusCode, body: answer.json() as Record<string, unknown> & { message: string } }
  }
  const { status, body } = await post()
  assert.deepEqual([status, body['state'], body['letters'], body['filter']], [202, 'RUNNING', 1, {}])
  const ordered = await post('{"filter":{"stage":"TASK_PUT","after":"2025-01-31"},"max":3,"again":true}')
  assert.deepEqual(ordered.body['filter'], { stage: 'TASK_PUT', after: '2025-01-31T00:00:00.000Z' })
  const wrong: [string, RegExp][] = [
    ['[]', /must be an object/],
    ['{"fliter":{}}', /Unrecognized field "fliter"/],
    ['{"filter":{"state":"x"}}', /Unrecognized field "state": "filter" may have "stage"/],
    ['{"filter":{"stage":true}}', /"stage" in "filter" must be text/],
    ['{"max":0}', /"max" must be a whole number from 1; it is 0/],
    ['{"max":"3"}', /"max" must be a whole number from 1; it is/],
    ['{"from":7}', /"from" must be the id of a letter/],
    ['{"again":"yes"}', /"again" must be true or false/],
  ]
  for (const [payload, message] of wrong) {
    const answer = await post(payload)
    assert.equal(answer.status, 400, payload)
    assert.match(answer.body.message, message)
  }
})
