import { fault, placed, present, type Code, type Run } from './code.ts'
import * as types from './types.ts'
import { typeText } from './types.ts'
import { EvaluationError, kindOf, readingOf, shownValue } from './values.ts'

/** must: what is not there is an error. may: it is null, at any level (`has`, `coalesce`). */
export type MemberMode = 'must' | 'may'

type Place = Pick<Code, 'at' | 'text'>

/** Compiles `whole.name`: a struct's field, a map's or an object's own member. */
export function compileMember(place: Place, whole: Code, name: string, mode: MemberMode): Code {
  const { type } = whole
  if (type.kind === 'struct') return fieldOfStruct(place, whole, name, mode)
  if (type.kind !== 'map' && type.kind !== 'dyn') {
    if (type.kind === 'null' && mode === 'may') return { ...place, type: types.dyn, nullable: true, run: () => null }
    return fault(place.at, `${whole.text} is ${typeText(type)}, which has no member "${name}"`)
  }
  const { run } = whole
  const read: Run = (frame) => {
    const holder = run(frame)
    const value = memberOf(holder, name)
    if (value !== undefined) return value
    return mode === 'may' ? null : missing(whole, holder, `"${name}"`)
  }
  const item = type.kind === 'map' ? type.item : types.dyn
  const nullable = mode === 'may' || type.kind !== 'map' || type.nulls
  return {
    ...place,
    type: item,
    nullable,
    run: placed(place.at, read),
    ...(whole.taken?.schema === null && { taken: { schema: null, raw: placed(place.at, read) } }),
  }
}

function fieldOfStruct(place: Place, whole: Code, name: string, mode: MemberMode): Code {
  if (whole.type.kind !== 'struct') return fault(place.at, 'not a struct')
  const field = whole.type.schema.fields.find((one) => one.name === name)
  if (field === undefined) {
    if (mode === 'may') return { ...place, type: types.nullType, nullable: true, run: () => null }
    const known = whole.type.schema.fields.map((one) => one.name)
    const list = known.slice(0, 20).join(', ')
    return fault(place.at, `${whole.text} has no field "${name}"; it has ${known.length > 20 ? `${list} ...` : list}`)
  }
  const { run } = whole
  // A name that all objects inherit is read only where the struct has it itself.
  const inherited = name in Object.prototype
  const raw: Run = (frame) => {
    const struct = run(frame) as Record<string, unknown> | null
    if (struct === null) return mode === 'may' ? null : missing(whole, null, `"${name}"`, place.at)
    return (inherited && !Object.hasOwn(struct, name) ? null : struct[name]) ?? null
  }
  const { type, read } = readingOf(field.schema)
  const nullable = field.schema.optional || mode === 'may'
  const taken = { schema: field.schema, raw }
  if (read === undefined) return { ...place, type, nullable, run: raw, taken }
  const taking: Run = (frame) => {
    const value = raw(frame)
    return value === null ? null : read(value)
  }
  return { ...place, type, nullable, run: taking, taken }
}

/** Compiles `whole[index]`: an item of a list, from 0, or a member. */
export function compileIndex(place: Place, whole: Code, index: Code, mode: MemberMode): Code {
  const { type } = whole
  if (typeof index.constant?.value === 'string') return { ...compileMember(place, whole, index.constant.value, mode), text: place.text }
  const [a, b] = [whole.run, present(index).run]
  const read: Run = (frame) => {
    const holder = a(frame)
    const at = b(frame)
    const value = Array.isArray(holder) ? itemOf(holder, at) : memberOf(holder, at)
    if (value !== undefined) return value
    return mode === 'may' ? null : missing(whole, holder, shownValue(at))
  }
  const run = placed(place.at, read)
  switch (type.kind) {
    case 'list':
      if (!['int', 'dyn'].includes(index.type.kind)) fault(index.at, `a list is indexed by an int, not by ${typeText(index.type)}`)
      return { ...place, type: type.item, nullable: type.nulls || mode === 'may', run }
    case 'map':
      return { ...place, type: type.item, nullable: type.nulls || mode === 'may', run }
    case 'dyn':
      return { ...place, type: types.dyn, nullable: true, run }
    case 'struct':
      return fault(index.at, `a field of a struct must be named by a text that is known now, not by ${index.text}`)
    default:
      return fault(place.at, `${whole.text} is ${typeText(type)}, which has no items`)
  }
}

function itemOf(list: readonly unknown[], at: unknown): unknown {
  if (typeof at !== 'bigint' && !Number.isInteger(at)) throw new EvaluationError(`a list is indexed by an int, not by ${shownValue(at)}`)
  const index = Number(at)
  return index < 0 ? undefined : list[index]
}

/** An own member; undefined where there is none. Nothing that objects inherit is one. */
function memberOf(holder: unknown, name: unknown): unknown {
  if (holder instanceof Map) return holder.get(name)
  if (typeof name !== 'string' || kindOf(holder) !== 'map') return undefined
  return Object.hasOwn(holder as object, name) ? ((holder as Record<string, unknown>)[name] ?? null) : undefined
}

function missing(whole: Code, holder: unknown, name: string, at?: number): never {
  const way = `has(...) asks whether it is there, coalesce(..., x) takes x instead`
  if (holder === null) throw new EvaluationError(`${whole.text} is null, so it has no ${name}; ${way}`, at)
  if (Array.isArray(holder)) throw new EvaluationError(`${whole.text} has ${holder.length} items, none at ${name}; ${way}`, at)
  if (kindOf(holder) !== 'map') throw new EvaluationError(`${whole.text} is ${kindOf(holder)}, so it has no ${name}`, at)
  throw new EvaluationError(`${whole.text} has no ${name}; ${way}`, at)
}
