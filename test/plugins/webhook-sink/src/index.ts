import { definePlugin, sink } from 'millrace'
import { config } from './config.ts'
import { WebhookTask } from './webhook-task.ts'

export default definePlugin({
  name: 'millrace-plugin-webhook',
  version: '1.0.0',
  api: 1,
  sinks: [
    sink({
      class: 'WebhookSink',
      aliases: ['webhook'],
      doc: 'Posts records to a webhook as JSON, in batches.',
      config,
      create: (settings, context) => new WebhookTask(settings, context),
    }),
  ],
})
