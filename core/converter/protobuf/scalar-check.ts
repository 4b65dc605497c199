import { DataError } from '../../contract/errors.ts'
import type { Schema, SchemaType } from '../../contract/schema.ts'
import { placeText, shownValue } from '../field-path.ts'
import type { ScalarType } from './proto-schema.ts'

const signed: readonly ScalarType[] = ['int64', 'sint64', 'sfixed64']
const small: readonly ScalarType[] = ['int32', 'sint32', 'sfixed32', ...signed]

/** Protobuf types that can tell the values of a Connect type; unsigned ones, as long as they are not negative. */
const fitting: Readonly<Record<SchemaType, readonly ScalarType[]>> = {
  int8: small,
  int16: small,
  int32: small,
  int64: [...signed, 'uint32', 'uint64', 'fixed32', 'fixed64'],
  float32: ['float', 'double'],
  float64: ['double'],
  boolean: ['bool'],
  string: ['string'],
  bytes: ['bytes'],
  array: [],
  map: [],
  struct: [],
}

const ranges = {
  int8: [-128n, 127n],
  int16: [-32_768n, 32_767n],
  int32: [-2_147_483_648n, 2_147_483_647n],
  int64: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
  uint32: [0n, 4_294_967_295n],
  uint64: [0n, 9_223_372_036_854_775_807n],
} as const

/** A function that gives the value back if the type can tell it, and throws a DataError that names the field if not. */
export function scalarChecker(type: ScalarType, connect: Schema, path: string): (value: unknown) => unknown {
  if (!fitting[connect.type].includes(type))
    throw new DataError(`${placeText(path)} is of type ${connect.type}, but of type ${type} in its Protobuf schema`)
  const wrong = (value: unknown): never => {
    throw new DataError(`${placeText(path)} is ${shownValue(value)}, which is not a value of ${connect.name ?? connect.type}`)
  }
  switch (connect.type) {
    case 'int8':
    case 'int16':
    case 'int32': {
      const [least, most] = ranges[connect.type].map(Number) as [number, number]
      return (value) => (Number.isInteger(value) && (value as number) >= least && (value as number) <= most ? value : wrong(value))
    }
    case 'int64': {
      const [least, most] =
        ranges[type === 'uint32' || type === 'fixed32' ? 'uint32' : type === 'uint64' || type === 'fixed64' ? 'uint64' : 'int64']
      return (value) => {
        const whole = typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : wrong(value)
        if (whole >= least && whole <= most) return whole
        throw new DataError(`${placeText(path)} is ${whole}, which is not a value of ${type}`)
      }
    }
    case 'float32':
    case 'float64':
      return (value) => (typeof value === 'number' ? value : wrong(value))
    case 'boolean':
      return (value) => (typeof value === 'boolean' ? value : wrong(value))
    case 'string':
      return (value) => (typeof value === 'string' && value.isWellFormed() ? value : wrong(value))
    case 'bytes':
      return (value) => (value instanceof Uint8Array ? value : wrong(value))
    default:
      return wrong
  }
}
