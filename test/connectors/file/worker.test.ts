import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkerProcess } from '../../worker-process.ts'
import { folder } from './file-parts.ts'

async function until(what: string, holds: () => boolean | Promise<boolean>, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come within ${seconds} s`)
    await sleep(50)
  }
}

test('lines go from file to file through transforms exactly once while the worker is killed with -9', { timeout: 120_000 }, async () => {
  const root = folder()
  const [input, output] = [join(root, 'in.txt'), join(root, 'out.json')]
  const secrets = join(root, 'secrets.properties')
  writeFileSync(secrets, `input=${input}\n`)
  writeFileSync(input, '')
  await using worker = await WorkerProcess.start(root, {
    'offset.flush.interval.ms': '200',
    plugins: join(import.meta.dirname, '../../../connectors/file/index.ts'),
    'config.providers': 'file',
    'config.providers.file.class': 'org.apache.kafka.common.config.provider.FileConfigProvider',
    'config.providers.file.param.allowed.paths': root,
  })
  const config = {
    'connector.class': 'FileStreamSource',
    file: `\${file:${secrets}:input}`,
    topic: 'raw.lines',
    'sink.class': 'FileStreamSink',
    'sink.file': output,
    'sink.format': 'json',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    transforms: 'route',
    'transforms.route.type': 'org.apache.kafka.connect.transforms.RegexRouter',
    'transforms.route.regex': 'raw\\.(.*)',
    'transforms.route.replacement': '$1',
  }
  const created = await fetch(`${worker.url}/connectors`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'copy', config }),
  })
  assert.equal(created.status, 201, await created.clone().text())
  assert.equal(((await created.json()) as { config: { file: string } }).config.file, config.file)

  let written = 0
  for (let round = 0; round < 4; round++) {
    for (let part = 0; part < 10; part++) {
      appendFileSync(input, Array.from({ length: 1000 }, () => `line ${written++}\n`).join(''))
      await sleep(20)
    }
    await until('the first lines', () => existsSync(output) && readFileSync(output).length > 0)
    await worker.kill('SIGKILL')
    await worker.restart()
  }
  const lines = () => (existsSync(output) ? readFileSync(output, 'utf8').trimEnd().split('\n') : [])
  await until('the last line', () => lines().length >= written)
  await sleep(500)
  const records = lines().map((line) => JSON.parse(line) as { topic: string; value: string })
  assert.equal(records.length, written)
  assert.ok(records.every((record, index) => record.value === `line ${index}` && record.topic === 'lines'))
  const status = (await (await fetch(`${worker.url}/connectors/copy/status`)).json()) as { tasks: { state: string }[] }
  assert.deepEqual(
    status.tasks.map((task) => task.state),
    ['RUNNING'],
  )
})
