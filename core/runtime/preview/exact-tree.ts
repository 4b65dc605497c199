/** A number of a JSON text whose spelling JavaScript would not give back. */
export class Spelled {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** JSON as a tree in which numbers keep all their digits. */
export type Tree = string | number | boolean | null | Spelled | readonly Tree[] | TreeObject
export interface TreeObject {
  readonly [name: string]: Tree
}

/** Parses JSON; `redact` removes secrets from texts, names and numbers. Throws a SyntaxError, as JSON.parse does. */
export function readTree(text: string, redact: (text: string) => string = (same) => same): Tree {
  return JSON.parse(text, (_: string, value: unknown, context?: { readonly source?: string }): Tree => {
    if (typeof value === 'string') return redact(value)
    if (typeof value === 'number') {
      const source = context?.source ?? String(value)
      const clean = redact(source)
      if (clean !== source) return clean
      return String(value) === source ? value : new Spelled(source)
    }
    if (isTreeObject(value as Tree)) {
      const entries = Object.entries(value as TreeObject)
      if (entries.some(([name]) => redact(name) !== name)) return Object.fromEntries(entries.map(([name, item]) => [redact(name), item]))
    }
    return value as Tree
  }) as Tree
}

/** The tree as JSON text. */
export function treeText(tree: Tree): string {
  if (tree instanceof Spelled) return tree.text
  if (Array.isArray(tree)) return `[${(tree as readonly Tree[]).map(treeText).join(',')}]`
  if (isTreeObject(tree)) {
    return `{${Object.entries(tree)
      .map(([name, item]) => `${JSON.stringify(name)}:${treeText(item)}`)
      .join(',')}}`
  }
  return JSON.stringify(tree)
}

/** True for a JSON object. */
export function isTreeObject(tree: Tree | undefined): tree is TreeObject {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree) && !(tree instanceof Spelled)
}
