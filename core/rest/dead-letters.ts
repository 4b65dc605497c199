import { BadRequestError, NotFoundError } from '../contract/errors.ts'
import type { LetterFilter } from '../runtime/letters/letter-filter.ts'
import type { Control, RedriveOrder, RedriveReport } from '../runtime/control.ts'
import { ok, type Call, type Route } from './route.ts'
import { isObject, kindOf, NumberText, type JsonBody } from './strict-json.ts'

/** Letters on one page: by default, and at most. */
const limitDefault = 50
const limitMax = 500

const path = '/api/v1/connectors/:connector/dead-letters'

/** /api/v1/connectors/{c}/dead-letters: records that could not pass, and how they come again. */
export function deadLetterRoutes(control: Control): readonly Route[] {
  return [
    {
      method: 'GET',
      path,
      answer: async (call) => {
        const name = existing(control, call)
        const { query } = call
        const given = Object.fromEntries(filterKeys.map((key) => [key, query.get(key)]))
        const filter = filterOf(given, 'The query parameter')
        return ok(await control.deadLetters(name, { filter, limit: limitOf(query.get('limit')), cursor: query.get('cursor') }))
      },
    },
    {
      method: 'POST',
      path: `${path}/redrive`,
      answer: async (call) => {
        const name = existing(control, call)
        const { letters, ...report } = await control.redrive(name, orderOf(call.body()))
        return { status: 202, body: { ...reportBody(report), letters } }
      },
    },
    {
      method: 'GET',
      path: `${path}/redrive`,
      answer: async (call) => ok({ redrives: (await control.redrives(existing(control, call))).map(reportBody) }),
    },
  ]
}

function existing(control: Control, call: Call): string {
  const name = call.param('connector')
  if (!control.find(name)) throw new NotFoundError(`Connector ${name} not found`)
  return name
}

function reportBody({ createdMs, filter: { afterMs, beforeMs, ...filter }, ...report }: RedriveReport): object {
  const moments = {
    ...(afterMs !== undefined && { after: new Date(afterMs).toISOString() }),
    ...(beforeMs !== undefined && { before: new Date(beforeMs).toISOString() }),
  }
  return { ...report, created: new Date(createdMs).toISOString(), filter: { ...filter, ...moments } }
}

const filterKeys = ['stage', 'topic', 'error', 'after', 'before'] as const

function filterOf(given: Readonly<Record<string, string | null | undefined>>, place: string): LetterFilter {
  const { stage, topic, error, after, before } = given
  return {
    ...(stage && { stage }),
    ...(topic && { topic }),
    ...(error && { error }),
    ...(after && { afterMs: momentOf(after, `${place} "after"`) }),
    ...(before && { beforeMs: momentOf(before, `${place} "before"`) }),
  }
}

/** ISO 8601 with a zone, or milliseconds since the epoch. */
function momentOf(text: string, place: string): number {
  const zoned = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/.test(text)
  const moment = /^\d{1,15}$/.test(text) ? Number(text) : zoned ? Date.parse(text) : NaN
  if (!Number.isNaN(moment)) return moment
  throw new BadRequestError(`${place} must be a moment as 2025-01-31T12:00:00Z, or milliseconds since 1970; it is "${text}"`)
}

function limitOf(text: string | null): number {
  if (text === null || text === '') return limitDefault
  if (/^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= limitMax) return Number(text)
  throw new BadRequestError(`The query parameter "limit" must be a number from 1 to ${limitMax}; it is "${text}"`)
}

const orderKeys = new Set(['filter', 'from', 'max', 'again'])

/** The body of a redrive; without one, all letters are meant that were not redriven yet. */
function orderOf(body: JsonBody | undefined): RedriveOrder {
  if (body === undefined || body === null) return { filter: {}, from: null, max: null, again: false }
  if (!isObject(body))
    throw new BadRequestError(`The request body must be an object {"filter", "from", "max", "again"}; it is ${kindOf(body)}`)
  const unknown = Object.keys(body).find((key) => !orderKeys.has(key))
  if (unknown !== undefined) {
    throw new BadRequestError(`Unrecognized field "${unknown}": the request body may have "filter", "from", "max" and "again"`)
  }
  const { from = null, again = false } = body
  if (from !== null && typeof from !== 'string') throw new BadRequestError(`"from" must be the id of a letter; it is ${kindOf(from)}`)
  if (typeof again !== 'boolean') throw new BadRequestError(`"again" must be true or false; it is ${kindOf(again)}`)
  return { filter: sentFilter(body['filter']), from, max: maxOf(body['max']), again }
}

function sentFilter(filter: JsonBody | undefined): LetterFilter {
  if (filter === undefined || filter === null) return {}
  if (!isObject(filter)) throw new BadRequestError(`"filter" must be an object; it is ${kindOf(filter)}`)
  const given = Object.entries(filter).map(([key, value]) => {
    if (!(filterKeys as readonly string[]).includes(key)) {
      throw new BadRequestError(`Unrecognized field "${key}": "filter" may have ${filterKeys.map((one) => `"${one}"`).join(', ')}`)
    }
    const text = value instanceof NumberText ? value.text : value
    if (text !== null && typeof text !== 'string') throw new BadRequestError(`"${key}" in "filter" must be text; it is ${kindOf(value)}`)
    return [key, text] as const
  })
  return filterOf(Object.fromEntries(given), 'The filter')
}

function maxOf(max: JsonBody | undefined): number | null {
  if (max === undefined || max === null) return null
  const number = max instanceof NumberText ? Number(max.text) : NaN
  if (Number.isSafeInteger(number) && number >= 1) return number
  throw new BadRequestError(`"max" must be a whole number from 1; it is ${max instanceof NumberText ? max.text : kindOf(max)}`)
}
