import { isDeepStrictEqual } from 'node:util'
import type { PartManifest } from '../../core/index.ts'
import { pluginKeyword, readPackage } from '../../core/runtime/plugins/plugin-package.ts'
import { readManifest } from '../../core/runtime/plugins/read-manifest.ts'
import { FailedError } from '../exit.ts'
import { describeModule } from './describe-module.ts'
import { readPackageJson } from './install-folder.ts'
import { isVersion } from './package-spec.ts'

/** A package that is a plugin that this Millrace can run. */
export interface CheckedPackage {
  readonly version: string
  /** What its code offers. */
  readonly parts: readonly PartManifest[]
  /** Its manifest names its parts; else workers have to run its code to know them. */
  readonly isDescribed: boolean
}

/** Differences between a manifest and its code that are told. */
const differencesMax = 10

/**
 * Reads a package's manifest as a worker does, imports its code once in a process of its own, and compares the two. Rejects with a
 * FailedError that names what is wrong.
 */
export async function checkPackage(name: string, root: string): Promise<CheckedPackage> {
  const refuse = (reason: string, wayOut: string) => new FailedError(`${name} was not installed: ${reason}. ${wayOut}`)
  const askAuthor = 'Another version may be right; else tell its author.'
  const packageJson = readPackageJson(root)
  if (!packageJson) throw refuse('its package.json cannot be read', askAuthor)
  const { keywords, version } = packageJson
  if (!Array.isArray(keywords) || !keywords.includes(pluginKeyword)) {
    throw refuse(`it is no plugin: its package.json does not carry the keyword ${pluginKeyword}`, 'Is the name right?')
  }
  if (typeof version !== 'string' || !isVersion(version)) throw refuse('its package.json has no version such as 1.0.0', askAuthor)
  const found = readPackage(root, 'installed')
  if (found.fault !== null || found.module === null) throw refuse(lower(found.fault ?? 'it has no module'), askAuthor)
  if (found.name !== name) throw refuse(`its package.json calls it ${found.name}`, askAuthor)
  const described = await describeModule(found.module).catch((error: Error) => {
    throw refuse(`its code could not be imported: ${error.message}`, askAuthor)
  })
  const parts = readManifest(described).parts ?? []
  if (parts.length === 0) throw refuse('its code offers nothing', askAuthor)
  const different = found.parts === undefined ? [] : differences(found.parts, parts)
  if (different.length > 0) {
    const shown = different.slice(0, differencesMax).map((one) => `\n  ${one}`)
    const more = different.length > differencesMax ? `\n  and ${different.length - differencesMax} more` : ''
    throw new FailedError(
      `${name} was not installed: its manifest (package.json#millrace) is not what its code offers:${shown.join('')}${more}\nIts author can mend that with "millrace plugin manifest".`,
    )
  }
  return { version, parts, isDescribed: found.parts !== undefined }
}

/** Where a manifest and the code differ, each a line. What is only for people to read (`doc`) may differ. */
export function differences(manifest: readonly PartManifest[], code: readonly PartManifest[]): readonly string[] {
  const key = ({ kind, class: name }: PartManifest) => `${kind} ${name}`
  const written = new Map(manifest.map((part) => [key(part), part]))
  const offered = new Map(code.map((part) => [key(part), part]))
  return [
    ...[...written.keys()].filter((one) => !offered.has(one)).map((one) => `the manifest names the ${one}, and the code does not offer it`),
    ...[...offered.keys()].filter((one) => !written.has(one)).map((one) => `the code offers the ${one}, and the manifest does not name it`),
    ...[...written].flatMap(([one, part]) => (offered.has(one) ? partDifferences(one, part, offered.get(one)!) : [])),
  ]
}

function partDifferences(name: string, manifest: PartManifest, code: PartManifest): readonly string[] {
  const { config: written, doc: _, ...restWritten } = manifest
  const { config: offered, doc: _doc, ...restOffered } = code
  const fields = [...new Set([...Object.keys(restWritten), ...Object.keys(restOffered)])] as (keyof typeof restWritten)[]
  const keys = [...new Set([...Object.keys(written), ...Object.keys(offered)])]
  const without = (key: object | undefined) => (key ? { ...key, doc: '' } : undefined)
  return [
    ...fields.flatMap((field) => differs(`${name}: "${field}"`, restWritten[field], restOffered[field])),
    ...keys.flatMap((key) => differs(`${name}: setting "${key}"`, without(written[key]), without(offered[key]))),
  ]
}

function differs(what: string, written: unknown, offered: unknown): readonly string[] {
  if (isDeepStrictEqual(written, offered)) return []
  if (written === undefined) return [`${what} is only in the code`]
  if (offered === undefined) return [`${what} is only in the manifest`]
  return [`${what} is ${shown(written)} in the manifest and ${shown(offered)} in the code`]
}

function shown(value: unknown): string {
  const { doc: _, ...rest } = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as { doc?: unknown }) : {}
  const text = JSON.stringify(Object.keys(rest).length > 0 ? rest : value) ?? String(value)
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}

function lower(sentence: string): string {
  return /^(It|Its|Nothing) /.test(sentence) ? sentence[0]!.toLowerCase() + sentence.slice(1) : sentence
}
