import assert from 'node:assert/strict'
import { converters } from '../../../core/converter/index.ts'
import { parseConfig, type Converter } from '../../../core/index.ts'

/** A built-in converter by alias, made from a raw config as the worker makes it. */
export function converterOf(alias: string, raw: Readonly<Record<string, string>> = {}): Converter {
  const def = converters.find((one) => one.aliases?.includes(alias))
  assert.ok(def, `no converter ${alias}`)
  const { config, issues } = parseConfig(def.config, raw)
  if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
  return def.create(config, 'value')
}

/** UTF-8 bytes as text, for reading what a converter wrote. */
export function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : Buffer.from(bytes).toString('utf8')
}
