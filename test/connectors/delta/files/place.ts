import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** Names of the files, without those of the journal, and without the hidden ones that a killed process left half written. */
export function filesIn(path: string): readonly string[] {
  const all = readdirSync(path, { recursive: true, withFileTypes: true })
  const names = all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
  return names.filter((name) => !name.startsWith('_millrace/') && !/\/\.[^/]*\.tmp$/.test(name)).sort()
}

/** The JSON lines of a file. */
export function linesIn(path: string, name: string): readonly unknown[] {
  const bytes = readFileSync(join(path, name))
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown)
}
