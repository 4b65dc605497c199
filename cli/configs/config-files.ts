import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readConnector, type ConnectorFile, type FileFault } from './connector-file.ts'

export interface ConfigFiles {
  readonly connectors: readonly ConnectorFile[]
  readonly faults: readonly FileFault[]
  /** Files of the folders that are no configs by their ending. */
  readonly passedOver: readonly string[]
  /** Whether a folder was among the places: only then can it be known what is missing. */
  readonly hasFolder: boolean
}

/**
 * Reads connectors from files, folders and `-` (standard input). Of a folder: every .json and .properties in it and below, but for names
 * that begin with a dot. Faults are gathered, two files with one name among them; nothing is thrown.
 */
export function readConfigFiles(places: readonly string[]): ConfigFiles {
  const faults: FileFault[] = []
  const passedOver: string[] = []
  const files: string[] = []
  let hasFolder = false
  for (const place of places) {
    const folder = place === '-' ? false : isFolder(place)
    if (folder === undefined) faults.push({ file: place, key: null, message: 'There is no such file or folder' })
    else if (!folder) files.push(place)
    else {
      hasFolder = true
      const found = filesOf(place)
      const configs = found.filter((name) => /\.(json|properties)$/i.test(name))
      passedOver.push(...found.filter((name) => !configs.includes(name)))
      if (configs.length === 0) faults.push({ file: place, key: null, message: 'The folder holds no .json or .properties file: nothing says what should run' }) // prettier-ignore
      files.push(...configs)
    }
  }
  const connectors: ConnectorFile[] = []
  for (const file of new Set(files)) {
    const read = readConnector(file)
    if (Array.isArray(read)) faults.push(...(read as readonly FileFault[]))
    else connectors.push(read as ConnectorFile)
  }
  return { connectors, faults: [...faults, ...sameNames(connectors)], passedOver, hasFolder }
}

/** In the order of their names. Links to files are followed, as Kubernetes mounts configs by them; links to folders are not. */
function filesOf(folder: string): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
  return entries
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return filesOf(path)
      return entry.isFile() || (entry.isSymbolicLink() && isFolder(path) === false) ? [path] : []
    })
}

function isFolder(path: string): boolean | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory()
}

function sameNames(connectors: readonly ConnectorFile[]): readonly FileFault[] {
  return [...Map.groupBy(connectors, ({ name }) => name)].flatMap(([name, files]) =>
    files.slice(1).map(({ file }) => ({
      file,
      key: 'name',
      value: name,
      message: `${files[0]!.file} has a connector of this name, too: keep one of the two`,
    })),
  )
}
