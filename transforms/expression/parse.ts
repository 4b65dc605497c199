import { createRequire } from 'node:module'
import type * as Cel from '@marcbachmann/cel-js'
import { ExpressionFault } from './code.ts'

/** Most characters of an expression. */
export const textMax = 10_000
/** Most nodes of an expression's tree. */
export const nodesMax = 2_000
/** How deeply parts of an expression lie in one another. */
export const depthMax = 100

let reader: { readonly grammar: Cel.Environment; readonly ParseError: typeof Cel.ParseError } | undefined

/**
 * The grammar of CEL; what names and types mean is decided in compile.ts, so the library evaluates nothing. Loaded with the first expression: a worker
 * lists transforms and reads no expression, and does without its 8 MB.
 */
function celReader(): NonNullable<typeof reader> {
  if (reader) return reader
  const { Environment, ParseError } = createRequire(import.meta.url)('@marcbachmann/cel-js') as typeof Cel
  const grammar = new Environment({
    unlistedVariablesAreDyn: true,
    limits: { maxAstNodes: nodesMax, maxDepth: depthMax, maxListElements: 500, maxMapEntries: 200, maxCallArguments: 16 },
  })
  reader = { grammar, ParseError }
  return reader
}

export type Node = Cel.ASTNode

/** Reads an expression. Throws an ExpressionFault with the place for a wrong one, or for one beyond the bounds above. */
export function parse(text: string): Node {
  if (text.length > textMax) throw new ExpressionFault(`the expression has ${text.length} characters; ${textMax} are the most`, 0)
  // The parser goes one level deeper per sign without counting.
  const signs = /[!-](?:\s*[!-]){20}/.exec(text)
  if (signs !== null) throw new ExpressionFault('too many signs in a row', signs.index)
  const { grammar, ParseError } = celReader()
  try {
    return grammar.parse(text).ast
  } catch (error) {
    if (error instanceof ParseError) throw new ExpressionFault(parseMessage(error), error.range?.start ?? 0)
    if (error instanceof RangeError) throw new ExpressionFault('the expression is nested too deeply', 0)
    throw error
  }
}

function parseMessage(error: Cel.ParseError): string {
  const limit = /^Exceeded (\w+) \((\d+)\)/.exec(error.summary)
  return limit === null ? error.summary : `the expression is too large: more than ${limit[2]} (${limit[1]})`
}

/** Line and column, from 1, of a place in a text. */
export function placeText(text: string, at: number): string {
  const before = text.slice(0, at).split('\n')
  const column = before.at(-1)!.length + 1
  return before.length === 1 ? `character ${column}` : `line ${before.length}, character ${column}`
}
