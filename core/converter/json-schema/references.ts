import { DataError } from '../../contract/errors.ts'
import { NumberText, parseJson } from '../json-parse.ts'

/** A JSON object of a schema. */
export type Node = Readonly<Record<string, unknown>>

/** A place in one of the documents that belong to a schema. */
export interface Place {
  readonly node: Node
  /** The document that `#` means here. */
  readonly document: Document
}

interface Document {
  readonly root: Node
  readonly uri: string
}

/** A schema's text and those that it refers to: finds what `$ref` means among them, and nowhere else. */
export class SchemaDocuments {
  readonly #byUri = new Map<string, Document>()
  readonly main: Place

  /** Throws a DataError for text that is no JSON. */
  constructor(text: string, imports: readonly { readonly name: string; readonly text: string }[]) {
    for (const one of imports) this.#add(one.text, one.name)
    const document = this.#add(text, '')
    this.main = { node: document.root, document }
  }

  /** What `$ref` names, seen from a document. */
  resolve(reference: string, from: Document): Place {
    const hash = reference.indexOf('#')
    const uri = hash < 0 ? reference : reference.slice(0, hash)
    const pointer = hash < 0 ? '' : reference.slice(hash + 1)
    const document = uri === '' ? from : (this.#byUri.get(uri) ?? this.#byUri.get(absolute(uri, from.uri)))
    if (document === undefined) {
      throw new DataError(
        `The JSON Schema refers to ${reference.slice(0, 200)}, which is not among its references in the registry; nothing is fetched from elsewhere`,
      )
    }
    if (pointer === '') return { node: document.root, document }
    if (!pointer.startsWith('/')) return { node: anchored(document.root, pointer, 0) ?? missing(reference), document }
    let node: unknown = document.root
    for (const part of pointer.slice(1).split('/')) {
      const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
      const holder = node as Record<string, unknown>
      node = typeof node === 'object' && node !== null && Object.hasOwn(holder, name) ? holder[name] : missing(reference)
    }
    return { node: nodeOf(node), document }
  }

  #add(text: string, uri: string): Document {
    const root = nodeOf(parseJson(text, 'typed'))
    const id = typeof root['$id'] === 'string' ? root['$id'] : uri
    const document = { root, uri: id }
    if (uri !== '') this.#byUri.set(uri, document)
    if (id !== '') this.#byUri.set(id.replace(/#$/, ''), document)
    return document
  }
}

/** The JSON object; `true` is the empty one. Throws a DataError for anything else. */
export function nodeOf(json: unknown): Node {
  if (json === true) return {}
  if (typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof NumberText)) return json as Node
  throw new DataError(`The JSON Schema has ${JSON.stringify(json)?.slice(0, 100)} where a schema should be`)
}

function missing(reference: string): never {
  throw new DataError(`The JSON Schema refers to ${reference.slice(0, 200)}, which is not there`)
}

function absolute(uri: string, base: string): string {
  return URL.canParse(uri, base) ? new URL(uri, base).href : uri
}

function anchored(node: unknown, anchor: string, depth: number): Node | undefined {
  if (typeof node !== 'object' || node === null || depth > 50) return undefined
  if ((node as Node)['$anchor'] === anchor || (node as Node)['$id'] === `#${anchor}`) return node as Node
  for (const one of Object.values(node)) {
    const found = anchored(one, anchor, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}
