/**
 * Reads a Java properties file (java.util.Properties: comments with # or !, `=`, `:` or white space between key and value, lines continued
 * by a backslash, \uXXXX escapes). A key given twice keeps its last value.
 */
export function parseProperties(text: string): Record<string, string> {
  const entries: [string, string][] = []
  for (const line of logicalLines(text)) {
    const match = /^((?:\\.|[^\\\s=:])*)(?:\s*[=:]\s*|\s+|$)/su.exec(line)!
    entries.push([unescape(match[1]!), unescape(line.slice(match[0].length))])
  }
  return Object.fromEntries(entries)
}

function logicalLines(text: string): readonly string[] {
  const lines: string[] = []
  let held = ''
  for (const raw of text.split(/\r\n|\n|\r/)) {
    const line = raw.replace(/^[ \t\f]+/, '')
    if (held === '' && (line === '' || line[0] === '#' || line[0] === '!')) continue
    const trailing = /\\*$/.exec(line)![0].length
    if (trailing % 2 === 1) {
      held += line.slice(0, -1)
      continue
    }
    lines.push(held + line)
    held = ''
  }
  if (held !== '') lines.push(held)
  return lines
}

function unescape(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|.)/gsu, (_, escape: string) => {
    if (escape.length === 5) return String.fromCharCode(Number.parseInt(escape.slice(1), 16))
    return { t: '\t', n: '\n', r: '\r', f: '\f' }[escape] ?? escape
  })
}
