import { DataError, RetriableError } from '../../contract/errors.ts'
import type { RegisteredSchema, SchemaKind, SchemaReference } from './format.ts'
import type { Answer, RegistryTransport } from './transport.ts'

/** Longest text of one schema, in characters. */
export const schemaCharactersMax = 2 * 1024 * 1024
/** Most schemas that one schema may draw in through references, and how deep those may go. */
const importsMax = 200
const referenceDepthMax = 20
/** Most characters of schemas that are kept. */
const keptCharactersMax = 64 * 1024 * 1024

/** What the registry says of a schema's place under a subject. */
export interface SubjectVersion {
  readonly subject: string
  readonly version: number
}

export interface StoredSchema extends RegisteredSchema {
  readonly id: number
}

/**
 * The questions that converters ask of a Confluent-compatible registry. A DataError: the registry knows the answer, and it is no (unknown
 * id, incompatible, invalid); a RetriableError: it does not answer; a ConfigError: it does not let us in.
 */
export class RegistryClient {
  readonly #transport: RegistryTransport
  readonly #most: number
  readonly #byId = new Map<number, RegisteredSchema>()
  #characters = 0

  constructor(transport: RegistryTransport, schemasMax: number) {
    this.#transport = transport
    this.#most = schemasMax
  }

  /** The schema of this id, with all that it refers to. */
  async byId(id: number): Promise<RegisteredSchema> {
    const known = this.#byId.get(id)
    if (known !== undefined) return known
    const answer = await this.#transport.ask('GET', `/schemas/ids/${id}`)
    if (answer.status === 404) {
      throw new DataError(
        `The schema registry at ${this.#transport.shown} has no schema with id ${id}. Was the message written with another registry?`,
      )
    }
    const schema = await this.#resolved(this.#accepted(answer, `schema ${id}`), `schema ${id}`)
    this.#keep(id, schema)
    return schema
  }

  /** Subjects and versions under which this id is registered; empty where the registry cannot tell. */
  async versions(id: number): Promise<readonly SubjectVersion[]> {
    const answer = await this.#transport.ask('GET', `/schemas/ids/${id}/versions`)
    if (answer.status !== 200 || !Array.isArray(answer.body)) return []
    return answer.body.flatMap((one: unknown) => {
      const { subject, version } = membersOf(one)
      return typeof subject === 'string' && typeof version === 'number' ? [{ subject, version }] : []
    })
  }

  /** Registers a schema, or finds it registered; its id. */
  async register(
    subject: string,
    kind: SchemaKind,
    text: string,
    references: readonly SchemaReference[],
    normalize: boolean,
  ): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions${normalize ? '?normalize=true' : ''}`
    const answer = await this.#transport.ask('POST', path, bodyOf(kind, text, references))
    if (answer.status === 409) {
      throw new DataError(
        `The schema registry refuses the new schema of subject ${subject}, because it is incompatible with an earlier one: ${reasonOf(answer)}. ` +
          "Change the schema compatibly, or the subject's compatibility level.",
      )
    }
    if (answer.status === 422)
      throw new DataError(`The schema registry refuses the schema of subject ${subject} as invalid: ${reasonOf(answer)}`)
    return this.#idOf(answer, `registering subject ${subject}`)
  }

  /** Id of a schema that is registered under the subject. */
  async lookUp(
    subject: string,
    kind: SchemaKind,
    text: string,
    references: readonly SchemaReference[],
    normalize: boolean,
  ): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}${normalize ? '?normalize=true' : ''}`
    const answer = await this.#transport.ask('POST', path, bodyOf(kind, text, references))
    if (answer.status === 404) {
      throw new DataError(
        `Subject ${subject} does not have the record's schema (${reasonOf(answer)}). Register it, or set auto.register.schemas=true, ` +
          'or use.latest.version=true to write under the latest one.',
      )
    }
    if (answer.status === 422)
      throw new DataError(`The schema registry refuses the schema of subject ${subject} as invalid: ${reasonOf(answer)}`)
    return this.#idOf(answer, `looking up subject ${subject}`)
  }

  /** The subject's latest schema. */
  async latest(subject: string): Promise<StoredSchema> {
    const answer = await this.#transport.ask('GET', `/subjects/${encodeURIComponent(subject)}/versions/latest`)
    if (answer.status === 404) {
      throw new DataError(`Subject ${subject} has no schema yet, and use.latest.version=true registers none. Register one first.`)
    }
    const body = this.#accepted(answer, `the latest schema of ${subject}`)
    return { ...(await this.#resolved(body, `the latest schema of ${subject}`)), id: this.#idOf(answer, `subject ${subject}`) }
  }

  async #resolved(body: Record<string, unknown>, what: string): Promise<RegisteredSchema> {
    const imports = new Map<string, string>()
    const references = referencesOf(body, what)
    await this.#collect(references, imports, 1, what)
    return {
      kind: kindOf(body.schemaType, what),
      text: textOf(body.schema, what),
      references,
      imports: [...imports].map(([name, text]) => ({ name, text })),
    }
  }

  // Depth first, so that a schema stands behind those that it needs itself.
  async #collect(references: readonly SchemaReference[], into: Map<string, string>, depth: number, what: string): Promise<void> {
    if (depth > referenceDepthMax) throw new DataError(`${what} has references that go deeper than ${referenceDepthMax} levels`)
    for (const { name, subject, version } of references) {
      if (into.has(name)) continue
      if (into.size >= importsMax) throw new DataError(`${what} draws in more than ${importsMax} other schemas`)
      const answer = await this.#transport.ask('GET', `/subjects/${encodeURIComponent(subject)}/versions/${version}`)
      if (answer.status === 404)
        throw new DataError(`${what} refers to version ${version} of subject ${subject}, which the schema registry does not have`)
      const body = this.#accepted(answer, `version ${version} of subject ${subject}`)
      await this.#collect(referencesOf(body, what), into, depth + 1, what)
      into.set(name, textOf(body.schema, what))
    }
  }

  #accepted(answer: Answer, what: string): Record<string, unknown> {
    if (answer.status !== 200) throw this.#unexpected(answer, what)
    return membersOf(answer.body)
  }

  #idOf(answer: Answer, what: string): number {
    const { id } = membersOf(answer.body)
    if (answer.status !== 200 || typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > 0xffff_ffff)
      throw this.#unexpected(answer, what)
    return id
  }

  #unexpected(answer: Answer, what: string): RetriableError {
    return new RetriableError(
      `The schema registry at ${this.#transport.shown} answered ${answer.status} about ${what}: ${reasonOf(answer)}`,
    )
  }

  #keep(id: number, schema: RegisteredSchema): void {
    this.#byId.set(id, schema)
    this.#characters += sizeOf(schema)
    for (const [oldest, one] of this.#byId) {
      if (this.#byId.size <= this.#most && this.#characters <= keptCharactersMax) break
      this.#byId.delete(oldest)
      this.#characters -= sizeOf(one)
    }
  }
}

