import { parseDecimal, rescale, unscaledFromBytes, type Decimal } from '../contract/decimal.ts'
import { DataError } from '../contract/errors.ts'
import { logical, type Schema } from '../contract/schema.ts'
import { isInheritedName, memberPath, placeText, setOwn, shownValue } from './field-path.ts'
import { isPlain } from './json-scalars.ts'
import { NumberText } from './json-parse.ts'

/** Shapes what `parseJson(text, 'typed')` returned by the schema it was made for. Throws a DataError that names the field. */
export type JsonShaper = (parsed: unknown) => unknown

/**
 * A shaper for a schema. Stricter than Kafka Connect's, which makes up values: text in an int32 field is 0 there, 300 in an int8 field 44,
 * any non-boolean false, unknown fields vanish. Here each is a DataError.
 */
export function jsonShaper(schema: Schema, nullAsDefault: boolean, path = ''): JsonShaper {
  const shape = presentShaper(schema, nullAsDefault, path)
  const hasDefault = schema.defaultValue !== undefined && schema.defaultValue !== null && nullAsDefault
  return (parsed) => {
    if (parsed !== null && parsed !== undefined) return shape(parsed)
    if (hasDefault) return schema.defaultValue
    if (schema.optional) return null
    throw new DataError(`Invalid null value for required ${schema.type} field: ${placeText(path)}`)
  }
}

function presentShaper(schema: Schema, nullAsDefault: boolean, path: string): JsonShaper {
  const wrong = (parsed: unknown): never => {
    throw new DataError(`${placeText(path)} is ${shownJson(parsed)}, which is not a value of ${schema.name ?? schema.type}`)
  }
  if (schema.name === logical.decimal) return decimalShaper(schema, path, wrong)
  switch (schema.type) {
    case 'string':
      return (parsed) => (typeof parsed === 'string' ? parsed : wrong(parsed))
    case 'boolean':
      return (parsed) => (typeof parsed === 'boolean' ? parsed : wrong(parsed))
    case 'int8':
    case 'int16':
    case 'int32': {
      const most = { int8: 127, int16: 32_767, int32: 2_147_483_647 }[schema.type]
      return (parsed) => {
        const number = parsed instanceof NumberText ? Number(wholeOf(parsed) ?? wrong(parsed)) : parsed
        return Number.isInteger(number) && (number as number) <= most && (number as number) >= -most - 1
          ? (number as number) + 0
          : wrong(parsed)
      }
    }
    case 'int64':
      return (parsed) => {
        const whole = Number.isSafeInteger(parsed) ? BigInt(parsed as number) : parsed instanceof NumberText ? wholeOf(parsed) : undefined
        return whole !== undefined && BigInt.asIntN(64, whole) === whole ? whole : wrong(parsed)
      }
    case 'float64':
    case 'float32': {
      const round = schema.type === 'float32' ? Math.fround : (number: number) => number
      return (parsed) => {
        if (typeof parsed === 'string') return notFinite.get(parsed) ?? wrong(parsed)
        const number = round(typeof parsed === 'number' ? parsed : parsed instanceof NumberText ? Number(parsed.text) : wrong(parsed))
        return Number.isFinite(number) ? number : wrong(parsed)
      }
    }
    case 'bytes':
      return (parsed) => bytesOf(parsed) ?? wrong(parsed)
    case 'array': {
      const item = jsonShaper(schema.valueSchema!, nullAsDefault, `${path}[]`)
      return (parsed) => (Array.isArray(parsed) ? parsed.map((one) => item(one)) : wrong(parsed))
    }
    case 'map':
      return mapShaper(schema, nullAsDefault, path, wrong)
    case 'struct':
      return structShaper(schema, nullAsDefault, path, wrong)
    default:
      return schema.type satisfies never
  }
}

