import { type ConnectRecord, type TaskContext, DataError } from '../../core/index.ts'
import type { HttpConfig } from './config.ts'
import { parseHeaders } from './headers.ts'
import { type Template, template } from './template.ts'

/** A record's part of a request. */
export interface Rendered {
  readonly record: ConnectRecord
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** undefined: a request without a body, which stands alone. */
  readonly body: Buffer | undefined
}

/** Makes requests' parts of records; undefined for a record that is ignored. Throws a DataError for one that cannot be sent. */
export type Rendering = (record: ConnectRecord) => Rendered | undefined

export function rendering(config: HttpConfig, converters: TaskContext['converters']): Rendering {
  const spelled = template(config['http.api.url'], 'url')
  const url: Template = (record) => {
    const text = spelled(record)
    // Together with what stands beside them, values may make a step up, which the URL's parser would take.
    if (/\/\.{1,2}(?=[/?]|$)/.test(text)) throw new DataError(`The URL ${text} has a part "." or ".."`)
    return text
  }
  const parsed = parseHeaders(config.headers, config['header.separator'])
  if ('fault' in parsed) throw new Error(`headers ${parsed.fault}`)
  const texts = parsed.headers.map(([name, text]) => [name, template(text, 'header')] as const)
  const fixed = { ...authorization(config), 'user-agent': 'millrace' }
  const headers: (record: ConnectRecord) => Rendered['headers'] = (record) => ({
    ...Object.fromEntries(texts.map(([name, text]) => [name, text(record)])),
    ...fixed,
  })
  const body = config['request.body'] === '' ? converted(converters) : templated(template(config['request.body'], 'json'))
  const method = config['request.method'].toUpperCase()
  const onNull = config['behavior.on.null.values'].toLowerCase()
  const type = { 'content-type': config['content.type'] }
  return (record) => {
    if (record.value === null && onNull === 'ignore') return undefined
    if (record.value === null && onNull === 'fail') throw new DataError('The record has no value, and behavior.on.null.values=fail')
    if (record.value === null || method === 'DELETE')
      return { record, method: 'DELETE', url: url(record), headers: headers(record), body: undefined }
    return { record, method, url: url(record), headers: { ...headers(record), ...type }, body: body(record) }
  }
}

function converted(converters: TaskContext['converters']): (record: ConnectRecord) => Buffer {
  return ({ topic, value, valueSchema }) => {
    const bytes = converters.value.serialize(topic, { schema: valueSchema, value })
    if (bytes === null) throw new DataError('The value converter made nothing of the value')
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

function templated(text: Template): (record: ConnectRecord) => Buffer {
  return (record) => Buffer.from(text(record))
}

function authorization(config: HttpConfig): Readonly<Record<string, string>> {
  switch (config['auth.type'].toLowerCase()) {
    case 'basic': {
      const pair = `${config['connection.user']}:${config['connection.password']}`
      return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
    }
    case 'bearer':
      return { authorization: `Bearer ${config['auth.token']}` }
    case 'header':
      return { [config['auth.header.name'].toLowerCase()]: config['auth.token'] ?? '' }
    default:
      return {}
  }
}
