import { DataError } from '../../contract/errors.ts'
import { placeText } from '../field-path.ts'
import type { ProtoEnum } from './proto-file.ts'
import type { ProtoInput } from './proto-input.ts'
import type { ScalarType } from './proto-schema.ts'

type Read = (input: ProtoInput) => unknown

const reads: Readonly<Record<ScalarType, Read>> = {
  double: (input) => input.double(),
  float: (input) => input.float(),
  int32: (input) => input.int32(),
  int64: (input) => input.int64(),
  uint32: (input) => BigInt(input.uint32()),
  uint64: (input) => input.uint64(),
  sint32: (input) => input.sint32(),
  sint64: (input) => input.sint64(),
  fixed32: (input) => BigInt(input.fixed32()),
  fixed64: (input) => input.fixed64(),
  sfixed32: (input) => input.sfixed32(),
  sfixed64: (input) => input.sfixed64(),
  bool: (input) => input.bool(),
  string: (input) => input.string(),
  bytes: (input) => input.bytes(),
}

/** Reads one value of the type, in Connect's form. */
export function readScalar(type: ScalarType): Read {
  return reads[type]
}

/** What a field holds that does not come: the default that proto2 gave it, else the zero of its type. Throws a DataError for a default that is none. */
export function absentValue(type: ScalarType | ProtoEnum, given: string | undefined, path: string): unknown {
  const wrong = (): never => {
    throw new DataError(`${placeText(path)} has the default ${given?.slice(0, 40)} in its Protobuf schema, which it cannot have`)
  }
  if (typeof type !== 'string') {
    const found =
      given === undefined
        ? (type.values.find((value) => value.number === 0) ?? type.values[0])
        : type.values.find((value) => value.name === given)
    return found?.name ?? wrong()
  }
  switch (type) {
    case 'double':
    case 'float': {
      const number = given === undefined ? 0 : Number(given.replace(/^(-?)inf$/, '$1Infinity'))
      if (Number.isNaN(number) && given !== 'nan') return wrong()
      return type === 'float' ? Math.fround(number) : number
    }
    case 'int32':
    case 'sint32':
    case 'sfixed32':
      return given === undefined ? 0 : Number(wholeOf(given) ?? wrong())
    case 'uint32':
    case 'fixed32':
    case 'int64':
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return given === undefined ? 0n : (wholeOf(given) ?? wrong())
    case 'bool':
      return given === 'true'
    case 'string':
      return given ?? ''
    case 'bytes':
      return Buffer.from(given ?? '', 'latin1')
    default:
      return type satisfies never
  }
}

function wholeOf(text: string): bigint | undefined {
  const match = /^(-?)(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})$/.exec(text)
  if (match === null) return undefined
  const digits = /^0[0-7]+$/.test(match[2]!) ? `0o${match[2]!.slice(1)}` : match[2]!
  const whole = match[1] === '-' ? -BigInt(digits) : BigInt(digits)
  return BigInt.asIntN(64, whole) === whole ? whole : undefined
}
