import { primitive, record } from '../../../core/index.ts'
import { fileSink } from './file-parts.ts'

// Writes "line 0" ... into a file from where the sink says it stands, flushing now and then: for tests that kill it.
const [, , file, total] = process.argv as string[]
const kill = new AbortController().signal
const valueSchema = primitive('string')
const sink = fileSink({ file: file! })
await sink.open!()
let next = Number((await sink.committed!())?.p ?? 0)
process.stdout.write('open\n')
while (next < Number(total)) {
  const rows = Math.min(500 + Math.floor(Math.random() * 1000), Number(total) - next)
  await sink.put(
    Array.from({ length: rows }, (_, index) => record('t', `line ${next + index}`, { valueSchema })),
    kill,
  )
  next += rows
  if (Math.random() < 0.3) await sink.flush!({ p: next }, kill)
}
await sink.flush!({ p: next }, kill)
await sink[Symbol.asyncDispose]()
