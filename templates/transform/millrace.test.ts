import { optional, record, structOf, types } from 'millrace'
import { definePluginTest } from 'millrace/testing'

const valueSchema = structOf({ id: types.int64, text: optional(types.string) })

/** How `millrace plugin test` and test/plugin.test.ts try the plugin: records that it accepts, with and without a schema. */
export default definePluginTest({
  transforms: [
    {
      class: '{{class}}',
      config: { field: 'text' },
      samples: [
        record('items', { id: 1n, text: '  one ' }, { valueSchema }),
        record('items', { id: 2n, text: null }, { valueSchema }),
        record('items', { id: 3, text: 'three  ', more: [1, 2] }),
      ],
    },
  ],
})
