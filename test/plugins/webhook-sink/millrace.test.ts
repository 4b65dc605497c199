import { definePluginTest } from 'millrace/testing'
import { Receiver } from './test/receiver.ts'

/** How "millrace plugin test" and test/laws.test.ts try this plugin. */
export default definePluginTest({
  sinks: [
    {
      class: 'webhook',
      open: async () => {
        const receiver = await new Receiver().start()
        const read = () => receiver.events.map(({ value }) => (value as { id: number }).id)
        return { config: { url: receiver.url, 'batch.events': '4' }, read, close: () => receiver.close() }
      },
    },
  ],
})
