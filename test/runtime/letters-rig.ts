import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { KeptLetter } from '../../core/runtime/letters/letter.ts'
import { parseLetter } from '../../core/runtime/letters/line.ts'
import { Registry } from '../../core/runtime/registry.ts'
import type { WorkerParts } from '../../core/runtime/worker.ts'
import converters from '../../core/converter/plugin.ts'
import { MemoryStore } from '../../core/store/memory.ts'
import letterPlugin from '../fixtures/plugins/letters.ts'
import { startWorker } from './rig.ts'

/** The fixture plugin, the built-in converters. */
export const letterRegistry = new Registry([
  { specifier: new URL('../fixtures/plugins/letters.ts', import.meta.url).href, plugin: letterPlugin },
  { specifier: new URL('../../core/converter/plugin.ts', import.meta.url).href, plugin: converters },
])

/** An inline worker whose connectors read a log of JSON texts, `messages`, into the file `out`; `refuse` lists what the sink does not take. */
export async function letterRig(options: Partial<WorkerParts> = {}) {
  const rig = await startWorker({ hosting: 'inline', store: new MemoryStore(), registry: letterRegistry, ...options })
  const write = (name: string, lines: readonly (string | number)[]) =>
    writeFileSync(rig.path(name), lines.map((one) => `${one}\n`).join(''))
  write('messages', [])
  write('refuse', [])
  const config = (more: Readonly<Record<string, string>> = {}) => ({
    'connector.class': 'log',
    messages: rig.path('messages'),
    'sink.class': 'picky',
    'sink.file': rig.path('out'),
    'sink.refuse': rig.path('refuse'),
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'false',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'errors.tolerance': 'all',
    'errors.retry.delay.max.ms': '1',
    'flush.interval.ms': '10',
    'task.restart.backoff.ms': '10',
    ...more,
  })
  const out = (): readonly string[] =>
    existsSync(rig.path('out')) ? (JSON.parse(readFileSync(rig.path('out'), 'utf8')) as { lines: string[] }).lines : []
  const letters = (file: string): readonly (KeptLetter | undefined)[] =>
    existsSync(rig.path(`dead-letters/${file}`))
      ? readFileSync(rig.path(`dead-letters/${file}`), 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line, at) => parseLetter(line, file.replace(/-\d+(\.\d+)?\.jsonl$/, ''), { unit: file, at }))
      : []
  return { ...rig, write, config, out, letters, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() }
}

/** `{"n":1}` ... `{"n":count}`, with what `instead` says in its place. */
export function numbered(count: number, instead: Readonly<Record<number, string>> = {}): string[] {
  return Array.from({ length: count }, (_, index) => instead[index + 1] ?? `{"n":${index + 1}}`)
}
