import { definePluginTest } from 'millrace/testing'
import { FeedServer } from './test/feed-server.ts'

/** How "millrace plugin test" and test/laws.test.ts try this plugin. */
export default definePluginTest({
  sources: [
    {
      class: 'http-poll',
      open: async () => {
        const server = await new FeedServer().start(10)
        return { config: { url: server.url, topic: 'items', 'poll.interval.ms': '20' }, records: 10, close: () => server.close() }
      },
    },
  ],
})
