import type { ConfigDef, ConfigOf } from './config-def.ts'
import type { Schema } from './schema.ts'

export interface SchemaAndValue {
  readonly schema: Schema | null
  readonly value: unknown
}

/** Turns values into bytes and back, for ends that speak bytes. Throws a DataError for what it cannot turn exactly. */
export interface Converter {
  /** What `serialize` writes, for ends that put it into a text of their own; `bytes`: the value itself, both ways; absent: bytes of any kind. */
  readonly writes?: 'json' | 'text' | 'bytes'
  /** Everything asynchronous (registry look-ups), once per batch, before the calls below. */
  prepare?(topic: string, batch: readonly (Uint8Array | null | SchemaAndValue)[]): Promise<void>
  /** null: a tombstone. */
  serialize(topic: string, content: SchemaAndValue): Uint8Array | null
  /** Where `writes` says `json` or `text`: what `serialize` gives the UTF-8 of, for ends that write it into a buffer of their own. Well-formed. */
  text?(content: SchemaAndValue): string | null
  deserialize(topic: string, bytes: Uint8Array | null): SchemaAndValue
}

/** What a converter is: data; `create` gets the keys that follow its prefix (`value.converter.`). */
export interface ConverterDef<D extends ConfigDef = ConfigDef> {
  readonly class: string
  readonly aliases?: readonly string[]
  readonly doc?: string
  readonly config: D
  create(config: ConfigOf<D>, use: 'key' | 'value' | 'header'): Converter
}

/** Declares a converter; hides the one cast that lets converters with different configs stand in one list. */
export function converter<const D extends ConfigDef>(def: ConverterDef<D>): ConverterDef {
  return def as unknown as ConverterDef
}
