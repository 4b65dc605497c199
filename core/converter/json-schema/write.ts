import { DataError } from '../../contract/errors.ts'
import type { Schema } from '../../contract/schema.ts'
import { isInheritedName, memberPath, placeText, shownValue } from '../field-path.ts'
import { quote } from '../json-scalars.ts'
import { jsonWriter, type JsonWriter } from '../json-write.ts'
import { words, type JsonMapping } from './connect-words.ts'

/** Writes values of a Connect schema as the JSON that `messageShaper` reads. Throws a DataError that names the field. */
export function messageWriter(schema: Schema, mapping: JsonMapping, path = ''): JsonWriter {
  // JsonConverter's writer, made of source text, is twice as fast.
  const write = isPlain(schema) ? undefined : presentWriter(schema, mapping, path)
  if (write === undefined) return jsonWriter(schema, { decimals: mapping.decimals, nullAsDefault: true }, path)
  const missing =
    schema.defaultValue !== undefined && schema.defaultValue !== null ? write(schema.defaultValue) : schema.optional ? 'null' : undefined
  return (value) => {
    if (value !== null && value !== undefined) return write(value)
    if (missing === undefined) throw new DataError(`${placeText(path)} is null, but it is required`)
    return missing
  }
}

// True where JsonConverter writes the same: without alternatives and without maps whose keys are no text.
function isPlain(schema: Schema): boolean {
  if (schema.type === 'struct') return schema.name !== words.oneOf && schema.fields.every((field) => isPlain(field.schema))
  if (schema.type === 'map' && (schema.keySchema!.type !== 'string' || schema.keySchema!.optional)) return false
  return schema.valueSchema === null || isPlain(schema.valueSchema)
}

// undefined: JsonConverter's own writer does it.
function presentWriter(schema: Schema, mapping: JsonMapping, path: string): JsonWriter | undefined {
  const wrong = (value: unknown): never => {
    throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a value of ${schema.name ?? schema.type}`)
  }
  switch (schema.type) {
    case 'array': {
      const item = messageWriter(schema.valueSchema!, mapping, `${path}[]`)
      return (value) => (Array.isArray(value) ? `[${value.map((one) => item(one)).join(',')}]` : wrong(value))
    }
    case 'map': {
      const named = schema.keySchema!.type === 'string' && !schema.keySchema!.optional
      const key = messageWriter(schema.keySchema!, mapping, `${path}{key}`)
      const item = messageWriter(schema.valueSchema!, mapping, `${path}{}`)
      return (value) => {
        if (!(value instanceof Map)) return wrong(value)
        const parts = [...value].map(([name, one]) => (named ? `${key(name)}:${item(one)}` : `{"key":${key(name)},"value":${item(one)}}`))
        return named ? `{${parts.join(',')}}` : `[${parts.join(',')}]`
      }
    }
    case 'struct':
      return schema.name === words.oneOf ? oneOfWriter(schema, mapping, path, wrong) : structWriter(schema, mapping, path, wrong)
    default:
      return undefined
  }
}

function structWriter(schema: Schema, mapping: JsonMapping, path: string, wrong: (value: unknown) => never): JsonWriter {
  const members = schema.fields.map((field, index) => ({
    name: field.name,
    inherited: isInheritedName(field.name),
    head: `${index === 0 ? '' : ','}${quote(field.name)}:`,
    write: messageWriter(field.schema, mapping, memberPath(path, field.name)),
  }))
  return (value) => {
    if (!isStruct(value)) return wrong(value)
    const names = Object.keys(value)
    if (names.length > members.length) {
      const unknown = names.find((name) => !members.some((one) => one.name === name))
      throw new DataError(`${placeText(path)} has a member ${JSON.stringify(unknown)} that is not in its schema`)
    }
    let text = '{'
    for (const { name, inherited, head, write } of members)
      text += head + write(inherited && !Object.hasOwn(value, name) ? null : value[name])
    return `${text}}`
  }
}

function oneOfWriter(schema: Schema, mapping: JsonMapping, path: string, wrong: (value: unknown) => never): JsonWriter {
  const branches = schema.fields.map((field) => ({ name: field.name, write: messageWriter(field.schema, mapping, path) }))
  return (value) => {
    if (!isStruct(value)) return wrong(value)
    const set = branches.filter((one) => value[one.name] !== null && value[one.name] !== undefined)
    if (set.length > 1) throw new DataError(`${placeText(path)} has ${set.length} alternatives set; only one may be`)
    if (set.length === 1) return set[0]!.write(value[set[0]!.name])
    if (schema.optional) return 'null'
    throw new DataError(`${placeText(path)} has none of its alternatives set`)
  }
}

function isStruct(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map) && !ArrayBuffer.isView(value)
}
