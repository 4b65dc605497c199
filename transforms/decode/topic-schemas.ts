import { readFileSync } from 'node:fs'
import { ConfigError } from '../../core/index.ts'
import { javaRegex } from '../java-regex.ts'

/** Longest schema that is read, in bytes. */
const schemaBytesMax = 2 * 1024 * 1024
/** Topics whose choice is remembered. */
const topicsMax = 10_000

/** Settings that say which schema a topic's content has. */
export const schemaKeys = {
  schema: { type: 'string', importance: 'high', doc: 'The schema as text.' },
  'schema.file': { type: 'string', importance: 'high', doc: 'File with the schema.' },
  schemas: {
    type: 'string',
    importance: 'high',
    doc: 'A schema for each topic: lines of pattern = file. The pattern (Java syntax) must match the whole name; the first that does decides, and schema or schema.file stands for the rest.',
  },
} as const

interface SchemaSettings {
  readonly schema: string | undefined
  readonly 'schema.file': string | undefined
  readonly schemas: string | undefined
}

/** Finds the decoder of a topic's content; undefined: no schema is set for it. */
export type DecoderOf<D> = (topic: string) => D | undefined

/** Reads all schemas. Throws a ConfigError for one that is not there or that `compile` refuses. */
export function topicSchemas<D>(settings: SchemaSettings, compile: (text: string) => D): DecoderOf<D> {
  if (settings.schema && settings['schema.file'])
    fail('schema.file', 'Configuration schema.file: "schema" is set, too; leave one of them out')
  const compiled = (key: string, text: string, place: string): D => {
    try {
      return compile(text)
    } catch (cause) {
      return fail(key, `Configuration ${key}: ${place} cannot be used: ${(cause as Error).message}`, cause)
    }
  }
  const ofFile = (key: string, path: string): D => compiled(key, fileText(key, path), `the schema in ${path}`)
  const rest = settings.schema
    ? compiled('schema', settings.schema, 'the schema')
    : settings['schema.file']
      ? ofFile('schema.file', settings['schema.file'])
      : undefined
  const rules = lines(settings.schemas ?? '').map(([pattern, path]) => {
    try {
      return { matches: javaRegex(pattern), decoder: ofFile('schemas', path) }
    } catch (cause) {
      if (cause instanceof ConfigError) throw cause
      return fail('schemas', `Configuration schemas: the pattern "${pattern}" cannot be read: ${(cause as Error).message}`, cause)
    }
  })
  if (rules.length === 0) return () => rest
  const known = new Map<string, D | undefined>()
  return (topic) => {
    if (known.has(topic)) return known.get(topic)
    if (known.size >= topicsMax) known.clear()
    const rule = rules.find(({ matches }) => matches.matches(topic))
    const decoder = rule === undefined ? rest : rule.decoder
    known.set(topic, decoder)
    return decoder
  }
}

function lines(text: string): readonly (readonly [pattern: string, path: string])[] {
  return text.split('\n').flatMap((line) => {
    if (line.trim() === '') return []
    const at = line.lastIndexOf('=')
    const [pattern, path] = [line.slice(0, at).trim(), line.slice(at + 1).trim()]
    if (at < 0 || pattern === '' || path === '')
      fail('schemas', `Configuration schemas: "${line.trim()}" is not of the form pattern = file`)
    return [[pattern, path] as const]
  })
}

function fileText(key: string, path: string): string {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > schemaBytesMax) throw new Error(`it has ${bytes.length} bytes, more than ${schemaBytesMax}`)
    return bytes.toString('utf8')
  } catch (cause) {
    return fail(key, `Configuration ${key}: the file ${path} cannot be read: ${(cause as Error).message}`, cause)
  }
}

function fail(key: string, message: string, cause?: unknown): never {
  throw new ConfigError([{ key, message }], cause === undefined ? {} : { cause })
}
