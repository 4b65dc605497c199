import { constants } from 'node:fs'
import { access, lstat, realpath, stat } from 'node:fs/promises'
import { dirname, resolve, sep } from 'node:path'

/** File systems of the kernel: nothing can be stored there, and making a folder in them recursively never ends in Node. */
const kernelFolders = ['/proc', '/sys']

/**
 * Why no lake can be in this folder, as a text that names the key `path`, the value and the way out; undefined: nothing speaks against it.
 * The folder need not exist; then the nearest one above it that does is looked at. Nothing is made.
 */
export async function folderFault(path: string): Promise<string | undefined> {
  const fault = (reason: string): string => `path "${path}" ${reason}; name a folder that this process can write`
  const ancestor = await nearest(resolve(path))
  if (typeof ancestor !== 'string') return fault(`cannot be used (${ancestor.message})`)
  const place = ancestor === resolve(path) ? '' : `lies in ${ancestor}, which `
  let real: string
  try {
    if (!(await stat(ancestor)).isDirectory()) return fault(`${place}is a file, not a folder`)
    real = await realpath(ancestor)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return fault(`${place}is a link to nothing`)
    return fault(`cannot be used (${(error as Error).message})`)
  }
  const kernel = kernelFolders.find((folder) => real === folder || real.startsWith(folder + sep))
  if (kernel !== undefined) return fault(`lies in ${kernel}, where the kernel shows its state and no files can be kept`)
  try {
    await access(real, constants.W_OK | constants.X_OK)
  } catch (error) {
    return fault(`${place}is not writable (${codeOf(error) ?? String(error)})`)
  }
  return undefined
}

/** The path itself or the nearest one above it that exists, if only as a link; an error where that cannot be told. */
async function nearest(path: string): Promise<string | Error> {
  for (let part = path; ; part = dirname(part)) {
    try {
      await lstat(part)
      return part
    } catch (error) {
      const isAbsent = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
      if (!isAbsent || part === dirname(part)) return error as Error
    }
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code
}
