import { defineConfig } from '../contract/config-def.ts'
import { converter, type ConverterDef } from '../contract/converter.ts'
import { DataError } from '../contract/errors.ts'
import { primitive, type SchemaType } from '../contract/schema.ts'
import { shownValue } from './field-path.ts'

interface Format {
  readonly type: Exclude<SchemaType, 'array' | 'map' | 'struct'>
  readonly bytes: number
  /** False: the value is not of this type. */
  write(buffer: Buffer, value: unknown): boolean
  /** undefined: the bytes are not of this type. */
  read(buffer: Buffer): unknown
}

function whole(bytes: number, value: unknown): number | undefined {
  const number = typeof value === 'bigint' && BigInt.asIntN(32, value) === value ? Number(value) : value
  const most = 2 ** (bytes * 8 - 1)
  return Number.isInteger(number) && (number as number) < most && (number as number) >= -most ? (number as number) : undefined
}

// Each writes into a buffer of its size, and says whether the value was one of its own.
const formats: Readonly<Record<string, Format>> = {
  Boolean: {
    type: 'boolean',
    bytes: 1,
    write: (buffer, value) => typeof value === 'boolean' && buffer.writeUInt8(value ? 1 : 0) > 0,
    read: (buffer) => (buffer[0] === 1 ? true : buffer[0] === 0 ? false : undefined),
  },
  Short: {
    type: 'int16',
    bytes: 2,
    write: (buffer, value) => whole(2, value) !== undefined && buffer.writeInt16BE(Number(value)) > 0,
    read: (buffer) => buffer.readInt16BE(),
  },
  Integer: {
    type: 'int32',
    bytes: 4,
    write: (buffer, value) => whole(4, value) !== undefined && buffer.writeInt32BE(Number(value)) > 0,
    read: (buffer) => buffer.readInt32BE(),
  },
  Long: {
    type: 'int64',
    bytes: 8,
    write(buffer, value) {
      const integer = Number.isSafeInteger(value) ? BigInt(value as number) : value
      return typeof integer === 'bigint' && BigInt.asIntN(64, integer) === integer && buffer.writeBigInt64BE(integer) > 0
    },
    read: (buffer) => buffer.readBigInt64BE(),
  },
  Float: {
    type: 'float32',
    bytes: 4,
    write: (buffer, value) =>
      typeof value === 'number' && Number.isFinite(value) === Number.isFinite(Math.fround(value)) && buffer.writeFloatBE(value) > 0,
    read: (buffer) => buffer.readFloatBE(),
  },
  Double: {
    type: 'float64',
    bytes: 8,
    write: (buffer, value) => typeof value === 'number' && buffer.writeDoubleBE(value) > 0,
    read: (buffer) => buffer.readDoubleBE(),
  },
}

/** `org.apache.kafka.connect.converters.{Boolean,Short,Integer,Long,Float,Double}Converter`: Kafka's big-endian serdes of one value. */
export const primitives: readonly ConverterDef[] = Object.entries(formats).map(([name, format]) => {
  const schema = primitive(format.type, { optional: true })
  return converter({
    class: `org.apache.kafka.connect.converters.${name}Converter`,
    aliases: [`${name}Converter`, name],
    doc: `One value of type ${format.type}, ${format.bytes} ${format.bytes === 1 ? 'byte' : 'bytes'}.`,
    config: defineConfig({}),
    create: () => ({
      serialize(_topic, { value }) {
        if (value === null || value === undefined) return null
        const buffer = Buffer.alloc(format.bytes)
        if (!format.write(buffer, value))
          throw new DataError(`${name}Converter takes values of type ${format.type}, not ${shownValue(value)}`)
        return buffer
      },
      deserialize(_topic, bytes) {
        if (bytes === null) return { schema, value: null }
        if (bytes.length !== format.bytes) throw new DataError(`${name}Converter reads ${format.bytes} bytes, not ${bytes.length}`)
        const value = format.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length))
        if (value === undefined) throw new DataError(`${name}Converter cannot read the byte 0x${bytes[0]!.toString(16).padStart(2, '0')}`)
        return { schema, value }
      },
    }),
  })
})
