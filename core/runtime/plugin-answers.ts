import type { Progress } from '../contract/context.ts'
import type { ConfigIssue } from '../contract/errors.ts'
import type { ConnectRecord, Offsets, RecordBatch } from '../contract/record.ts'

// What plugins answer is foreign: it is looked at once, where it comes in, and the error names the part, the hook and the fault.

/** Tasks that a source may ask for, characters of all their settings together, and issues that a check may find. */
const tasksMax = 10_000
const settingsMax = 4_000_000
const issuesMax = 1_000
/** Characters of a text that people see: a phase, an issue. */
const textMax = 2_000
/** Depth of a position in `Offsets`; what lies deeper is circular, more likely than not. */
const depthMax = 50

/** The object, if it has these methods. Throws an Error that names those that it lacks. */
export function withMethods<T extends object>(made: T, part: string, hook: string, methods: readonly (string | symbol)[]): T {
  const given = made as unknown
  if (typeof given !== 'object' && typeof given !== 'function') throw wrong(part, hook, `gave ${kindOf(given)}, not an object`)
  if (given === null) throw wrong(part, hook, 'gave null, not an object')
  const missing = methods.filter((name) => typeof (given as Record<string | symbol, unknown>)[name] !== 'function')
  if (missing.length > 0) throw wrong(part, hook, `gave an object without ${missing.map((name) => `${nameOf(name)}()`).join(', ')}`)
  return made
}

/** Throws an Error where a batch is none. Records that are decoded only when asked for (`whole`) are not asked for. */
export function checkBatch(batch: RecordBatch, part: string): void {
  const given = batch as unknown
  if (typeof given !== 'object' || given === null) {
    throw wrong(part, 'poll', `gave ${kindOf(given)}, not a batch: { records, offsets }, or "idle" where there is nothing`)
  }
  const { offsets } = batch
  if (typeof (offsets as unknown) !== 'object' || offsets === null || Array.isArray(offsets)) {
    throw wrong(part, 'poll', `gave a batch whose "offsets" is ${kindOf(offsets)}, not an object of positions`)
  }
  const fault = jsonFault(offsets, 'offsets')
  if (fault !== undefined) throw wrong(part, 'poll', `gave a batch in which ${fault}; positions are JSON`)
  if (!batch.whole) checkRecords(batch.records, part)
}

function checkRecords(records: readonly ConnectRecord[], part: string): void {
  if (!Array.isArray(records as unknown)) throw wrong(part, 'poll', `gave a batch whose "records" is ${kindOf(records)}, not a list`)
  for (let at = 0; at < records.length; at++) {
    const fault = recordFault(records[at]!)
    if (fault !== undefined) throw wrong(part, 'poll', `gave records of which number ${at} ${fault}`)
  }
}

/** What is wrong with a record, as what follows "the record"; undefined: it has the shape that `record()` gives. */
export function recordFault(record: ConnectRecord): string | undefined {
  if (typeof record !== 'object' || record === null) return `is ${kindOf(record)}; build it by record()`
  if (typeof record.topic !== 'string' || record.topic === '') {
    return `has ${(record.topic as unknown) === '' ? 'an empty topic' : `${kindOf(record.topic)} as its topic`}; build it by record()`
  }
  // Asked for their presence alone: a source may decode them only when they are read.
  if (!('headers' in record && 'origin' in record && 'valueSchema' in record && 'key' in record)) {
    const missing = ['key', 'valueSchema', 'headers', 'origin'].find((name) => !(name in (record as object)))
    return `has no "${missing}"; build it by record()`
  }
  return undefined
}

/** Throws an Error where offsets that a sink gave are none. */
export function checkOffsetsOf(offsets: unknown, part: string, hook: string): Offsets | undefined {
  if (offsets === undefined || offsets === null) return undefined
  if (typeof offsets !== 'object' || Array.isArray(offsets)) throw wrong(part, hook, `gave ${kindOf(offsets)}, neither nothing nor offsets`)
  const fault = jsonFault(offsets, 'the answer')
  if (fault !== undefined) throw wrong(part, hook, `gave offsets in which ${fault}; positions are JSON`)
  return offsets as Offsets
}

