import { defineConfig } from 'millrace'

export const config = defineConfig({
  url: {
    type: 'string',
    required: true,
    doc: 'Address that answers GET with JSON: a list of items, or an object that holds one.',
    check: (url: string) =>
      /^https?:\/\//.test(url) && URL.canParse(url) ? undefined : 'It must be a URL that begins with http:// or https://',
  },
  topic: { type: 'string', required: true, doc: 'Topic of the records.' },
  token: { type: 'password', doc: 'Sent as "Authorization: Bearer ...".' },
  'items.path': {
    type: 'string',
    default: 'items',
    doc: 'Where the items lie in the answer, with dots between the steps; empty: the answer is the list.',
  },
  'id.field': { type: 'string', default: 'id', doc: "The item's own name: becomes the record's key." },
  'cursor.kind': {
    type: 'string',
    default: 'answer',
    oneOf: ['answer', 'item'],
    doc: 'Where the next cursor comes from. answer: the answer names it. item: it is a field of the last item ("since"), and items that lie on it may come again.',
  },
  'cursor.path': { type: 'string', default: 'next', doc: 'Path of the cursor in the answer, or field of the item.' },
  'cursor.param': { type: 'string', default: 'cursor', doc: 'Query parameter that carries the cursor.' },
  'poll.interval.ms': { type: 'int', default: 10_000, min: 10, doc: 'Wait after an answer that had nothing new.' },
  'request.timeout.ms': { type: 'int', default: 10_000, min: 1, doc: 'Longest time that one request may take.' },
  'answer.bytes.max': { type: 'int', default: 16_777_216, min: 1, doc: 'Longest answer that is read.' },
})
