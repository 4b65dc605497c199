import assert from 'node:assert/strict'
import transforms from '../../transforms/index.ts'
import { parseConfig, type Predicate, type Transform } from '../../core/index.ts'

/** A transform of the built-in plugin, made from a raw config as the worker makes it. */
export function transformOf(name: string, raw: Readonly<Record<string, string>> = {}): Transform {
  const def = transforms.transforms!.find((one) => one.class.endsWith(`.${name}`))
  assert.ok(def, `no transform ${name}`)
  return def.create(parsed(def.config, raw))
}

/** The same for a predicate. */
export function predicateOf(name: string, raw: Readonly<Record<string, string>> = {}): Predicate {
  const def = transforms.predicates!.find((one) => one.class.endsWith(`.${name}`))
  assert.ok(def, `no predicate ${name}`)
  return def.create(parsed(def.config, raw))
}

function parsed(def: Parameters<typeof parseConfig>[0], raw: Readonly<Record<string, string>>) {
  const { config, issues } = parseConfig(def, raw)
  if (issues.length > 0) throw new Error(issues.map((issue) => issue.message).join('\n'))
  return config
}
