interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly oneOf?: readonly Schema[]
}

/** Faults of a value by the part of JSON Schema 2020-12 that the OpenAPI document uses; a keyword beyond it throws. */
export function faultsOf(value: unknown, schema: Schema, schemas: Readonly<Record<string, object>>, at = '$'): readonly string[] {
  for (const keyword of Object.keys(schema)) if (!known.has(keyword)) throw new Error(`JSON Schema keyword ${keyword} is not checked here`)
  if (schema.$ref) return faultsOf(value, schemas[schema.$ref.replace('#/components/schemas/', '')] as Schema, schemas, at)
  if (schema.oneOf) {
    const fitting = schema.oneOf.filter((one) => faultsOf(value, one, schemas, at).length === 0)
    return fitting.length === 1 ? [] : [`${at} fits ${fitting.length} of the alternatives`]
  }
  if (schema.enum && !schema.enum.includes(value)) return [`${at} is ${JSON.stringify(value)}, not one of ${schema.enum.join(', ')}`]
  const types = schema.type === undefined ? [] : [schema.type].flat()
  if (types.length > 0 && !types.some((type) => is(type, value))) return [`${at} is ${JSON.stringify(value)}, not ${types.join(' or ')}`]
  if (typeof value === 'number' && (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity)))
    return [`${at} is ${value}`]
  if (typeof value === 'string' && schema.pattern && !new RegExp(schema.pattern).test(value))
    return [`${at} does not match ${schema.pattern}`]
  if (Array.isArray(value)) {
    if (value.length < (schema.minItems ?? 0)) return [`${at} has ${value.length} items`]
    return schema.items ? value.flatMap((item, index) => faultsOf(item, schema.items!, schemas, `${at}[${index}]`)) : []
  }
  return typeof value === 'object' && value !== null ? objectFaults(value, schema, schemas, at) : []
}

const known = new Set(
  '$ref type enum pattern minimum maximum minItems properties required additionalProperties items oneOf description'.split(' '),
)

function objectFaults(value: object, schema: Schema, schemas: Readonly<Record<string, object>>, at: string): readonly string[] {
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name)).map((name) => `${at} has no ${name}`)
  const wrong = Object.entries(value).flatMap(([name, item]) => {
    const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined
    if (own) return faultsOf(item, own, schemas, `${at}.${name}`)
    if (schema.additionalProperties === false) return [`${at} has an unknown ${name}`]
    return typeof schema.additionalProperties === 'object' ? faultsOf(item, schema.additionalProperties, schemas, `${at}.${name}`) : []
  })
  return [...missing, ...wrong]
}

function is(type: string, value: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}
