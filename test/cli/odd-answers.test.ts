import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'

const verbs = [
  'list', 'status', 'status x', 'status -o json', 'top --once', 'describe x', 'describe x -o json', 'describe plugin x', 'plugins', 'loggers', 'loggers x',
  'loggers x debug', 'get offsets x', 'get topics x', 'get worker', 'config x', 'offsets x', 'restart x', 'validate package.json',
] // prettier-ignore

/** Members that workers' answers have, so that odd values come to stand where the verbs look. */
const members = ['status', 'info', 'config', 'connector', 'tasks', 'state', 'trace', 'id', 'offsets', 'partition', 'offset', 'topics', 'level', 'last_modified', 'configs', 'value', 'errors', 'definition', 'warnings', 'health', 'records', 'message', '__proto__', 'x'] // prettier-ignore

const oddJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(null, true, 0, -1.5, '', 'RUNNING', 'a\nb', '\ud800'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...members), tie('value')), { maxLength: 5 }).map((entries) => `{${entries.map(([name, value]) => `"${name}":${jsonText(value)}`).join(',')}}`).map((text) => ({ toJSON: () => text })), // prettier-ignore
  ),
})).value

/** Objects are kept as their text, since a `__proto__` would not outlive an object. */
function jsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  const { toJSON } = (value ?? {}) as { readonly toJSON?: () => string }
  return toJSON ? toJSON() : JSON.stringify(value)
}

/** Runs in a thread, whose output is swallowed: every verb against every answer; tells what failed in a way that nobody foresaw. */
const program = `
  const { workerData: { url, program, verbs, count }, parentPort } = require('node:worker_threads')
  import(program).then(async ({ createProgram }) => {
    for (let answer = 0; answer < count; answer++) {
      for (const verb of verbs) {
        try {
          await createProgram().parseAsync(['node', 'millrace', ...verb.split(' '), '--url', url + '/' + answer])
        } catch (error) {
          if (typeof error.exitCode !== 'number') parentPort.postMessage(verb + ', answer ' + answer + ': ' + error.stack)
        }
      }
    }
  })
`

test('whatever JSON a server answers, a verb ends with a picture or a sentence', async () => {
  const answers = fc.sample(oddJson, { numRuns: 100, seed: 7 }).map(jsonText)
  await using server = createServer((request, to) => void to.end(answers[Number(request.url!.split('/')[1])])).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const thread = new Worker(program, {
    eval: true,
    workerData: { url, program: resolve(import.meta.dirname, '../../cli/program.ts'), verbs, count: answers.length },
    stdout: true,
    stderr: true,
  })
  thread.stdout.resume()
  thread.stderr.resume()
  const bugs: string[] = []
  thread.on('message', (bug: string) => bugs.push(bug))
  await once(thread, 'exit')
  assert.deepEqual(
    bugs.map((bug) => `${bug}\n${answers[Number(/answer (\d+)/.exec(bug)![1])]}`),
    [],
  )
})
