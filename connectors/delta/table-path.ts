import { createHash } from 'node:crypto'
import { DataError } from '../../core/index.ts'

/** Longest name of one folder, in bytes: file systems allow 255, and Delta adds nothing to a folder's name. */
const partBytesMax = 180

/**
 * The folder of a topic's table under the lake's path. `format` is the config's `table.name.format`; empty: `<prefix>.<schema>.<table>` becomes
 * `<schema>/<table>`, any other topic one folder per part between its dots. Topic names are foreign input: what is not a plain character is
 * percent-encoded, so a folder never leaves the lake, and different topics never share a folder by encoding.
 */
export function tablePath(format: string, topic: string): string {
  if (topic === '') throw new DataError('A record without a topic name belongs to no table')
  const parts = topic.split('.')
  const regular = parts.length === 3 && parts.every((part) => part !== '')
  if (format === '') return (regular ? parts.slice(1) : parts).map(encodePart).join('/')
  const variables: Readonly<Record<string, string | undefined>> = {
    topic,
    ...(parts.length >= 2 ? { schema: parts.at(-2), table: parts.at(-1) } : { table: topic }),
    ...(parts.length >= 3 ? { 'source.db': parts.slice(0, -2).join('.') } : {}),
  }
  const folders = format.split('/').map((folder) =>
    folder.replace(/\$\{([^}]*)\}/g, (_match, name: string) => {
      const value = variables[name]
      if (value === undefined) throw new DataError(`Topic "${topic}" has no \${${name}} for table.name.format=${format}`)
      return value
    }),
  )
  return folders
    .filter((folder) => folder !== '')
    .map(encodePart)
    .join('/')
}

/** What is wrong with a `table.name.format`; undefined: nothing. */
export function formatFault(format: string): string | undefined {
  for (const [, name] of format.matchAll(/\$\{([^}]*)\}/g)) {
    if (!['topic', 'schema', 'table', 'source.db'].includes(name!))
      return `\${${name}} is not known; use \${topic}, \${schema}, \${table} or \${source.db}`
  }
  return undefined
}

function encodePart(part: string): string {
  let encoded = ''
  for (const byte of Buffer.from(part)) {
    const char = String.fromCharCode(byte)
    encoded += /[A-Za-z0-9_ .+-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  // Hidden folders, our own folder and a table's log are taken; so are names that end in a blank or a dot on some systems.
  encoded = encoded.replace(/^[._ ]/, (char) => (char === '_' && !/^_(delta_log|millrace)$/.test(encoded) ? char : percent(char)))
  encoded = encoded.replace(/[. ]$/, percent)
  if (encoded === '') return '%'
  if (encoded.length <= partBytesMax) return encoded
  return `${encoded.slice(0, partBytesMax - 34)}%~${createHash('sha256').update(part).digest('hex').slice(0, 32)}`
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