function sizeOf(schema: RegisteredSchema): number {
  return schema.imports.reduce((sum, one) => sum + one.text.length, schema.text.length)
}

function bodyOf(kind: SchemaKind, text: string, references: readonly SchemaReference[]): object {
  return { schema: text, ...(kind === 'AVRO' ? {} : { schemaType: kind }), ...(references.length === 0 ? {} : { references }) }
}

function membersOf(body: unknown): Record<string, unknown> {
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
}

function reasonOf({ status, body }: Answer): string {
  const { message, error_code: code } = membersOf(body)
  return typeof message === 'string' ? `${message.slice(0, 2_000)}${typeof code === 'number' ? ` (${code})` : ''}` : `status ${status}`
}

function kindOf(type: unknown, what: string): SchemaKind {
  if (type === undefined || type === null || type === 'AVRO') return 'AVRO'
  if (type === 'JSON' || type === 'PROTOBUF') return type
  throw new DataError(`${what} is of type ${String(type)}, which is none of AVRO, JSON and PROTOBUF`)
}

function textOf(text: unknown, what: string): string {
  if (typeof text !== 'string') throw new DataError(`The schema registry gave no text for ${what}`)
  if (text.length > schemaCharactersMax)
    throw new DataError(`${what} has ${text.length} characters; at most ${schemaCharactersMax} are read`)
  return text
}

function referencesOf(body: Record<string, unknown>, what: string): readonly SchemaReference[] {
  refuseRules(body, what)
  const { references } = body
  if (references === undefined || references === null) return []
  if (!Array.isArray(references)) throw new DataError(`The schema registry gave references of ${what} that are no list`)
  return references.map((one: unknown) => {
    const { name, subject, version } = membersOf(one)
    if (typeof name === 'string' && typeof subject === 'string' && typeof version === 'number') return { name, subject, version }
    throw new DataError(`The schema registry gave a reference of ${what} without name, subject and version`)
  })
}

// Rules that change values (encryption of fields above all): reading without them would hand on what nobody meant.
function refuseRules(body: Record<string, unknown>, what: string): void {
  const { domainRules } = membersOf(body.ruleSet)
  const changing = Array.isArray(domainRules)
    ? domainRules.map(membersOf).find((rule) => rule.kind === 'TRANSFORM' && rule.disabled !== true)
    : undefined
  if (changing === undefined) return
  throw new DataError(
    `${what} has the rule ${String(changing.name)} (${String(changing.type)}), which changes values; such rules are not supported`,
  )
}
