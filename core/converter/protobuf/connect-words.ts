/** Names that Confluent's ProtobufData gives to what Protobuf and Connect do not share. */
export const words = {
  namespace: 'io.confluent.connect.protobuf',
  defaultMessage: 'ConnectDefault',
  enum: 'io.confluent.connect.protobuf.Enum',
  union: 'io.confluent.connect.protobuf.Union.',
  tag: 'io.confluent.connect.protobuf.Tag',
  precision: 'connect.decimal.precision',
} as const

/** Settings of the mapping, under Confluent's names. */
export interface ProtobufMapping {
  /** enhanced.protobuf.schema.support */
  readonly enhanced: boolean
  /** scrub.invalid.names */
  readonly scrub: boolean
  /** wrapper.for.nullables */
  readonly wrappers: boolean
  /** optional.for.nullables */
  readonly optionals: boolean
  /** nulls.as.defaults */
  readonly nullsAsDefaults: boolean
  /** timestamp.digits.dropped */
  readonly dropDigits: boolean
}
