import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { GapError, type Offsets } from '../../core/index.ts'
import { codeOf } from './regular-file.ts'

/** What stands in `<file>.offsets`: how far the file is whole, and what the source's positions are there. */
export interface SinkState {
  readonly version: 1
  readonly connector: string
  readonly generation: number
  /** Names the task that wrote it last, so that one left over from a killed worker notices that another has taken its place. */
  readonly owner: string
  /** True: the task ended with nothing unflushed, so the file must be exactly this long. */
  readonly clean: boolean
  /** Bytes of the file that were durable with `offsets`. */
  readonly length: number
  /** Checksum of the last bytes before `length`. */
  readonly tail: number
  readonly offsets: Offsets
}

/** Path of the state of a file. */
export function statePath(file: string): string {
  return `${file}.offsets`
}

/** Reads it; undefined: there is none. Throws a GapError for one that cannot be understood. */
export async function readState(file: string): Promise<SinkState | undefined> {
  const path = statePath(file)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const state = parsed(text)
  if (state?.version !== 1 || !Number.isSafeInteger(state.length) || state.length < 0 || typeof state.offsets !== 'object') {
    throw new GapError(
      `${path} is not a state of this file sink (version 1). Remove it to append to ${file} without knowing what it holds.`,
    )
  }
  return state
}

/** Replaces it in one step; resolved: durable. */
export async function writeState(file: string, state: SinkState): Promise<void> {
  const path = statePath(file)
  const next = `${path}.${state.owner}.tmp`
  {
    await using target = await open(next, 'w', 0o640)
    await target.writeFile(JSON.stringify(state))
    await target.sync()
  }
  await rename(next, path)
  await syncFolder(file)
}

/** Removes what a crash in `writeState` left. */
export async function removeUnfinished(file: string): Promise<void> {
  const start = `${basename(statePath(file))}.`
  const names = await readdir(dirname(file))
  await Promise.all(
    names.filter((name) => name.startsWith(start) && name.endsWith('.tmp')).map((name) => rm(join(dirname(file), name), { force: true })),
  )
}

/** Makes the names in the file's folder durable. */
export async function syncFolder(file: string): Promise<void> {
  await using folder = await open(dirname(file), 'r')
  await folder.sync()
}

function parsed(text: string): SinkState | undefined {
  try {
    return JSON.parse(text) as SinkState
  } catch {
    return undefined // the caller says what is wrong
  }
}
