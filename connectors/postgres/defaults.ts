import type { ColumnType } from './types.ts'

/**
 * The value of a column's default where `pg_get_expr` shows a literal (`'it''s'::text`, `7`, `true`, `'-1'::integer`); undefined for
 * expressions (`now()`, `nextval(...)`), whose value is not known before a row has it, for NULL, and for what the type cannot hold.
 */
export function defaultValue(expression: string, type: ColumnType): unknown {
  const text = literalText(expression)
  if (text === undefined) return undefined
  const bytes = Buffer.from(text)
  try {
    return type.codec(bytes, 0, bytes.length)
  } catch {
    // A default such as NaN::numeric has no form in the schema. It is only documentation there; rows carry their own values.
    return undefined
  }
}

function literalText(expression: string): string | undefined {
  const quoted = /^(E?)'((?:[^'\\]|''|\\.)*)'(?:::[\w\s"'.,()[\]]+)?$/s.exec(expression)
  if (quoted && !expression.slice(quoted[1]!.length + quoted[2]!.length + 2).includes("'")) {
    const text = quoted[2]!.replaceAll("''", "'")
    return quoted[1] === 'E' ? text.replace(/\\(.)/gs, '$1') : text
  }
  const bits = /^B'([01]*)'(?:::.+)?$/.exec(expression)
  if (bits) return bits[1]!
  const bare = /^\(?(-?\d+(?:\.\d+)?|true|false)\)?(?:::[^()]+(?:\([\d,]+\))?)?$/.exec(expression)
  if (!bare) return undefined
  return bare[1] === 'true' ? 't' : bare[1] === 'false' ? 'f' : bare[1]
}