/** The settings that each task has over the connector's, as `tasks` gave them. */
export function checkTasks(answer: unknown, part: string): readonly Readonly<Record<string, string>>[] {
  if (!Array.isArray(answer)) throw wrong(part, 'tasks', `gave ${kindOf(answer)}, not a list with an object of settings for each task`)
  if (answer.length > tasksMax) throw wrong(part, 'tasks', `gave ${answer.length} tasks; at most ${tasksMax} are taken`)
  let characters = 0
  return answer.map((one: unknown, at) => {
    if (typeof one !== 'object' || one === null || Array.isArray(one)) {
      throw wrong(part, 'tasks', `gave ${kindOf(one)} for task ${at}, not an object of settings`)
    }
    for (const [key, value] of Object.entries(one)) {
      if (typeof value !== 'string')
        throw wrong(part, 'tasks', `gave ${kindOf(value)} for the setting "${key}" of task ${at}; settings are texts`)
      characters += key.length + value.length
      if (characters > settingsMax) throw wrong(part, 'tasks', `gave settings of more than ${settingsMax} characters`)
    }
    return { ...one } as Readonly<Record<string, string>>
  })
}

/** The faults that `validate` found. */
export function checkIssues(answer: unknown, part: string): readonly ConfigIssue[] {
  if (!Array.isArray(answer)) throw wrong(part, 'validate', `gave ${kindOf(answer)}, not a list of { key, message }`)
  if (answer.length > issuesMax) throw wrong(part, 'validate', `gave ${answer.length} faults; at most ${issuesMax} are taken`)
  return answer.map((one: unknown, at) => {
    const { key, message, value } = (typeof one === 'object' && one !== null ? one : {}) as Readonly<Record<string, unknown>>
    if (typeof key !== 'string' || typeof message !== 'string')
      throw wrong(part, 'validate', `gave a fault, number ${at}, without a key and a message`)
    return {
      key: key.slice(0, textMax),
      message: message.slice(0, textMax),
      ...(typeof value === 'string' ? { value: value.slice(0, textMax) } : {}),
    }
  })
}

/** What a task reports, of bounded size; what is no progress in it is left out. */
export function shownProgress(progress: Progress): Progress {
  const given = (typeof progress === 'object' && progress !== null ? progress : {}) as Readonly<Record<string, unknown>>
  const { phase, snapshot, lag, tables } = given
  return {
    ...(typeof phase === 'string' ? { phase: phase.slice(0, textMax) } : {}),
    ...(isSmall(snapshot) ? { snapshot: snapshot as Progress['snapshot'] } : {}),
    ...(isSmall(lag) ? { lag: lag as Progress['lag'] } : {}),
    ...(isSmall(tables) ? { tables: tables as Progress['tables'] } : {}),
  } as Progress
}

/** A flat object of numbers, short texts and nulls, or null. */
function isSmall(value: unknown): boolean {
  if (value === null) return true
  if (typeof value !== 'object' || Array.isArray(value)) return false
  const parts = Object.values(value)
  return (
    parts.length <= tasksMax &&
    parts.every((one) => one === null || one === undefined || typeof one === 'number' || (typeof one === 'string' && one.length <= textMax))
  )
}

/** Where a value is not JSON, as what follows "in which"; undefined: it is. */
function jsonFault(value: unknown, path: string, depth = 0): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${path} is ${value}`
    case 'object': {
      if (value === null) return undefined
      if (depth > depthMax) return `${path.slice(0, 200)}... goes deeper than ${depthMax} levels, or in circles`
      const isList = Array.isArray(value)
      if (!isList && !isPlain(value)) return `${path} is ${kindOf(value)}`
      for (const key in value) {
        const fault = jsonFault((value as Record<string, unknown>)[key], isList ? `${path}[${key}]` : `${path}.${key}`, depth + 1)
        if (fault !== undefined) return fault
      }
      return undefined
    }
    default:
      return `${path} is ${kindOf(value)}`
  }
}

function isPlain(value: object): boolean {
  const proto: unknown = Object.getPrototypeOf(value)
  return proto === null || proto === Object.prototype || Object.getPrototypeOf(proto) === null
}

function wrong(part: string, hook: string, fault: string): Error {
  const error = new Error(`${hook} of ${part} ${fault}`)
  error.name = 'PluginError'
  return error
}

/** What a value is, for a sentence: never its contents. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'undefined'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') {
    if (typeof (value as { then?: unknown }).then === 'function') return 'a promise'
    const name = (value as { constructor?: { name?: unknown } }).constructor?.name
    return typeof name === 'string' && name !== 'Object' && name !== '' ? `a ${name.slice(0, 50)}` : 'an object'
  }
  return `a ${typeof value}`
}

function nameOf(name: string | symbol): string {
  return typeof name === 'string' ? name : `[${String(name.description)}]`
}
