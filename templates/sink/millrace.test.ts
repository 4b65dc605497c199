import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePluginTest } from 'millrace/testing'

/** The ids of all records that a reader of the folder sees. */
export function idsIn(folder: string): number[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n').slice(1))
    .map((line) => (JSON.parse(line) as { id: number }).id)
}

/** How `millrace plugin test` and test/plugin.test.ts try the plugin: an empty place for each law, and a way to read what is in it. */
export default definePluginTest({
  sinks: [
    {
      class: '{{class}}',
      open: () => {
        const folder = mkdtempSync(join(tmpdir(), '{{alias}}-'))
        return { config: { folder }, read: () => idsIn(folder), close: () => rmSync(folder, { recursive: true }) }
      },
    },
  ],
})
