import { asBool, fault, placed, present, type Code, type Frame, type Run } from './code.ts'
import type { Bound, Scope } from './compile.ts'
import type { MemberMode } from './members.ts'
import { coerced } from './operators.ts'
import type { Node } from './parse.ts'
import * as types from './types.ts'
import { typeText, unify, type Type } from './types.ts'
import { EvaluationError, isSpent, kindOf, spend } from './values.ts'

interface MacroCall {
  readonly place: Pick<Code, 'at' | 'text'>
  readonly scope: Scope
  readonly receiver: Node | null
  readonly nodes: readonly Node[]
  readonly compile: (node: Node, scope: Scope, mode?: MemberMode) => Code
}

type Macro = (call: MacroCall) => Code

/** What looks like a function and is none: its arguments are not evaluated once and before. */
export const macros: ReadonlyMap<string, Macro> = new Map<string, Macro>([
  ['has', has],
  ['coalesce', coalesce],
  ['orValue', coalesce],
  ['all', (call) => quantifier(call, 'all')],
  ['exists', (call) => quantifier(call, 'exists')],
  ['exists_one', (call) => quantifier(call, 'exists_one')],
  ['filter', (call) => filter(call)],
  ['map', (call) => map(call)],
  ['cel.bind', bind],
])

function has({ place, scope, receiver, nodes, compile }: MacroCall): Code {
  const [node] = nodes
  if (receiver !== null || nodes.length !== 1 || (node!.op !== '.' && node!.op !== '[]')) {
    return fault(place.at, 'has() takes one member: has(value.name)')
  }
  const { run } = compile(node!, scope, 'may')
  return { ...place, type: types.bool, nullable: false, run: (frame) => run(frame) !== null }
}

function coalesce({ place, scope, receiver, nodes, compile }: MacroCall): Code {
  const all = receiver === null ? nodes : [receiver, ...nodes]
  if (all.length < 2) return fault(place.at, 'coalesce() takes two values or more')
  const codes = all.map((node) => compile(node, scope, 'may'))
  const type = codes
    .map((code) => code.type)
    .reduce((a, b) => unify(a, b) ?? fault(place.at, `coalesce() takes values of one type, not ${typeText(a)} and ${typeText(b)}`))
  const runs = codes.map((code) => coerced(code, type).run)
  const run: Run = (frame) => {
    for (const one of runs) {
      const value = one(frame)
      if (value !== null) return value
    }
    return null
  }
  return { ...place, type, nullable: codes.every(({ nullable }) => nullable), run }
}

interface Loop {
  /** The items; takes one step for each. */
  readonly items: (frame: Frame) => readonly unknown[]
  readonly slot: number
  readonly inner: Scope
}

function loopOf({ place, scope, receiver, nodes, compile }: MacroCall, name: string, counts: readonly number[]): Loop {
  const [variable] = nodes
  if (receiver === null || !counts.includes(nodes.length) || variable?.op !== 'id') {
    return fault(place.at, `${name}() is written list.${name}(x, ...), with a name for each item`)
  }
  const list = present(compile(receiver, scope))
  const { type } = list
  if (!['list', 'map', 'dyn'].includes(type.kind))
    fault(receiver.start, `${list.text} is ${typeText(type)}; ${name}() goes over a list or a map's keys`)
  const item: Type = type.kind === 'list' ? type.item : type.kind === 'map' ? type.key : types.dyn
  const nullable = type.kind === 'dyn' || (type.kind === 'list' && type.nulls)
  const { inner, slot } = withVariable(scope, variable.args, { type: item, nullable })
  const { run } = list
  return {
    slot,
    inner,
    items(frame) {
      const whole = run(frame)
      const items = Array.isArray(whole) ? whole : keysOf(whole, list.text)
      spend(items.length)
      return items
    },
  }
}

function keysOf(whole: unknown, text: string): readonly unknown[] {
  if (whole instanceof Map) return [...whole.keys()]
  if (kindOf(whole) === 'map') return Object.keys(whole as object)
  throw new EvaluationError(`${text} is ${kindOf(whole)}; a macro goes over a list or a map's keys`)
}

function withVariable(scope: Scope, name: string, bound: Omit<Bound, 'slot'>): { readonly inner: Scope; readonly slot: number } {
  // A name that hides another gets a place of its own all the same.
  const slot = scope.depth
  return { slot, inner: { ...scope, depth: slot + 1, bound: new Map(scope.bound).set(name, { ...bound, slot }) } }
}

function quantifier(call: MacroCall, kind: 'all' | 'exists' | 'exists_one'): Code {
  const { items, slot, inner } = loopOf(call, kind, [2])
  const test = asBool(call.compile(call.nodes[1]!, inner), `the condition of ${kind}()`)
  const { place } = call
  const one: Run = (frame) => {
    let found = 0
    for (const item of items(frame)) {
      frame.slots[slot] = item
      if (test(frame) === true) found++
    }
    return found === 1
  }
  // An error at one item gives way to another item that decides, as CEL demands.
  const decisive = kind === 'exists'
  const any: Run = (frame) => {
    let failed: unknown
    for (const item of items(frame)) {
      frame.slots[slot] = item
      try {
        if (test(frame) === decisive) return decisive
      } catch (error) {
        if (!(error instanceof EvaluationError) || isSpent()) throw error
        failed ??= error
      }
    }
    if (failed !== undefined) throw failed
    return !decisive
  }
  return { ...place, type: types.bool, nullable: false, run: placed(place.at, kind === 'exists_one' ? one : any) }
}

function filter(call: MacroCall): Code {
  const { items, slot, inner } = loopOf(call, 'filter', [2])
  const test = asBool(call.compile(call.nodes[1]!, inner), 'the condition of filter()')
  const item = inner.bound.get((call.nodes[0] as { readonly args: string }).args)!
  const run: Run = (frame) =>
    items(frame).filter((one) => {
      frame.slots[slot] = one
      return test(frame)
    })
  return { ...call.place, type: { kind: 'list', item: item.type, nulls: item.nullable }, nullable: false, run: placed(call.place.at, run) }
}

function map(call: MacroCall): Code {
  const { items, slot, inner } = loopOf(call, 'map', [2, 3])
  const [, second, third] = call.nodes
  const test = third === undefined ? undefined : asBool(call.compile(second!, inner), 'the condition of map()')
  const made = call.compile(third ?? second!, inner)
  const run: Run = (frame) => {
    const list: unknown[] = []
    for (const one of items(frame)) {
      frame.slots[slot] = one
      if (test === undefined || test(frame) === true) list.push(made.run(frame))
    }
    return list
  }
  return { ...call.place, type: { kind: 'list', item: made.type, nulls: made.nullable }, nullable: false, run: placed(call.place.at, run) }
}

function bind({ place, scope, nodes, compile }: MacroCall): Code {
  const [name, value, rest] = nodes
  if (nodes.length !== 3 || name!.op !== 'id') return fault(place.at, 'cel.bind() is written cel.bind(name, value, expression)')
  const bound = compile(value!, scope)
  const { inner, slot } = withVariable(scope, name!.args, { type: bound.type, nullable: bound.nullable })
  const result = compile(rest!, inner)
  const run: Run = (frame) => {
    frame.slots[slot] = bound.run(frame)
    return result.run(frame)
  }
  return { ...place, type: result.type, nullable: result.nullable, run }
}
