import type { ValueSettings } from './settings.ts'

/**
 * The topic of a table: `prefix.schema.table`, where characters that Kafka does not allow become `_`, as Debezium does it.
 * Schema names (`.Key`, `.Value`, `.Envelope`) are built on it.
 */
export function topicOf(settings: Pick<ValueSettings, 'prefix' | 'delimiter'>, schema: string, table: string): string {
  return topicName([settings.prefix, schema, table].join(settings.delimiter))
}

/** A topic name with the characters that Kafka refuses replaced by `_`. */
export function topicName(text: string): string {
  return text.replace(/[^a-zA-Z0-9._-]/g, '_')
}

/** A schema's name under `schema.name.adjustment.mode`. Throws nothing: every name has an adjusted form. */
export function schemaName(settings: ValueSettings, name: string): string {
  return adjusted(name, settings.schemaNames, /[^a-zA-Z0-9_.]/gu, true)
}

/** A field's name under `field.name.adjustment.mode`. */
export function fieldName(settings: ValueSettings, name: string): string {
  return adjusted(name, settings.fieldNames, /[^a-zA-Z0-9_]/gu, false)
}

/** Avro names start with a letter or `_`; `avro_unicode` writes a refused character as `_uXXXX` (and `_` itself so), which cannot collide. */
function adjusted(name: string, mode: ValueSettings['schemaNames'], refused: RegExp, dotted: boolean): string {
  switch (mode) {
    case 'none':
      return name
    case 'avro':
      return starts(name.replace(refused, '_'), dotted)
    case 'avro_unicode':
      return starts(
        name.replace(/_/g, '_u005f').replace(refused, (character) => escape(character)),
        dotted,
      )
    default:
      return mode satisfies never
  }
}

function starts(name: string, dotted: boolean): string {
  return dotted ? name.replace(/(^|\.)(?=[0-9])/g, '$1_') : name.replace(/^(?=[0-9])/, '_')
}

function escape(character: string): string {
  return [...Array(character.length).keys()].map((at) => `_u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')
}
