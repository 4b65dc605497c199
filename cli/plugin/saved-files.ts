import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** How often the files are looked at, in milliseconds. */
const lookMs = 200
/** Folders of a package that hold no source. */
const passedOver = new Set(['node_modules', 'dist', 'dev', 'test', 'coverage'])
/** More files than this are not looked at: then the package's folder is something else. */
const filesMax = 5_000

/**
 * Calls back, with the paths, when source files of a package or these `others` were saved: added, changed or removed. Files are looked at, not watched: that works
 * the same for every editor, container and network folder, and a package has few. A save is told once nothing changed for one look.
 */
export function onSaved(folder: string, others: readonly string[], saved: (paths: readonly string[]) => void): Disposable {
  let told = look(folder, others)
  let last = told
  const timer = setInterval(() => {
    const now = look(folder, others)
    const settled = changes(last, now).length === 0
    last = now
    const since = changes(told, now)
    if (!settled || since.length === 0) return
    told = now
    saved(since)
  }, lookMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

type Look = ReadonlyMap<string, string>

function look(folder: string, others: readonly string[]): Look {
  const found = new Map<string, string>(others.map((path) => [path, stamp(path)]))
  const walk = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.name.startsWith('.') || found.size >= filesMax) continue
      const inside = join(path, entry.name)
      if (entry.isDirectory() && !passedOver.has(entry.name)) walk(inside)
      else if (entry.isFile()) found.set(inside, stamp(inside))
    }
  }
  walk(folder)
  return found
}

function stamp(path: string): string {
  const { mtimeMs, size, ino } = statSync(path, { throwIfNoEntry: false }) ?? {}
  return `${mtimeMs} ${size} ${ino}`
}

function changes(before: Look, now: Look): readonly string[] {
  return [...new Set([...before.keys(), ...now.keys()])].filter((path) => before.get(path) !== now.get(path))
}
