import { constants } from 'node:fs'
import { open, realpath, type FileHandle } from 'node:fs/promises'
import { ConfigError } from '../../core/index.ts'

/** Opens a regular file; undefined if there is none. Throws a ConfigError for directories, pipes, devices and the kernel's own files. */
export async function openRegular(path: string, flags: number): Promise<FileHandle | undefined> {
  let file: FileHandle
  try {
    const real = await realpath(path).catch(() => path)
    if (/^\/(proc|sys|dev)(\/|$)/.test(real)) throw refused(path, 'belongs to the operating system')
    // Without waiting: opening a pipe would hang until somebody writes to it.
    file = await open(path, flags | constants.O_NONBLOCK, 0o640)
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ENOENT' && (flags & constants.O_CREAT) === 0) return undefined
    if (code === 'ENOENT') throw refused(path, 'cannot be created, because its folder does not exist', cause)
    if (code === 'EISDIR' || code === 'ENXIO') throw refused(path, 'is not a regular file', cause)
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') throw refused(path, `may not be opened by this process (${code})`, cause)
    if (code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENAMETOOLONG') throw refused(path, `is not a usable path (${code})`, cause)
    throw cause
  }
  const stat = await file.stat()
  if (stat.isFile()) return file
  await file.close()
  throw refused(path, 'is not a regular file')
}

/** The system's code of an error (ENOENT ...), or ''. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function refused(path: string, reason: string, cause?: unknown): ConfigError {
  return new ConfigError([{ key: 'file', value: path, message: `File ${path} ${reason}` }], { cause })
}
