import { definePluginTest } from 'millrace/testing'

/** How `millrace plugin test` and test/plugin.test.ts try the plugin: contents that it can turn into bytes and back. */
export default definePluginTest({
  converters: [
    {
      class: '{{class}}',
      samples: [
        { schema: null, value: { name: 'Ada', city: 'London' } },
        { schema: null, value: { text: 'ü & = %', empty: '' } },
        { schema: null, value: {} },
      ],
    },
  ],
})
