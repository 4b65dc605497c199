import { DataError } from '../../contract/errors.ts'
import type { Schema } from '../../contract/schema.ts'
import { isInheritedName, memberPath, placeText, setOwn, shownValue } from '../field-path.ts'
import { NumberText } from '../json-parse.ts'
import { jsonShaper, type JsonShaper } from '../json-read.ts'
import { isPlain } from '../json-scalars.ts'
import { words, type JsonMapping } from './connect-words.ts'

/**
 * Shapes parsed JSON by a Connect schema: as JsonConverter, but with alternatives (a struct with one field set) and maps with keys that are
 * no text as arrays of {"key", "value"}. Throws a DataError that names the field.
 */
export function messageShaper(schema: Schema, mapping: JsonMapping, path = ''): JsonShaper {
  const shape = presentShaper(schema, mapping, path)
  if (shape === undefined) return jsonShaper(schema, true, path)
  const hasDefault = schema.defaultValue !== undefined && schema.defaultValue !== null
  return (parsed) => {
    if (parsed !== null && parsed !== undefined) return shape(parsed)
    if (hasDefault) return schema.defaultValue
    if (schema.optional) return null
    throw new DataError(`Invalid null value for required ${schema.type} field: ${placeText(path)}`)
  }
}

// undefined: JsonConverter's own shaper does it.
function presentShaper(schema: Schema, mapping: JsonMapping, path: string): JsonShaper | undefined {
  const wrong = (parsed: unknown): never => {
    throw new DataError(
      `${placeText(path)} is ${parsed instanceof NumberText ? parsed.text.slice(0, 40) : shownValue(parsed)}, which is not a value of ${schema.name ?? schema.type}`,
    )
  }
  switch (schema.type) {
    case 'array': {
      const item = messageShaper(schema.valueSchema!, mapping, `${path}[]`)
      return (parsed) => (Array.isArray(parsed) ? parsed.map((one) => item(one)) : wrong(parsed))
    }
    case 'map':
      return mapShaper(schema, mapping, path, wrong)
    case 'struct':
      return schema.name === words.oneOf ? oneOfShaper(schema, mapping, path, wrong) : structShaper(schema, mapping, path, wrong)
    default:
      return undefined
  }
}

function mapShaper(schema: Schema, mapping: JsonMapping, path: string, wrong: (parsed: unknown) => never): JsonShaper {
  const item = messageShaper(schema.valueSchema!, mapping, `${path}{}`)
  if (schema.keySchema!.type === 'string' && !schema.keySchema!.optional) {
    return (parsed) => (isObject(parsed) ? new Map(Object.entries(parsed).map(([name, one]) => [name, item(one)])) : wrong(parsed))
  }
  const key = messageShaper(schema.keySchema!, mapping, `${path}{key}`)
  return (parsed) => {
    if (!Array.isArray(parsed)) return wrong(parsed)
    return new Map(
      parsed.map((entry: unknown) => {
        if (!isObject(entry) || Object.keys(entry).length !== 2)
          throw new DataError(`${placeText(path)} is a map, but an item is no object with key and value`)
        return [key(entry.key), item(entry.value)]
      }),
    )
  }
}

function structShaper(schema: Schema, mapping: JsonMapping, path: string, wrong: (parsed: unknown) => never): JsonShaper {
  const members = schema.fields.map((field) => ({
    name: field.name,
    inherited: isInheritedName(field.name),
    shape: messageShaper(field.schema, mapping, memberPath(path, field.name)),
  }))
  const known = new Set(members.map((one) => one.name))
  const drop = mapping.unknownMembers === 'drop'
  return (parsed) => {
    if (!isObject(parsed)) return wrong(parsed)
    const struct: Record<string, unknown> = {}
    let found = 0
    for (const { name, inherited, shape } of members) {
      const member = inherited && !Object.hasOwn(parsed, name) ? undefined : parsed[name]
      if (member !== undefined) found++
      setOwn(struct, name, shape(member))
    }
    if (!drop && found !== Object.keys(parsed).length) {
      const unknown = Object.keys(parsed).find((name) => !known.has(name))
      throw new DataError(
        `${placeText(path)} has a member ${JSON.stringify(unknown)} that is not in its schema; json.unknown.members=drop leaves such members out`,
      )
    }
    return struct
  }
}

// The first alternative that fits, as in Confluent's converter: that is what it writes and reads.
function oneOfShaper(schema: Schema, mapping: JsonMapping, path: string, wrong: (parsed: unknown) => never): JsonShaper {
  const branches = schema.fields.map((field) => ({
    name: field.name,
    schema: field.schema,
    shape: messageShaper(field.schema, mapping, path),
  }))
  return (parsed) => {
    const fitting = branches.find((one) => fits(one.schema, parsed))
    if (fitting === undefined) return wrong(parsed)
    const struct: Record<string, unknown> = {}
    for (const one of branches) setOwn(struct, one.name, one === fitting ? one.shape(parsed) : null)
    return struct
  }
}

function fits(schema: Schema, parsed: unknown): boolean {
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return parsed instanceof NumberText ? /^-?\d+$/.test(parsed.text) : Number.isInteger(parsed)
    case 'float32':
    case 'float64':
      return typeof parsed === 'number' || parsed instanceof NumberText
    case 'boolean':
      return typeof parsed === 'boolean'
    case 'string':
      return typeof parsed === 'string' && isSymbol(schema, parsed)
    case 'bytes':
      return typeof parsed === 'string' || typeof parsed === 'number' || parsed instanceof NumberText
    case 'array':
      return Array.isArray(parsed)
    case 'map':
      return isObject(parsed) || Array.isArray(parsed)
    case 'struct': {
      if (schema.name === words.oneOf) return schema.fields.some((field) => fits(field.schema, parsed))
      if (!isObject(parsed)) return false
      const names = new Set(schema.fields.map((field) => field.name))
      const lacks = schema.fields.some(
        (field) => !field.schema.optional && field.schema.defaultValue === undefined && !Object.hasOwn(parsed, field.name),
      )
      return !lacks && Object.keys(parsed).every((name) => names.has(name))
    }
    default:
      return schema.type satisfies never
  }
}

function isSymbol(schema: Schema, text: string): boolean {
  return schema.parameters?.[words.enum] === undefined || Object.hasOwn(schema.parameters, `${words.enum}.${text}`)
}

function isObject(parsed: unknown): parsed is Record<string, unknown> {
  return typeof parsed === 'object' && parsed !== null && isPlain(parsed)
}
