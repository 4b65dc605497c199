import { DataError } from '../../../core/index.ts'
import type { Change } from './change.ts'
import type { SinkSettings } from './settings.ts'

/** A table's name; `schema` undefined: in the session's own schema. */
export interface TableName {
  readonly schema: string | undefined
  readonly name: string
}

/** Longest identifier that Postgres keeps, in bytes: it cuts longer ones, so that two could become one. */
const identifierBytesMax = 63

/** An identifier that Postgres keeps as it is. Throws a DataError that says what the name is for. */
export function checkedIdentifier(name: string, what: string): string {
  if (name === '') throw new DataError(`${what} has an empty name`)
  if (name.includes('\0')) throw new DataError(`${what} "${name}" has a zero byte in its name`)
  const bytes = Buffer.byteLength(name)
  if (bytes > identifierBytesMax) {
    throw new DataError(
      `${what} "${name}" has a name of ${bytes} bytes, and Postgres keeps ${identifierBytesMax}; shorten it by table.name.format or a transform (RegexRouter, ReplaceField)`,
    )
  }
  return name
}

/** As Postgres folds a name without quotes. */
export function folded(name: string, fold: boolean): string {
  return fold ? name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : name
}

/** The table of a record. Throws a DataError for a name that Postgres would not keep, or a part of the format that the record has not. */
export function tableNameOf(settings: SinkSettings, topic: string, change: Change): TableName {
  const { nameFormat, flatTopic, foldNames } = settings
  const name = nameFormat.replace(/\$\{([^}]*)\}/g, (_whole, variable: string) => {
    if (variable === 'topic') return flatTopic ? topic.replaceAll('.', '_') : topic
    const value = variable.startsWith('source.') ? change.source?.[variable.slice(7)] : undefined
    if (typeof value === 'string' && value !== '') return value
    throw new DataError(`Topic ${topic}: the record has no ${variable} for the name of its table (${nameFormat})`)
  })
  return parseTableName(name, settings.schema, foldNames)
}

/** True: the name depends on more than the topic. */
export function namesBySource(settings: SinkSettings): boolean {
  return settings.nameFormat.includes('${source.')
}

/** Reads `[database.][schema.]table`; a part in double quotes may hold dots. Quotes elsewhere are part of a name. */
export function parseTableName(text: string, schema: string | undefined, fold: boolean): TableName {
  const parts = wellQuoted.test(text)
    ? [...text.matchAll(/"((?:[^"]|"")+)"|([^."]+)/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? folded(bare!, fold))
    : text.split('.').map((part) => folded(part, fold))
  if (parts.length > 3 || parts.includes('')) {
    throw new DataError(
      `"${text}" is no name of a table: it may have a database, a schema and a table, with dots between them; set table.name.format, or route the topic (RegexRouter)`,
    )
  }
  const name = checkedIdentifier(parts.at(-1)!, 'Table')
  const given = parts.at(-2)
  return { schema: given === undefined ? schema : checkedIdentifier(given, 'Schema'), name }
}

const wellQuoted = /^(?:"(?:[^"]|"")+"|[^."]+)(?:\.(?:"(?:[^"]|"")+"|[^."]+))*$/
