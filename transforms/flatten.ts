import { DataError, defineConfig, withExtras, type ConfigOf, type Schema, type Transform } from '../core/index.ts'
import { bySchema, fieldValue, isPlainObject, membersOf, requireStruct, setOwn, withFields } from './fields.ts'
import { isDecimal } from './scalars.ts'
import { keyAndValue, type Side } from './side.ts'

const config = defineConfig({
  delimiter: {
    type: 'string',
    default: '.',
    importance: 'medium',
    doc: 'Delimiter to insert between field names from the input record when generating field names for the output record.',
  },
})

const purpose = 'flattening'

/**
 * `org.apache.kafka.connect.transforms.Flatten$Key` and `$Value`: nested fields come to the top, arrays stay as they are. A null struct gives
 * nulls; a null field of a struct that is there gives its default, as in Java. Null passes, maps within a schema are DataErrors. Beyond Java: two
 * fields that would get the same name are a DataError without a schema too.
 */
export const flatten = keyAndValue('org.apache.kafka.connect.transforms.Flatten', 'Brings nested fields to the top', config, createFlatten)

type Struct = Readonly<Record<string, unknown>>

interface Leaf {
  readonly name: string
  readonly schema: Schema
  /** An expression over `parents`, the nested structs in the order of `Flattened.parents`. */
  readonly code: string
}

function createFlatten({ delimiter }: ConfigOf<typeof config>, side: Side): Transform {
  const flat = bySchema((schema) => compileFlat(schema, delimiter))
  return {
    apply(record) {
      const value = side.value(record)
      if (value === null) return record
      const schema = side.schema(record)
      if (schema === null) {
        const flat = value instanceof Map ? new Map<string, unknown>() : {}
        flattenPlain(value, '', delimiter, flat, record.topic)
        return side.replace(record, null, flat)
      }
      const struct = requireStruct(schema, value, purpose)
      const target = flat(schema)
      return side.replace(record, target.schema, target.copy(struct))
    },
  }
}

type Members = Map<string, unknown> | Record<string, unknown>

function flattenPlain(value: unknown, prefix: string, delimiter: string, into: Members, topic: string): void {
  for (const [name, member] of membersOf(value, purpose)) {
    const path = prefix === '' ? name : prefix + delimiter + name
    if (member instanceof Map || (isPlainObject(member) && !isDecimal(member))) {
      flattenPlain(member, path, delimiter, into, topic)
      continue
    }
    if (into instanceof Map ? into.has(path) : Object.hasOwn(into, path)) {
      throw new DataError(`Flatten gives two fields of topic "${topic}" the name "${path}"`)
    }
    if (into instanceof Map) into.set(path, member)
    else setOwn(into, path, member)
  }
}

// One literal for the whole, as compileCopy makes it; every nested struct is read once.
function compileFlat(schema: Schema, delimiter: string): { readonly schema: Schema; copy(struct: Struct): Struct } {
  const leaves: Leaf[] = []
  const parents: string[] = []
  const defaults: unknown[] = []

  const read = (parent: string, name: string): string => {
    const member = `${parent}[${JSON.stringify(name)}]`
    return name in Object.prototype ? `(Object.hasOwn(${parent}, ${JSON.stringify(name)}) ? ${member} : null)` : member
  }
  const orDefault = (fallback: unknown) =>
    fallback === undefined || fallback === null ? 'null' : `defaults[${defaults.push(fallback) - 1}]`

  function walk(struct: Schema, parent: string, prefix: string, inOptional: boolean, inherited: Struct | null): void {
    for (const field of struct.fields) {
      const name = prefix === '' ? field.name : prefix + delimiter + field.name
      const optional = inOptional || field.schema.optional
      const fallback = field.schema.defaultValue ?? (inherited === null ? undefined : (fieldValue(inherited, field, true) ?? undefined))
      const value = `(${parent} === null ? null : ${read(parent, field.name)} ?? ${orDefault(field.schema.defaultValue)})`
      if (field.schema.type === 'map') {
        throw new DataError(`Flatten does not support maps in records with schemas (for field "${name}"); ReplaceField can drop it`)
      }
      if (field.schema.type === 'struct') {
        const variable = `p${parents.length + 1}`
        parents.push(`const ${variable} = ${value};`)
        walk(field.schema, variable, name, optional, (fallback as Struct | undefined) ?? null)
      } else leaves.push({ name, schema: withExtras(field.schema, { optional, defaultValue: fallback }), code: value })
    }
  }
  walk(schema, 'struct', '', schema.optional, (schema.defaultValue as Struct | null | undefined) ?? null)

  const members = leaves.map(({ name, code }) => `${name === '__proto__' ? '["__proto__"]' : JSON.stringify(name)}: ${code}`)
  const code = `return (struct) => { ${parents.join('\n')} return { ${members.join(',\n')} } }`
  return {
    schema: withFields(
      schema,
      leaves.map((leaf) => [leaf.name, leaf.schema] as const),
    ),
    copy: (new Function('defaults', code) as (defaults: readonly unknown[]) => (struct: Struct) => Struct)(defaults),
  }
}
