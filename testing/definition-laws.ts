import type { ConfigDef, ConfigKey, PartKind } from '../core/index.ts'
import { parseKeys } from '../core/contract/config-def.ts'
import { connectorConfig, runtimeConfig } from '../core/runtime/framework-config.ts'
import { ensure, type Law } from './law.ts'

/** What a part's definition says, whatever its kind. */
export interface Defined {
  readonly class: string
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly config: ConfigDef
}

const types: ReadonlySet<string> = new Set(['string', 'int', 'short', 'long', 'double', 'boolean', 'list', 'class', 'password'])
const classPattern = /^[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*)*$/
const aliasPattern = /^[A-Za-z][\w.$-]*$/
/** Keys that the runtime reads itself: a connector that declared one would give it a second meaning. */
const runtimeKeys: ReadonlySet<string> = new Set([...Object.keys(connectorConfig), ...Object.keys(runtimeConfig)])

/** What the definition of every part must say. Needs nothing but the definition. */
export function definitionLawsOf(kind: PartKind, part: Defined): readonly Law[] {
  const keys = Object.entries(part.config)
  return [
    {
      name: 'its class and aliases are names that a config can hold',
      mend: 'Use a name such as `com.acme.PollSource`: letters, digits and dots; aliases are short and lower-case.',
      check: () => names(part),
    },
    {
      name: 'it says what it is for, and so does every setting',
      mend: 'Give the part and every key a `doc`: one sentence with the unit and the effect. Forms and lists show it.',
      check: () => {
        ensure((part.doc ?? '').trim() !== '', 'the part has no `doc`')
        const silent = keys.filter(([, { doc }]) => typeof doc !== 'string' || doc.trim() === '').map(([key]) => key)
        ensure(silent.length === 0, () => `without \`doc\`: ${silent.join(', ')}`)
      },
    },
    {
      name: 'every default is of its type and passes its own check',
      mend: 'A default is what a person could have written: of the type, within `min`, `max` and `oneOf`, and accepted by `check`.',
      check: () => keys.forEach(([name, key]) => defaultFits(name, key)),
    },
    {
      name: 'its settings have types that exist, and names of their own',
      mend: `Types are ${[...types].join(', ')}; keys that the runtime reads itself keep their meaning and are not declared.`,
      check: () => {
        for (const [name, { type, min, max, required, default: given }] of keys) {
          ensure(types.has(type), () => `"${name}" is of the type ${String(type)}`)
          ensure(/^[A-Za-z][\w.-]*$/.test(name), () => `"${name}" is no name that a properties file can hold`)
          ensure(min === undefined || max === undefined || min <= max, () => `of "${name}", min ${min} is greater than max ${max}`)
          ensure(!required || given === undefined, () => `"${name}" is required and has a default: drop one`)
          ensure(!isConnector(kind) || !runtimeKeys.has(name), () => `"${name}" is read by the runtime`)
        }
      },
    },
    {
      name: 'an empty config is refused for its required keys and for nothing else',
      mend: 'Mark a key `required` or give it a default; a `check` says what is wrong by its answer, it throws nothing.',
      check: () => {
        const faulty = parseKeys(part.config, {}).filter(({ errors }) => errors.length > 0)
        const unexpected = faulty.find(({ name }) => !part.config[name]!.required)
        ensure(unexpected === undefined, () => `"${unexpected!.name}" is faulty where it is not given: ${unexpected!.errors.join(' ')}`)
      },
    },
  ]
}

function names({ class: name, aliases = [] }: Defined): void {
  ensure(classPattern.test(name), `the class is called "${name}"`)
  const odd = aliases.find((alias) => !aliasPattern.test(alias))
  ensure(odd === undefined, `an alias is called "${odd}"`)
  ensure(new Set([name, ...aliases]).size === aliases.length + 1, `a name occurs twice: ${[name, ...aliases].join(', ')}`)
}

function defaultFits(name: string, key: ConfigKey): void {
  const { default: given } = key
  if (given === undefined || given === null || key.unsupported !== undefined) return
  const wanted = { string: 'string', class: 'string', password: 'string', boolean: 'boolean' } as Readonly<Record<string, string>>
  const right = key.type === 'list' ? Array.isArray(given) : typeof given === (wanted[key.type] ?? 'number')
  ensure(right, () => `the default of "${name}" is ${JSON.stringify(given)}, and its type is ${key.type}`)
  const text = Array.isArray(given) ? given.join(',') : String(given)
  const errors = parseKeys({ [name]: key }, { [name]: text })[0]!.errors
  ensure(errors.length === 0, () => `the default of "${name}" is refused: ${errors.join(' ')}`)
}

function isConnector(kind: PartKind): boolean {
  return kind === 'source' || kind === 'sink'
}
