import { defineConfig } from 'millrace'

export const config = defineConfig({
  url: {
    type: 'string',
    required: true,
    doc: 'Address that takes POST with a JSON list of events.',
    check: (url: string) =>
      /^https?:\/\//.test(url) && URL.canParse(url) ? undefined : 'It must be a URL that begins with http:// or https://',
  },
  token: { type: 'password', doc: 'Sent as "Authorization: Bearer ...".' },
  'batch.events': { type: 'int', default: 100, min: 1, doc: 'Most events in one request.' },
  'batch.bytes': { type: 'int', default: 1_048_576, min: 1, doc: 'Most bytes of events in one request; a larger event goes alone.' },
  'request.timeout.ms': { type: 'int', default: 10_000, min: 1, doc: 'Longest time that one request may take.' },
})
