import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JsonLog } from '../../core/runtime/json-log.ts'
import { Loggers } from '../../core/runtime/loggers.ts'
import { redactor } from '../../core/runtime/secrets.ts'

function collect() {
  const lines: Record<string, unknown>[] = []
  return { lines, write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) }
}

test('a level set on a logger holds for all under it, and those who follow it are told', () => {
  const { lines, write } = collect()
  const loggers = new Loggers({ destination: { write } })
  const one = loggers.logger('millrace.connector.one', { connector: 'one' })
  const rest = loggers.logger('millrace.rest')
  const told: string[] = []
  loggers.onChange('millrace.connector.one', (level) => told.push(level))
  one.debug({}, 'not yet')
  assert.deepEqual(loggers.set('millrace.connector', 'DEBUG'), ['millrace.connector', 'millrace.connector.one'])
  one.debug({ n: 1 }, 'now')
  rest.debug({}, 'not this one')
  assert.deepEqual(
    lines.map(({ msg, connector, logger, n }) => ({ msg, connector, logger, n })),
    [{ msg: 'now', connector: 'one', logger: 'millrace.connector.one', n: 1 }],
  )
  assert.deepEqual(told, ['DEBUG'])
  assert.deepEqual(loggers.set('millrace.connector', 'DEBUG'), [])
  assert.ok(loggers.set('root', 'OFF').includes('millrace.rest'))
  one.error({}, 'silent')
  assert.equal(lines.length, 1)
  assert.equal(loggers.level('millrace.connector.two'), 'OFF')
  assert.equal(loggers.list().find(({ name }) => name === 'root')!.level, 'OFF')
})

test("a host's lines look like pino's, without secrets, and no field can break them", () => {
  const { lines, write } = collect()
  const log = new JsonLog({ connector: 'c', task: 0 }, 'INFO', write, redactor(['geheim']))
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  log.info({ big: 5n, err: new TypeError('with geheim'), map: new Map([[1, 2]]), circular, none: undefined }, 'a "geheim" thing')
  log.debug({}, 'not at this level')
  assert.equal(lines.length, 1)
  const [line] = lines
  assert.equal(line!['level'], 30)
  assert.equal(line!['msg'], 'a "[hidden]" thing')
  assert.equal((line!['err'] as { message: string }).message, 'with [hidden]')
  assert.deepEqual(line!['map'], [[1, 2]])
  assert.equal(line!['circular'], '[cannot be shown]')
  assert.equal(line!['connector'], 'c')
})
