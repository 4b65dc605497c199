import { DataError } from '../../contract/errors.ts'
import { logical, type Schema } from '../../contract/schema.ts'
import { memberPath, placeText } from '../field-path.ts'
import { quote } from '../json-scalars.ts'
import { words, type JsonMapping } from './connect-words.ts'
import { messageWriter } from './write.ts'

/** Deepest nesting of a Connect schema that is written. */
const depthMax = 100

/** The text of the JSON Schema (draft 7) for a Connect schema, with the words of Confluent's JsonSchemaConverter. Throws a DataError. */
export function jsonSchemaTextOf(schema: Schema, mapping: JsonMapping): string {
  return schemaText(schema, mapping, '', undefined, false, 0)
}

function schemaText(schema: Schema, mapping: JsonMapping, path: string, index: number | undefined, bare: boolean, depth: number): string {
  if (depth > depthMax)
    throw new DataError(`${placeText(path)} is nested deeper than ${depthMax} levels; JSON Schemas are not written deeper`)
  const place: readonly Member[] = index === undefined ? [] : [[words.index, String(index)]]
  if (schema.type === 'struct' && schema.name === words.oneOf) {
    const branches = schema.fields.map((field) =>
      schemaText(field.schema, mapping, memberPath(path, field.name), field.index, true, depth + 1),
    )
    return objectText([...place, ['oneOf', `[${[...(schema.optional ? ['{"type":"null"}'] : []), ...branches].join(',')}]`]])
  }
  const members = [...typeMembers(schema, mapping, path, depth), ...metadata(schema, mapping)]
  if (!schema.optional || bare) return objectText([...members, ...place])
  return objectText([...place, ['oneOf', `[{"type":"null"},${objectText(members)}]`]])
}

type Member = readonly [name: string, json: string]

function typeMembers(schema: Schema, mapping: JsonMapping, path: string, depth: number): readonly Member[] {
  const connectType = (type: string): Member => [words.type, quote(type)]
  switch (schema.type) {
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
      return [['type', '"integer"'], connectType(schema.type)]
    case 'float32':
    case 'float64':
      return [['type', '"number"'], connectType(schema.type)]
    case 'boolean':
      return [['type', '"boolean"']]
    case 'string': {
      if (schema.parameters?.[words.enum] === undefined) return [['type', '"string"']]
      const symbols = Object.entries(schema.parameters).flatMap(([name, symbol]) =>
        name.startsWith(`${words.enum}.`) ? [quote(symbol)] : [],
      )
      return [['enum', `[${symbols.join(',')}]`]]
    }
    case 'bytes':
      return [['type', schema.name === logical.decimal ? '"number"' : '"string"'], connectType('bytes')]
    case 'array':
      return [
        ['type', '"array"'],
        ['items', schemaText(schema.valueSchema!, mapping, `${path}[]`, undefined, false, depth + 1)],
      ]
    case 'map': {
      if (schema.keySchema!.type === 'string' && !schema.keySchema!.optional) {
        return [
          ['type', '"object"'],
          ['additionalProperties', schemaText(schema.valueSchema!, mapping, `${path}{}`, undefined, false, depth + 1)],
          connectType('map'),
        ]
      }
      const key = schemaText(schema.keySchema!, mapping, `${path}{key}`, 0, false, depth + 1)
      const value = schemaText(schema.valueSchema!, mapping, `${path}{}`, 1, false, depth + 1)
      return [['type', '"array"'], ['items', `{"type":"object","properties":{"key":${key},"value":${value}}}`], connectType('map')]
    }
    case 'struct': {
      const properties = schema.fields.map(
        (field) => `${quote(field.name)}:${schemaText(field.schema, mapping, memberPath(path, field.name), field.index, false, depth + 1)}`,
      )
      return [
        ['type', '"object"'],
        ['properties', `{${properties.join(',')}}`],
        ...(mapping.open ? [] : ([['additionalProperties', 'false']] as const)),
      ]
    }
    default:
      return schema.type satisfies never
  }
}

function metadata(schema: Schema, mapping: JsonMapping): readonly Member[] {
  const members: Member[] = []
  if (schema.name !== null) members.push(['title', quote(schema.name)])
  if (schema.doc !== null) members.push(['description', quote(schema.doc)])
  if (schema.version !== null) members.push([words.version, String(schema.version)])
  const parameters = Object.entries(schema.parameters ?? {}).filter(([name]) => !name.startsWith(words.namespace))
  if (parameters.length > 0) members.push([words.parameters, objectText(parameters.map(([name, value]) => [name, quote(value)]))])
  if (schema.defaultValue !== undefined && schema.defaultValue !== null)
    members.push(['default', messageWriter(schema, mapping, 'default')(schema.defaultValue)])
  return members
}

function objectText(members: readonly Member[]): string {
  return `{${members.map(([name, json]) => `${quote(name)}:${json}`).join(',')}}`
}
