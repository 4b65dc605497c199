import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

const core = new URL('../../../core/index.ts', import.meta.url).href

/** A temporary folder that is gone at the end of the test. */
export function tempFolder(): Disposable & { readonly path: string; file(name: string, text: string): string } {
  const path = mkdtempSync(join(tmpdir(), 'millrace-plugins-'))
  return {
    path,
    file: (name, text) => {
      mkdirSync(dirname(join(path, name)), { recursive: true })
      writeFileSync(join(path, name), text)
      return join(path, name)
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}

export const keys = {
  file: { type: 'string', required: true, doc: 'File that is appended to.' },
  lines: { type: 'int', default: 3, min: 1, doc: 'Lines in all.' },
} as const

export const ticker = { kind: 'source', class: 'com.acme.Ticker', aliases: ['ticker'], doc: 'Ticks.', config: keys } as const

/**
 * Writes a package with a source `com.acme.Ticker` of this version, which tells its version in each record. `fault`: code that runs first when it is
 * imported, opened or polled. `millrace`: the manifest; null: none.
 */
export function tickerPackage(
  folder: { file(name: string, text: string): string },
  at: string,
  {
    name = 'acme-ticker',
    version = '1.0.0',
    millrace = { api: 1, entry: './index.mjs', parts: [ticker] } as unknown,
    onImport = '',
    onOpen = '',
    onPoll = '',
    keyword = true,
  } = {},
): string {
  folder.file(
    join(at, 'package.json'),
    JSON.stringify({
      name,
      version,
      type: 'module',
      main: './index.mjs',
      ...(keyword && { keywords: ['millrace-plugin'] }),
      ...(millrace !== null && { millrace }),
    }),
  )
  return dirname(
    folder.file(
      join(at, 'index.mjs'),
      `import { definePlugin, idle, record, source } from ${JSON.stringify(core)}
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
${onImport}
export default definePlugin({ name: ${JSON.stringify(name)}, version: ${JSON.stringify(version)}, api: 1, sources: [source({
  class: 'com.acme.Ticker', aliases: ['ticker'], doc: 'Ticks.',
  config: {
    file: { type: 'string', required: true, doc: 'File that is appended to.' },
    lines: { type: 'int', default: 3, min: 1, doc: 'Lines in all.', check: (n) => n === 13 ? 'thirteen is refused by code alone' : undefined },
  },
  tasks: (config) => [{}],
  validate: async (config) => config.lines === 14 ? [{ key: 'lines', message: 'fourteen is refused by the hook' }] : [],
  create: (config) => {
    let sent = false
    return {
      async open() { ${onOpen} },
      async poll(signal) {
        ${onPoll}
        if (sent) { await sleep(200, undefined, { signal }).catch(() => {}); return idle }
        sent = true
        appendFileSync(config.file, ${JSON.stringify(`${version}\n`)})
        const line = record('ticks', ${JSON.stringify(version)})
        return { records: [line], offsets: { '{"p":1}': { n: 1 } }, bytes: 10 }
      },
      async [Symbol.asyncDispose]() {},
    }
  },
})] })
`,
    ),
  )
}
