import { record, structOf, types } from 'millrace'
import { definePluginTest } from 'millrace/testing'

const schema = structOf({ id: types.int64, title: types.string }, { name: 'Article' })
const origin = { partition: 'p', position: 1, seq: 0 }

/** How "millrace plugin test" and test/laws.test.ts try this plugin. */
export default definePluginTest({
  transforms: [
    {
      class: 'Slug',
      config: { field: 'title' },
      samples: [
        record('articles', { id: 1n, title: 'Crème brûlée!' }, { valueSchema: schema, origin }),
        record('articles', { title: 'without a schema' }, { origin }),
        record('articles', { title: null }),
      ],
    },
  ],
})
