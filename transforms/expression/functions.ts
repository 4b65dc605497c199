import { constant, ExpressionFault, fault, placed, present, type Code, type Run } from './code.ts'
import { conversions } from './functions-convert.ts'
import { mathematics } from './functions-math.ts'
import { texts } from './functions-text.ts'
import { times } from './functions-time.ts'
import { isNumeric, typeText, unify, type Kind, type Type } from './types.ts'
import { EvaluationError, kindOf, spend } from './values.ts'
import { coerced, looseRun } from './operators.ts'
import * as types from './types.ts'

export type Parameter = Exclude<Kind, 'dyn' | 'null' | 'struct'> | 'number' | 'any'

/** One way to call a function. Arguments are never null; none of them waits, reads a clock or anything beside its arguments. */
export interface Overload {
  readonly parameters: readonly Parameter[]
  /** True: the last parameter may come any number of times more. */
  readonly more?: boolean
  /** True: the arguments become one type before the call, where they have one. */
  readonly united?: boolean
  readonly result: Type | ((args: readonly Code[]) => Type)
  readonly call: (...args: never[]) => unknown
  /** Refuses constant arguments (patterns, zones) by throwing an Error, before any record; gets undefined for the others. */
  readonly check?: (...constants: never[]) => void
}

export type FunctionTable = Readonly<Record<string, readonly Overload[]>>

/** All functions: `f(a, b)` and `a.f(b)` are the same. */
const functions: ReadonlyMap<string, readonly Overload[]> = new Map(
  [texts, mathematics, conversions, times].flatMap((table: FunctionTable) => Object.entries(table)),
)

/** Names that people try, with the reason why they are not there. */
const absent: Readonly<Record<string, string>> = {
  now: 'an expression sees the record only, so that the same record always gives the same result; use the variable timestamp',
  rand: 'an expression gives the same result for the same record always; use sha256(...) of a field',
  random: 'an expression gives the same result for the same record always; use sha256(...) of a field',
  uuid: 'an expression gives the same result for the same record always; use sha256(...) of a field',
  uint: 'Connect has no unsigned integers; use int(...) or decimal(...)',
  dyn: 'values without a schema are of unknown type already',
  type: 'use has(...) or a condition on the value',
}

export function isFunction(name: string): boolean {
  return functions.has(name) || Object.hasOwn(absent, name)
}

/** The names of all functions, for the docs. */
export const functionNames: readonly string[] = [...functions.keys()]

/** Compiles a call. Throws an ExpressionFault where no overload takes these arguments. */
export function compileCall(place: Pick<Code, 'at' | 'text'>, name: string, given: readonly Code[]): Code {
  if (Object.hasOwn(absent, name)) fault(place.at, `there is no function ${name}(): ${absent[name]!}`)
  let args: readonly Code[] = given.map(present)
  const overloads = functions.get(name)!.filter((overload) => fits(overload, args))
  if (overloads.length === 0) {
    const wanted = functions.get(name)!.map((overload) => `${name}(${overload.parameters.join(', ')}${overload.more ? ', ...' : ''})`)
    return fault(place.at, `${name}(${args.map(({ type }) => typeText(type)).join(', ')}) does not exist; there is ${wanted.join(', ')}`)
  }
  const one = overloads[0]!.united ? commonType(args) : undefined
  if (one !== undefined) args = args.map((arg) => coerced(arg, one))
  const sure = args.every(({ type }) => type.kind !== 'dyn')
  const chosen = sure ? overloads.slice(0, 1) : overloads
  for (const overload of chosen) checkConstants(place, overload, args)
  const type = resultOf(chosen, args)
  const run = sure ? direct(chosen[0]!, args) : dispatched(name, chosen, args)
  const code: Code = { ...place, type, nullable: false, run: placed(place.at, run) }
  return args.length > 0 && args.every((arg) => arg.constant !== undefined) ? folded(code) : code
}

function commonType(args: readonly Code[]): Type | undefined {
  const [first, ...rest] = args.map(({ type }) => type)
  return rest.reduce<Type | undefined>((all, type) => all && unify(all, type), first)
}

function folded(code: Code): Code {
  try {
    return constant(code, code.type, code.run({ record: undefined as never, slots: [] }))
  } catch (error) {
    if (error instanceof EvaluationError) return fault(error.at ?? code.at, error.message)
    throw error
  }
}

function resultOf(chosen: readonly Overload[], args: readonly Code[]): Type {
  const results = chosen.map(({ result }) => (typeof result === 'function' ? result(args) : result))
  return results.every((type) => types.sameType(type, results[0]!)) ? results[0]! : types.dyn
}

function fits({ parameters, more }: Overload, args: readonly Code[]): boolean {
  if (more ? args.length < parameters.length : args.length !== parameters.length) return false
  return args.every(({ type: { kind } }, index) => kind === 'dyn' || accepts(parameters[index] ?? parameters.at(-1)!, kind))
}

function accepts(parameter: Parameter, kind: Kind): boolean {
  if (parameter === 'any' || parameter === kind) return true
  return parameter === 'number' ? isNumeric(kind) : parameter === 'map' && kind === 'struct'
}

function checkConstants(place: Pick<Code, 'at'>, { check }: Overload, args: readonly Code[]): void {
  if (check === undefined) return
  try {
    ;(check as (...constants: unknown[]) => void)(...args.map((arg) => arg.constant?.value))
  } catch (error) {
    throw new ExpressionFault(error instanceof Error ? error.message : String(error), place.at)
  }
}

type Call = (...args: unknown[]) => unknown

function direct({ call }: Overload, args: readonly Code[]): Run {
  const run = call as Call
  const [a, b, c] = args.map(looseRun)
  switch (args.length) {
    case 0:
      return () => run()
    case 1:
      return (frame) => run(charged(a!(frame)))
    case 2:
      return (frame) => run(charged(a!(frame)), b!(frame))
    case 3:
      return (frame) => run(charged(a!(frame)), b!(frame), c!(frame))
    default: {
      const runs = args.map(looseRun)
      return (frame) => {
        const values = runs.map((one) => one(frame))
        charged(values[0])
        return run(...values)
      }
    }
  }
}

/** Long texts and lists cost what they are long. */
function charged(value: unknown): unknown {
  if (typeof value === 'string') spend(value.length >> 6)
  else if (Array.isArray(value)) spend(value.length)
  return value
}

function dispatched(name: string, overloads: readonly Overload[], args: readonly Code[]): Run {
  const runs = args.map(looseRun)
  return (frame) => {
    const values = runs.map((one) => one(frame))
    const kinds = values.map(kindOf)
    const empty = kinds.indexOf('null')
    if (empty >= 0)
      throw new EvaluationError(`${args[empty]!.text} is null; write coalesce(${args[empty]!.text}, ...) to give another value for null`)
    const overload = overloads.find(({ parameters }) =>
      kinds.every((kind, index) => accepts(parameters[index] ?? parameters.at(-1)!, kind)),
    )
    if (overload === undefined) throw new EvaluationError(`${name}(${kinds.join(', ')}) does not exist`)
    charged(values[0])
    return (overload.call as Call)(...values)
  }
}
