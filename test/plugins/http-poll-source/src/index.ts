import { definePlugin, source } from 'millrace'
import { config } from './config.ts'
import { HttpPollTask } from './poll-task.ts'
import { readPosition } from './position.ts'

export default definePlugin({
  name: 'millrace-plugin-http-poll',
  version: '1.0.0',
  api: 1,
  sources: [
    source({
      class: 'HttpPollSource',
      aliases: ['http-poll'],
      doc: 'Polls an HTTP API that answers JSON, by a cursor or by "since".',
      config,
      create: (settings, context) => new HttpPollTask(settings, context),
      checkOffsets: (offsets) => Object.values(offsets).forEach((position) => readPosition(position)),
      sampling: { overlay: {} },
    }),
  ],
})
