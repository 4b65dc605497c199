import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** One file of a connector's dead letters. Files are only appended to, never renamed: a place in one stays where it is. */
export interface LetterFile {
  readonly name: string
  readonly path: string
  readonly task: number
  /** Counts the files of a task, from 0. */
  readonly number: number
  readonly bytes: number
}

/** `<connector>-<task>.jsonl`, then `<connector>-<task>.1.jsonl` and so on; the connector's name as in a URL. */
export function letterFileName(connector: string, task: number, number: number): string {
  return `${fileStem(connector)}-${task}${number === 0 ? '' : `.${number}`}.jsonl`
}

/** The connector's files, by task and number. A folder that does not exist has none. */
export async function letterFiles(folder: string, connector: string): Promise<readonly LetterFile[]> {
  const prefix = `${fileStem(connector)}-`
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const found = names.flatMap((name) => {
    const match = name.startsWith(prefix) ? /^(\d{1,9})(?:\.(\d{1,9}))?\.jsonl$/.exec(name.slice(prefix.length)) : null
    return match ? [{ name, path: join(folder, name), task: Number(match[1]), number: Number(match[2] ?? 0) }] : []
  })
  const files = await Promise.all(found.map(async (file) => ({ ...file, bytes: await sizeOf(file.path) })))
  return files.filter((file) => file.bytes >= 0).toSorted((a, b) => a.task - b.task || a.number - b.number)
}

function fileStem(connector: string): string {
  return encodeURIComponent(connector).replaceAll('*', '%2A')
}

/** -1: gone, or no plain file. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined // Somebody removed it between the listing and now.
    throw error
  })
  return found?.isFile() ? found.size : -1
}
