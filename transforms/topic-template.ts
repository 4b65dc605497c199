import { DataError, type ConnectRecord } from '../core/index.ts'
import { datePattern } from './date-pattern.ts'
import { everyItem, fieldAt, parsePath, pathReader, splitColon } from './field-path.ts'
import { instantOf, scalarText, shown } from './scalars.ts'

/** One part of a name; undefined: the record has nothing for it. */
type Part = (record: ConnectRecord) => string | undefined

/** Makes a text of a record; undefined where one of the parts is missing or null. */
export type Template = (record: ConnectRecord) => string | undefined

/**
 * Compiles a template: `${topic}`, `${partition}`, `${timestamp}` or `${timestamp:yyyy-MM}` (the record's), `${field:a.b}` (of the value),
 * `${key:a}` (of the key; `${key}`: the whole), `${header:name}` (the last of that name). A field may be followed by a date pattern:
 * `${field:created:yyyyMM}`. Throws an Error, for a ConfigError, for anything else in `${}`.
 */
export function topicTemplate(text: string): Template {
  const parts: Part[] = []
  let at = 0
  for (let open = text.indexOf('${'); open >= 0; open = text.indexOf('${', at)) {
    const close = closingBrace(text, open)
    const literal = text.slice(at, open)
    if (literal !== '') parts.push(() => literal)
    parts.push(placeholder(text.slice(open + 2, close)))
    at = close + 1
  }
  const rest = text.slice(at)
  if (rest !== '') parts.push(() => rest)
  return (record) => {
    let made = ''
    for (const part of parts) {
      const next = part(record)
      if (next === undefined) return undefined
      made += next
    }
    return made
  }
}

/** For `check` in a config definition. */
export function templateFault(text: string): string | undefined {
  try {
    topicTemplate(text)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function closingBrace(text: string, open: number): number {
  let quoted = false
  for (let at = open + 2; at < text.length; at++) {
    if (text[at] === '`') quoted = !quoted
    else if (text[at] === '}' && !quoted) return at
  }
  throw new Error(`"\${" at character ${open} of "${text}" is never closed`)
}

function placeholder(text: string): Part {
  const [kind, detail] = splitColon(text)
  switch (kind) {
    case 'topic':
      if (detail === undefined) return ({ topic }) => topic
      break
    case 'partition':
      if (detail === undefined) return ({ partition }) => (partition === null ? undefined : String(partition))
      break
    case 'timestamp': {
      const { format } = datePattern(detail ?? 'yyyyMMdd')
      return ({ timestamp }) => (timestamp === null ? undefined : format(timestamp))
    }
    case 'header':
      if (detail) return headerPart(detail)
      break
    case 'key':
      return fieldPart('key', detail)
    case 'field':
      if (detail) return fieldPart('value', detail)
      break
  }
  throw new Error(
    `"\${${text}}" stands for nothing; known are \${topic}, \${partition}, \${timestamp:yyyyMMdd}, \${field:path}, \${key:path} and \${header:name}`,
  )
}

function headerPart(name: string): Part {
  return ({ headers, topic }) => {
    const header = headers.findLast(({ key }) => key === name)
    return header === undefined || header.value === null ? undefined : textPart(header.value, `Header "${name}"`, topic)
  }
}

function fieldPart(side: 'key' | 'value', detail: string | undefined): Part {
  const [spelled, pattern] = splitColon(detail ?? '')
  if (spelled === '') return ({ key, topic }) => (key === null ? undefined : textPart(key, 'The key', topic))
  const path = parsePath(spelled, 'own')
  if (path.steps.includes(everyItem)) throw new Error(`"${spelled}" has many values; a topic takes one`)
  const read = pathReader(path)
  const name = `Field "${spelled}" of the ${side}`
  if (pattern === undefined) {
    return (record) => {
      const value = read(record[side])
      return value === null || value === undefined ? undefined : textPart(value, name, record.topic)
    }
  }
  const { format } = datePattern(pattern)
  return (record) => {
    const value = read(record[side])
    if (value === null || value === undefined) return undefined
    const schema = side === 'key' ? record.keySchema : record.valueSchema
    const ms = instantOf(value, schema && (fieldAt(schema, path)?.schema ?? null))
    if (ms === undefined) throw new DataError(`${name} in topic "${record.topic}" is ${shown(value)}, which is no date or timestamp`)
    return format(ms)
  }
}

function textPart(value: unknown, name: string, topic: string): string {
  const text = scalarText(value)
  if (text === undefined) throw new DataError(`${name} in topic "${topic}" is ${shown(value)}, which cannot be part of a topic's name`)
  return text
}
