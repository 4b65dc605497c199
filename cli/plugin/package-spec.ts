import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { UsageError } from '../exit.ts'

/** What is to be installed: a package of the registry in some range, or a tarball on this machine. */
export type PackageSpec =
  | { readonly kind: 'registry'; readonly name: string; readonly range: string | undefined }
  | { readonly kind: 'tarball'; readonly file: string }

/** npm's bound of a name, in characters. */
const nameMax = 214
/** Longest range that is taken, in characters: npm's parser takes time that grows with it. */
const rangeMax = 256
const nameRule = /^(?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*$/
const forbiddenNames = ['node_modules', 'favicon.ico']

/**
 * Reads `NAME`, `NAME@RANGE` or the path of a tarball (`.tgz`). Throws a UsageError for everything else that npm itself would take (git,
 * URLs, folders, aliases): what such a spec gives can change from one call to the next, and nothing vouches for it.
 */
export function readPackageSpec(text: string): PackageSpec {
  if (text.endsWith('.tgz') && existsSync(text) && statSync(text).isFile()) return { kind: 'tarball', file: resolve(text) }
  const foreign = foreignSpec(text)
  if (foreign) throw wrong(text, foreign)
  const at = text.indexOf('@', 1)
  const name = at < 0 ? text : text.slice(0, at)
  const fault = nameFault(name)
  if (fault) throw wrong(text, fault)
  if (at < 0) return { kind: 'registry', name, range: undefined }
  const range = text.slice(at + 1).trim()
  if (!isRange(range)) {
    throw wrong(text, `"${range}" is neither a version range, such as 1.2.3, ^1.2 or ">=1 <3", nor a tag, such as latest`)
  }
  return { kind: 'registry', name, range }
}

/** Why npm's rules do not allow this name; undefined: they do. */
export function nameFault(name: string): string | undefined {
  if (name.length > nameMax) return `a package's name has at most ${nameMax} characters`
  if (forbiddenNames.includes(name)) return `no package can have the name ${name}`
  if (!nameRule.test(name)) {
    return `"${name}" is no package's name: lower-case letters, digits, "-", "_" and "." after a first letter or digit, with or without "@scope/"`
  }
  return undefined
}

/** A version as semver.org 2.0.0 writes it. */
export function isVersion(text: string): boolean {
  return text.length <= rangeMax && new RegExp(`^\\d{1,16}\\.\\d{1,16}\\.\\d{1,16}${suffix}$`).test(text)
}

const suffix = '(?:-[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?'
const partial = `v?(?:\\d{1,16}|[xX*])(?:\\.(?:\\d{1,16}|[xX*])){0,2}${suffix}`
const comparators = new RegExp(`^(?:(?:[~^=]|[<>]=?)?\\s*${partial})(?:\\s+(?:[~^=]|[<>]=?)?\\s*${partial})*$`)
const hyphen = new RegExp(`^${partial}\\s+-\\s+${partial}$`)
const tag = /^[a-z][a-z0-9._-]*$/i

function isRange(text: string): boolean {
  if (text === '' || text.length > rangeMax) return false
  if (tag.test(text)) return true
  return text
    .split('||')
    .map((one) => one.trim())
    .every((one) => hyphen.test(one) || comparators.test(one))
}

function foreignSpec(text: string): string | undefined {
  if (text.trim() === '') return 'it names no package'
  if (text.startsWith('-')) return 'it looks like an option'
  if (/^(?:\.|\/|~\/|[a-z]:[\\/])/i.test(text)) {
    if (text.endsWith('.tgz')) return 'there is no such file'
    return 'it is a path; pack the folder with "npm pack" and install the .tgz, or name the folder in the worker\'s plugin.path'
  }
  const range = text.slice(text.indexOf('@', 1) + 1)
  for (const one of [text, range]) {
    const protocol = /^([a-z][a-z0-9+.-]*):/i.exec(one)?.[1]
    if (protocol === 'npm') return 'it is an alias; install the package under its own name'
    if (protocol === 'file' || protocol === 'link' || protocol === 'workspace')
      return 'it is a path; pack it with "npm pack" and install the .tgz'
    if (protocol !== undefined) return `${protocol} addresses are not taken: publish the package, or "npm pack" it and install the .tgz`
  }
  if (text.endsWith('.tgz')) return 'there is no such file'
  if (/^[^@/][^/]*\/[^/]+/.test(text)) return 'repositories are not taken: publish the package, or "npm pack" it and install the .tgz'
  return undefined
}

function wrong(text: string, reason: string): UsageError {
  return new UsageError(`Cannot install "${text.slice(0, rangeMax)}": ${reason}.`)
}
