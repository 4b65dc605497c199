import type { SchemaAndValue } from '../../contract/converter.ts'
import type { Schema } from '../../contract/schema.ts'

/** Kinds of schema that a Confluent-compatible registry keeps, under its names. */
export type SchemaKind = 'AVRO' | 'JSON' | 'PROTOBUF'

/** A schema that another one uses, as the registry keeps it. */
export interface SchemaReference {
  readonly name: string
  readonly subject: string
  readonly version: number
}

/** A schema as the registry keeps it, with the texts of all that it refers to: those that others need come first. */
export interface RegisteredSchema {
  readonly kind: SchemaKind
  readonly text: string
  readonly references: readonly SchemaReference[]
  readonly imports: readonly { readonly name: string; readonly text: string }[]
}

/** Reads what stands behind the magic byte and the id of one message. Throws a DataError. */
export type MessageReader = (message: Buffer, start: number) => SchemaAndValue

/** Writes values of one Connect schema. */
export interface MessageWriter {
  /** What is registered for it. */
  readonly text: string
  /** Name of the record, for the subject name strategies that use it; null: it has none. */
  readonly recordName: string | null
  /** The message: `head` (magic byte and id), then the value. Throws a DataError that names the field. */
  write(head: Uint8Array, value: unknown): Uint8Array
}

/** One serialisation: how schemas of the registry and Connect's go together. All of it is synchronous. */
export interface Format {
  readonly kind: SchemaKind
  /** How this schema's messages are read; `version` becomes the Connect schema's where it states none. Throws a DataError for a schema that has no Connect form. */
  reader(schema: RegisteredSchema, version: number | null): MessageReader
  /** How this Connect schema's values are written, under a schema made from it. Throws a DataError. */
  writer(schema: Schema): MessageWriter
  /** How they are written under a schema that stands already. Throws a DataError where a value could not be told in it; `strict`: also where it has no room for a field. */
  writerAs(schema: Schema, registered: RegisteredSchema, strict: boolean): MessageWriter
  /** Name of the record that a schema describes; null: it has none. */
  recordName(schema: RegisteredSchema): string | null
}
