import { decimalText, optional, type Schema } from '../../core/index.ts'
import { isDecimal } from '../scalars.ts'
import { splitColon } from '../field-path.ts'
import { cellOf, fromJson, misfit, type Cell } from './cells.ts'
import type { Column } from './lookup.ts'

/** A field to take of what is found, and its name in the record. */
export interface Choice {
  readonly from: string
  readonly name: string
}

/** Reads the setting `fields`: `a` or `a:b`. Throws an Error, for a ConfigError. */
export function choicesOf(fields: readonly string[]): readonly Choice[] {
  const choices = fields.map((text) => {
    const [from, name] = splitColon(text)
    if (from.trim() === '' || name?.trim() === '') throw new Error(`"${text}" names no field; write field or field:new-name`)
    return { from: unquoted(from), name: unquoted(name ?? from) }
  })
  const twice = choices.find(({ name }, index) => choices.findIndex((other) => other.name === name) !== index)
  if (twice !== undefined) throw new Error(`two fields would be called "${twice.name}"; rename one of them (field:new-name)`)
  return choices
}

/** Reads the setting `types`: `field:type`, by the field's name where it is found. Throws an Error, for a ConfigError. */
export function typesOf(texts: readonly string[]): ReadonlyMap<string, Cell> {
  return new Map(
    texts.map((text) => {
      const [name, type] = splitColon(text)
      if (type === undefined) throw new Error(`"${text}" is not of the form field:type`)
      return [unquoted(name), cellOf(type.trim())]
    }),
  )
}

/** Texts with the types of a table's columns. */
export function textColumn(name: string, cell: Cell, nullable: boolean): Column {
  const typeName = cell.schema.name ?? cell.schema.type
  const read = (raw: unknown, use: (text: string) => unknown): unknown => {
    if (raw === null) return null
    const value = use(raw as string)
    if (value === undefined) throw misfit(name, raw as string, typeName)
    return value
  }
  return {
    name,
    schema: nullable ? optional(cell.schema) : cell.schema,
    typed: (raw) => read(raw, cell.fromText),
    plain: (raw) => read(raw, cell.plain),
  }
}

/** Members of JSON objects with a declared type. */
export function jsonColumn(name: string, cell: Cell): Column {
  const schema: Schema = optional(cell.schema)
  const typed = (raw: unknown) => (raw === null || raw === undefined ? null : fromJson(cell, name, raw))
  const plain = (raw: unknown) => {
    const value = typed(raw)
    return isDecimal(value) ? decimalText(value) : value
  }
  return { name, schema, typed, plain }
}

/** Members of JSON objects as they are. */
export function anyColumn(name: string): Column {
  const as = (raw: unknown) => raw ?? null
  return { name, schema: null, typed: as, plain: as }
}

function unquoted(text: string): string {
  const trimmed = text.trim()
  return trimmed.length > 2 && trimmed.startsWith('`') && trimmed.endsWith('`') ? trimmed.slice(1, -1) : trimmed
}
