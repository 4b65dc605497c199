import { BadRequestError } from '../contract/errors.ts'
import type { Control, PreviewOrder } from '../runtime/control.ts'
import type { RawConfig } from '../runtime/ends.ts'
import { PreviewBrokenError } from '../runtime/preview/preview.ts'
import { previewLimits } from '../runtime/preview/preview-spec.ts'
import { sentConfig } from './connector-body.ts'
import { Problem } from './problem.ts'
import type { Route } from './route.ts'
import { bodyText, isObject, kindOf, NumberText, type JsonBody } from './strict-json.ts'

/** POST /api/v1/transforms/preview: what a config's transforms do to records, step by step. Nothing is written. */
export function previewRoutes(control: Control): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/api/v1/transforms/preview',
      answer: async (call) => {
        try {
          return { status: 200, text: await control.preview(orderOf(call.body())) }
        } catch (error) {
          if (error instanceof PreviewBrokenError) throw new Problem(504, error.message)
          throw error
        }
      },
    },
  ]
}

const members = ['connector', 'config', 'records', 'live', 'deadLetters', 'timeoutMs']

function orderOf(body: JsonBody | undefined): PreviewOrder {
  if (!isObject(body))
    throw new BadRequestError(`The request body must be an object {"connector", "config", "records"}; it is ${kindOf(body)}`)
  const unknown = Object.keys(body).find((name) => !members.includes(name))
  if (unknown !== undefined) {
    throw new BadRequestError(`Unrecognized field "${unknown}": the request body may have ${members.map((name) => `"${name}"`).join(', ')}`)
  }
  const { connector = null, config = null, records = null, live = null, deadLetters = null, timeoutMs = null } = body
  if (connector !== null && typeof connector !== 'string')
    throw new BadRequestError(`"connector" must be a name; it is ${kindOf(connector)}`)
  if (connector === null && config === null) throw new BadRequestError('The request body needs a "connector", a "config", or both')
  return {
    connector,
    config: config === null ? {} : withoutNulls(config),
    samples: samplesOf(records),
    live: countOf(live, 'live'),
    letters: countOf(deadLetters, 'deadLetters'),
    timeoutMs: timeoutMs === null ? previewLimits.timeoutMs.default : wholeNumber(timeoutMs, '"timeoutMs"'),
  }
}

function withoutNulls(config: JsonBody): RawConfig {
  const sent = sentConfig(config)
  const empty = Object.keys(sent).find((key) => sent[key] === null)
  if (empty !== undefined) throw new BadRequestError(`The config key "${empty}" is null; leave it out`)
  return sent as RawConfig
}

function samplesOf(records: JsonBody): readonly string[] {
  if (records === null) return []
  if (!Array.isArray(records)) throw new BadRequestError(`"records" must be a list of samples; it is ${kindOf(records)}`)
  return (records as readonly JsonBody[]).map(bodyText)
}

/** How many records to take from there; null: none. */
function countOf(given: JsonBody, name: string): number | null {
  if (given === null) return null
  if (!isObject(given)) throw new BadRequestError(`"${name}" must be an object {"records": 5}; it is ${kindOf(given)}`)
  const unknown = Object.keys(given).find((member) => member !== 'records')
  if (unknown !== undefined) throw new BadRequestError(`Unrecognized field "${unknown}": "${name}" may have "records"`)
  return given['records'] === undefined ? 5 : wholeNumber(given['records'], `"records" in "${name}"`)
}

function wholeNumber(body: JsonBody, name: string): number {
  const number = body instanceof NumberText ? Number(body.text) : NaN
  if (Number.isSafeInteger(number) && number >= 1) return number
  throw new BadRequestError(`${name} must be a whole number from 1; it is ${body instanceof NumberText ? body.text : kindOf(body)}`)
}
