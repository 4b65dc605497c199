import { DataError, defineConfig, logical, primitive, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { castTo, castTypes, type CastType, type CastValue } from './cast-value.ts'
import { refused } from './config-fault.ts'
import { bySchema, requireStruct } from './fields.ts'
import { parsePath, syntaxKey, syntaxOf, type FieldPath } from './field-path.ts'
import { compileEdit, compilePlainEdit, fieldTree } from './field-tree.ts'
import { keyAndValue, type Side } from './side.ts'
import { nullKey } from './struct-copy.ts'

const config = defineConfig({
  spec: {
    type: 'list',
    required: true,
    importance: 'high',
    doc: `field:type for each field, or one type for the whole key or value: ${castTypes.join(', ')}. Bytes can become text only.`,
    check: (spec: readonly string[]) => (spec.length === 0 ? 'Must specify at least one field to cast.' : specFault(spec)),
  },
  ...syntaxKey,
  ...nullKey,
})

const purpose = 'cast types'

/**
 * `org.apache.kafka.connect.transforms.Cast$Key` and `$Value`. Null passes. Beyond Java: a number out of the type's range, text that is
 * neither true nor false, and the like are DataErrors; Java wraps, saturates or says false. A field that is missing is not added.
 */
export const cast = keyAndValue('org.apache.kafka.connect.transforms.Cast', 'Casts fields or the whole to a type', config, createCast)

interface Casting {
  readonly type: CastType
  readonly apply: CastValue
}

function createCast(settings: ConfigOf<typeof config>, side: Side): Transform {
  const [first] = settings.spec
  if (!first!.includes(':')) return createWholeCast(typeOf(first!), side)
  const syntax = syntaxOf(settings)
  const tree = refused('spec', settings.spec.join(','), () =>
    fieldTree(
      settings.spec.map((text): readonly [FieldPath, Casting] => {
        const [name, type] = splitSpec(text)
        return [parsePath(name, syntax), { type, apply: castTo(type, name) }]
      }),
    ),
  )
  const edits = bySchema((schema) =>
    compileEdit(schema, tree, {
      nullAsDefault: settings['replace.null.with.default'],
      top: 'kept',
      edit: ({ type, apply }, { schema: field }, path) => ({
        schema: castSchema(field, type, apply, path),
        through: (value) => apply(value, field),
      }),
    }),
  )
  const editPlain = compilePlainEdit(tree, purpose, { change: ({ apply }, member) => (member === null ? null : apply(member, null)) })
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) {
        return side.replace(record, null, editPlain(value))
      }
      const edit = edits(schema)
      return side.replace(record, edit.schema, edit.copy(requireStruct(schema, value, purpose)))
    },
  }
}

function createWholeCast(type: CastType, side: Side): Transform {
  const apply = castTo(type, undefined)
  const target = bySchema((schema) => {
    const { optional, defaultValue, name, version, doc, parameters } = schema
    const extras = {
      optional,
      doc,
      ...(defaultValue === undefined || defaultValue === null ? {} : { defaultValue: apply(defaultValue, schema) }),
    }
    // A logical type's name says how to read another type's values.
    return primitive(type, logicalNames.has(name ?? '') ? extras : { ...extras, name, version, parameters })
  })
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema !== null) castable(schema, 'the value')
      return side.replace(record, schema === null ? null : target(schema), apply(value, schema))
    },
  }
}

const logicalNames: ReadonlySet<string> = new Set(Object.values(logical))

function castSchema(field: Schema, type: CastType, apply: CastValue, path: string): Schema {
  castable(field, `field "${path}"`)
  const { optional, defaultValue } = field
  const fallback = defaultValue === undefined || defaultValue === null ? undefined : apply(defaultValue, field)
  return primitive(type, { optional, defaultValue: fallback })
}

function castable({ type }: Schema, place: string): void {
  if (['array', 'map', 'struct'].includes(type)) throw new DataError(`Cast: ${place} is of type ${type}, which cannot be cast`)
}

function specFault(spec: readonly string[]): string | undefined {
  if (spec.length > 1 && spec.some((text) => !text.includes(':'))) {
    return 'Cast transformations that specify a type to cast the entire value to may only specify a single cast in their spec'
  }
  try {
    spec.forEach(splitSpec)
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

function splitSpec(text: string): readonly [name: string, type: CastType] {
  const colon = text.lastIndexOf(':')
  return [text.slice(0, Math.max(0, colon)).trim(), typeOf(text.slice(colon + 1))]
}

function typeOf(text: string): CastType {
  const type = text.trim().toLowerCase()
  if (!castTypes.includes(type as CastType))
    throw new Error(`Invalid type found in casting spec: ${text.trim()}; known are ${castTypes.join(', ')}`)
  return type as CastType
}