function structShaper(schema: Schema, nullAsDefault: boolean, path: string, wrong: (parsed: unknown) => never): JsonShaper {
  const names = schema.fields.map((field) => field.name)
  const shapers = schema.fields.map((field) => jsonShaper(field.schema, nullAsDefault, memberPath(path, field.name)))
  const inherited = names.map(isInheritedName)
  return (parsed) => {
    if (!isJsonObject(parsed)) return wrong(parsed)
    const struct: Record<string, unknown> = {}
    let found = 0
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!
      const member = inherited[index] && !Object.hasOwn(parsed, name) ? undefined : parsed[name]
      if (member !== undefined) found++
      setOwn(struct, name, shapers[index]!(member))
    }
    if (found !== Object.keys(parsed).length) {
      const unknown = Object.keys(parsed).find((name) => !names.includes(name))
      throw new DataError(`${placeText(path)} has a member ${JSON.stringify(unknown)} that is not in its schema`)
    }
    return struct
  }
}

function mapShaper(schema: Schema, nullAsDefault: boolean, path: string, wrong: (parsed: unknown) => never): JsonShaper {
  const item = jsonShaper(schema.valueSchema!, nullAsDefault, `${path}{}`)
  if (schema.keySchema!.type === 'string') {
    return (parsed) => (isJsonObject(parsed) ? new Map(Object.entries(parsed).map(([name, one]) => [name, item(one)])) : wrong(parsed))
  }
  const key = jsonShaper(schema.keySchema!, nullAsDefault, `${path}{key}`)
  return (parsed) => {
    if (!Array.isArray(parsed)) return wrong(parsed)
    const map = new Map<unknown, unknown>()
    for (const pair of parsed) {
      if (!Array.isArray(pair) || pair.length !== 2) throw new DataError(`${placeText(path)} is a map, but an item is no pair [key, value]`)
      map.set(key(pair[0]), item(pair[1]))
    }
    return map
  }
}

function decimalShaper(schema: Schema, path: string, wrong: (parsed: unknown) => never): JsonShaper {
  const scaleText = schema.parameters?.scale
  if (schema.type !== 'bytes' || scaleText === undefined || !/^-?\d{1,9}$/.test(scaleText)) {
    throw new DataError(`${placeText(path)} has a Decimal schema without bytes or without an integer parameter "scale"`)
  }
  const scale = Number(scaleText)
  return (parsed): Decimal => {
    const bytes = bytesOf(parsed)
    if (bytes !== undefined) return bytes.length === 0 ? wrong(parsed) : { unscaled: unscaledFromBytes(bytes), scale }
    const text = typeof parsed === 'number' ? String(parsed) : parsed instanceof NumberText ? parsed.text : undefined
    const decimal = text === undefined ? undefined : parseDecimal(text)
    if (decimal === undefined || Math.abs(decimal.scale) > decimalPlacesMax || text!.length > decimalPlacesMax) return wrong(parsed)
    try {
      return rescale(decimal, scale)
    } catch (cause) {
      throw new DataError(`${placeText(path)} is ${text}, which does not fit its schema's ${scale} decimal places`, { cause })
    }
  }
}

/** Digits and places of a decimal that is read: `1e999999` would otherwise become a megabyte of zeros. */
const decimalPlacesMax = 10_000

const notFinite = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
])

function wholeOf(number: NumberText): bigint | undefined {
  if (number.text.length > 40) return undefined
  const decimal = parseDecimal(number.text)
  if (decimal === undefined || Math.abs(decimal.scale) > 40) return undefined
  const divisor = 10n ** BigInt(Math.max(0, decimal.scale))
  return decimal.unscaled % divisor === 0n ? (decimal.unscaled / divisor) * 10n ** BigInt(Math.max(0, -decimal.scale)) : undefined
}

// Buffer skips what is not base64; encoding again shows whether it did.
function bytesOf(parsed: unknown): Buffer | undefined {
  if (typeof parsed !== 'string') return undefined
  const bytes = Buffer.from(parsed, 'base64')
  return bytes.toString('base64') === parsed ? bytes : undefined
}

function isJsonObject(parsed: unknown): parsed is Record<string, unknown> {
  return typeof parsed === 'object' && parsed !== null && isPlain(parsed)
}

function shownJson(parsed: unknown): string {
  return parsed instanceof NumberText ? parsed.text.slice(0, 40) : shownValue(parsed)
}
