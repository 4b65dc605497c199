import { defineConfig } from '../../core/index.ts'

/** Settings of lookup=http. */
export const httpKeys = defineConfig({
  'http.url': {
    type: 'string',
    importance: 'high',
    doc: 'http: address of the endpoint, http:// or https://. ${key} in its path or query stands for the key, ${key1}, ${key2} for the parts of one with several; with http.batch=query ${keys} stands for all keys of the batch, separated by commas.',
  },
  'http.batch': {
    type: 'string',
    default: 'none',
    oneOf: ['none', 'query', 'body'],
    importance: 'high',
    doc: 'http: none asks once for each key (GET), at most http.concurrency at a time. query asks once for all (GET with ${keys}), body too (POST of {"keys": [...]}); the answer is an array of objects that hold their keys under lookup.key, or an object with the keys as names.',
  },
  'http.result': {
    type: 'string',
    default: '',
    importance: 'medium',
    doc: 'http: path to what is found within the answer, such as data.items; empty: the answer itself.',
  },
  'http.headers': { type: 'password', importance: 'medium', doc: 'http: headers, one on each line as Name: value.' },
  'http.concurrency': { type: 'int', default: 8, min: 1, max: 256, importance: 'medium', doc: 'http: most requests at a time.' },
  'http.timeout.ms': {
    type: 'int',
    default: 10_000,
    min: 1,
    importance: 'medium',
    doc: 'http: longest time of one request with its answer. Milliseconds.',
  },
  'http.answer.max.bytes': {
    type: 'int',
    default: 8_388_608,
    min: 1_024,
    max: 67_108_864,
    importance: 'low',
    doc: 'http: longest answer that is read.',
  },
  'http.hosts.allowed': {
    type: 'list',
    default: [],
    importance: 'medium',
    doc: 'http: hosts that may be asked; empty: any. Link-local addresses and those of cloud metadata services never are, whatever name leads there, and redirects are not followed.',
  },
  'http.ssl.rootcert': {
    type: 'string',
    importance: 'low',
    doc: 'http: file with the authorities to trust (PEM). Default: those that Node.js brings along.',
  },
})
