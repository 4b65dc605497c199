import { logical, primitive, type Schema } from './schema.ts'

/**
 * Ready-made schemas of required values; `optional(types.string)` makes one that may be null. What a value of each looks like in memory is
 * told in `Schema`: an `int64` is a `bigint`, a `timestamp` the milliseconds since the epoch as a `bigint`, a `date` days since the epoch, a
 * `time` milliseconds of the day.
 */
export const types = {
  int8: primitive('int8'),
  int16: primitive('int16'),
  int32: primitive('int32'),
  int64: primitive('int64'),
  float32: primitive('float32'),
  float64: primitive('float64'),
  boolean: primitive('boolean'),
  string: primitive('string'),
  bytes: primitive('bytes'),
  date: primitive('int32', { name: logical.date, version: 1 }),
  time: primitive('int32', { name: logical.time, version: 1 }),
  timestamp: primitive('int64', { name: logical.timestamp, version: 1 }),
  uuid: primitive('string', { name: logical.uuid, version: 1 }),
  /** JSON text in a string. */
  json: primitive('string', { name: logical.json, version: 1 }),
} as const

/** A schema of exact decimals with `scale` digits after the point; a value is a `Decimal` of that scale. */
export function decimalOf(scale: number): Schema {
  return primitive('bytes', { name: logical.decimal, version: 1, parameters: { scale: String(scale) } })
}
