import { BadRequestError } from '../contract/errors.ts'
import type { TargetState } from '../runtime/control.ts'
import { isObject, kindOf, NumberText, type JsonBody } from './strict-json.ts'

/** A config as a client sent it: values are text, null where JSON said null. */
export type SentConfig = Readonly<Record<string, string | null>>

export interface CreateRequest {
  readonly name: string
  readonly config: SentConfig
  readonly state: TargetState
}

const createFields = new Set(['name', 'config', 'initial_state'])
const states: readonly TargetState[] = ['RUNNING', 'PAUSED', 'STOPPED']

/** The body of POST /connectors. The name is trimmed; it stands in the config afterwards. Throws a BadRequestError that names the fault. */
export function createRequest(body: JsonBody | undefined): CreateRequest {
  if (!isObject(body)) throw new BadRequestError(`The request body must be an object {"name", "config"}; it is ${kindOf(body)}`)
  const unknown = Object.keys(body).find((field) => !createFields.has(field))
  if (unknown !== undefined) {
    throw new BadRequestError(`Unrecognized field "${unknown}": the request body may have "name", "config" and "initial_state"`)
  }
  const { name, config, initial_state: state } = body
  if (config === undefined || config === null) throw new BadRequestError('The request body has no "config": add the connector\'s settings')
  if (name !== undefined && name !== null && typeof name !== 'string' && !(name instanceof NumberText)) {
    throw new BadRequestError(`"name" must be text; it is ${kindOf(name)}`)
  }
  const text = (name instanceof NumberText ? name.text : (name ?? '')).trim()
  return { name: text, config: named(sentConfig(config), text), state: targetState(state) }
}

/** A flat config. Scalars become text as they were spelled. Throws a BadRequestError for nested values. */
export function sentConfig(body: JsonBody | undefined): SentConfig {
  if (!isObject(body)) throw new BadRequestError(`A connector config must be an object of keys and values; it is ${kindOf(body)}`)
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key, scalar(key, value)]))
}

/** The config with its name in it. Throws a BadRequestError where it names another connector. */
export function named(config: SentConfig, name: string): SentConfig {
  const included = config['name']
  if (included === undefined || included === null) return { ...config, name }
  if (included === name) return config
  throw mismatch(included, name)
}

/** Connect's refusal of a config that names another connector than its URL. */
export function mismatch(included: string, name: string): BadRequestError {
  return new BadRequestError(`Connector name configuration (${included}) doesn't match connector name in the URL (${name})`)
}

function scalar(key: string, value: JsonBody): string | null {
  if (value === null || typeof value === 'string') return value
  if (value instanceof NumberText) return value.text
  if (typeof value === 'boolean') return String(value)
  throw new BadRequestError(`The value of config key "${key}" is ${kindOf(value)}; it must be text, a number, true or false`)
}

function targetState(state: JsonBody | undefined): TargetState {
  if (state === undefined || state === null) return 'RUNNING'
  const known = typeof state === 'string' ? states.find((one) => one === state.toUpperCase()) : undefined
  if (known) return known
  throw new BadRequestError(
    `"initial_state" must be one of ${states.join(', ')}; it is ${typeof state === 'string' ? state : kindOf(state)}`,
  )
}
