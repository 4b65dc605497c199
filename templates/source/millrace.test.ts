import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { definePluginTest } from 'millrace/testing'

/** How `millrace plugin test` and test/plugin.test.ts try the plugin: an upstream of 40 records, made anew for each law. */
export default definePluginTest({
  sources: [
    {
      class: '{{class}}',
      open: () => {
        const folder = mkdtempSync(join(tmpdir(), '{{alias}}-'))
        const file = join(folder, 'items.jsonl')
        const items = Array.from({ length: 40 }, (_, index) => `${JSON.stringify({ id: index + 1, text: `item ${index + 1}` })}\n`)
        writeFileSync(file, items.join(''))
        return {
          config: { file, topic: 'items', 'batch.max.rows': '7' },
          records: 40,
          close: () => rmSync(folder, { recursive: true }),
        }
      },
    },
  ],
})
