import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { contractApi } from '../../core/runtime/plugins/api-range.ts'
import type { PartManifest } from '../../core/index.ts'
import { FailedError } from '../exit.ts'
import { printLines } from '../output/print.ts'
import { describeModule } from './describe-module.ts'
import { moduleOf, readOwnPackage, type OwnPackage } from './own-package.ts'

export const pluginKeyword = 'millrace-plugin'

/**
 * Writes `package.json#millrace` (`api` where it is missing, `parts` from the code) and the keyword, leaving everything else as it is. With `check`
 * nothing is written: rejects with a FailedError where it would be.
 */
export async function manifest(folder: string, options: { readonly check: boolean; readonly built: boolean }): Promise<void> {
  const own = readOwnPackage(folder)
  const { parts } = await describeModule(moduleOf(own, options))
  const wanted = withManifest(own, parts)
  const stale = staleParts(own, parts)
  if (isDeepStrictEqual(plain(wanted), own.json))
    return printLines([`${own.name}: its manifest says what its code offers (${count(parts)}).`])
  if (options.check)
    throw new FailedError(`${own.name}: ${stale ?? 'its manifest is not complete'}. Run "millrace plugin manifest" to write it.`)
  const indent = /^[ \t]+/m.exec(own.text)?.[0] ?? '  '
  writeFileSync(join(own.folder, 'package.json'), `${JSON.stringify(wanted, null, indent)}\n`)
  printLines([`${own.name}: wrote ${count(parts)} to package.json#millrace.`])
}

/** Why the parts that a manifest names are not those of the code; undefined: they are. */
export function staleParts(own: OwnPackage, parts: readonly PartManifest[]): string | undefined {
  const written = partsIn(own.manifest)
  if (isDeepStrictEqual(written, plain(parts))) return undefined
  if (written === undefined) return 'package.json#millrace names no parts'
  const key = ({ kind, class: name }: PartManifest) => `${kind} ${name}`
  const known = new Map((Array.isArray(written) ? (written as PartManifest[]) : []).map((part) => [key(part), part]))
  const differing = parts.filter((part) => !isDeepStrictEqual(known.get(key(part)), plain(part))).map(key)
  const gone = [...known.keys()].filter((one) => !parts.some((part) => key(part) === one))
  const names = [...differing, ...gone]
  return `package.json#millrace is not what the code offers${names.length > 0 ? `: ${names.join(', ')}` : ''}`
}

/** A package with one part may have it beside `api`. */
function partsIn(manifest: OwnPackage['manifest']): unknown {
  if (manifest['parts'] !== undefined || manifest['kind'] === undefined) return manifest['parts']
  const { api: _, entry: _entry, test: _test, ...part } = manifest
  return [part]
}

function withManifest({ json, manifest }: OwnPackage, parts: readonly PartManifest[]): Record<string, unknown> {
  const keywords = Array.isArray(json['keywords']) ? (json['keywords'] as unknown[]) : []
  const isFlat = manifest['parts'] === undefined && manifest['kind'] !== undefined && parts.length === 1
  const { api = contractApi, entry, test } = manifest
  const head = { api, ...(entry !== undefined && { entry }), ...(test !== undefined && { test }) }
  return {
    ...json,
    keywords: keywords.includes(pluginKeyword) ? keywords : [...keywords, pluginKeyword],
    millrace: { ...head, ...(isFlat ? parts[0] : { parts }) },
  }
}

function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function count(parts: readonly PartManifest[]): string {
  return parts.map(({ kind, class: name }) => `${kind} ${name}`).join(', ') || 'no parts'
}
