import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Registry } from '../../core/runtime/registry.ts'
import { Loggers } from '../../core/runtime/loggers.ts'
import { Worker, type WorkerParts } from '../../core/runtime/worker.ts'
import { SqliteStore } from '../../core/store/sqlite.ts'
import faulty from '../fixtures/plugins/faulty.ts'

export const faultyModule = { specifier: new URL('../fixtures/plugins/faulty.ts', import.meta.url).href, plugin: faulty }

/** A worker over the fixture plugin with a store of its own, gone at the end of the test. */
export async function startWorker(options: Partial<WorkerParts> & { readonly directory?: string } = {}) {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'millrace-worker-'))
  const lines: string[] = []
  const worker = new Worker({
    store: new SqliteStore(join(directory, 'store.db')),
    registry: new Registry([faultyModule]),
    loggers: new Loggers({ destination: { write: (line) => void lines.push(line) } }),
    hostOutput: 'ignore',
    deadLetters: join(directory, 'dead-letters'),
    ...options,
  })
  await worker.start()
  const end = async () => {
    await worker.close()
    if (options.directory === undefined) rmSync(directory, { recursive: true, force: true })
  }
  return { worker, directory, lines, path: (name: string) => join(directory, name), [Symbol.asyncDispose]: end }
}

/** Waits until `check` gives something true; fails with what it last gave, and `what`, after `timeoutMs`. */
export async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 10_000): Promise<Exclude<NonNullable<T>, false>> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const seen = await check()
    if (seen) return seen as Exclude<NonNullable<T>, false>
    if (performance.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`)
    await sleep(15)
  }
}

/** The numbers that an AppendSink committed, in order. */
export function committedNumbers(path: string): number[] {
  if (!existsSync(path)) return []
  const text = readFileSync(path, 'latin1')
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
  const last = lines.findLastIndex((line) => line.startsWith('#'))
  return lines.slice(0, last + 1).flatMap((line) => (line.startsWith('#') || line === '' ? [] : [Number(line)]))
}

/** 1, 2, 3 ... `count`. */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
