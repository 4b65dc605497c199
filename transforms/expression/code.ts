import type { ConnectRecord, Decimal, Schema } from '../../core/index.ts'
import { EvaluationError } from './values.ts'
import { typeText, type Type } from './types.ts'

/** What one evaluation works on. One per expression, used again and again: nothing here waits, so nothing overlaps. */
export interface Frame {
  record: ConnectRecord
  /** Values of the variables that macros bind. */
  readonly slots: unknown[]
}

export type Run = (frame: Frame) => unknown

/** A part of an expression, ready to run. */
export interface Code {
  readonly type: Type
  /** Whether it may be null. */
  readonly nullable: boolean
  readonly run: Run
  /** Place in the text. */
  readonly at: number
  /** As the text spells it. */
  readonly text: string
  /** Its value, where that is known before any record is. */
  readonly constant?: { readonly value: unknown }
  /** The decimal that a number literal spells: beside a decimal it is one. */
  readonly spelled?: Decimal
  /** A branch that is wrong for this schema: running it tells why. */
  readonly wrong?: true
  /** A field taken as it is: its schema, and its value as the record has it. */
  readonly taken?: { readonly schema: Schema | null; readonly raw: Run }
}

/** What is wrong with an expression, or with an expression for a schema, and where. */
export class ExpressionFault extends Error {
  override readonly name = 'ExpressionFault'
  readonly at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

export function fault(at: number, message: string): never {
  throw new ExpressionFault(message, at)
}

/** A value that is known now. */
export function constant(from: Pick<Code, 'at' | 'text'>, type: Type, value: unknown, spelled?: Decimal): Code {
  const { at, text } = from
  return { type, nullable: value === null, run: () => value, at, text, constant: { value }, ...(spelled && { spelled }) }
}

/** The same, never null: running it on null is an error that says so. */
export function present(code: Code): Code {
  if (code.type.kind === 'null') return fault(code.at, `null has no value here; == null asks for it, coalesce(a, b) takes another`)
  if (!code.nullable || code.type.kind === 'dyn') return code
  const { run, at, text } = code
  return {
    ...code,
    nullable: false,
    run(frame) {
      const value = run(frame)
      if (value === null) throw new EvaluationError(`${text} is null; write coalesce(${text}, ...) to give another value for null`, at)
      return value
    },
  }
}

/** Places errors of a call that knows none. */
export function placed(at: number, run: Run): Run {
  return (frame) => {
    try {
      return run(frame)
    } catch (error) {
      if (error instanceof EvaluationError) error.at ??= at
      throw error
    }
  }
}

/** Refuses a condition that is no bool; a value of unknown type is checked when it is there. */
export function asBool(code: Code, purpose: string): Run {
  const checked = present(code)
  if (checked.type.kind === 'bool') return checked.run
  if (checked.type.kind !== 'dyn') fault(code.at, `${purpose} must be a bool, but ${code.text} is ${typeText(code.type)}`)
  return (frame) => {
    const value = checked.run(frame)
    if (typeof value === 'boolean') return value
    throw new EvaluationError(`${purpose} must be a bool, but ${code.text} is ${value === null ? 'null' : 'none'}`, code.at)
  }
}
