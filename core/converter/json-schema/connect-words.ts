/** Names that Confluent's JsonSchemaData gives to what JSON Schema and Connect do not share. */
export const words = {
  namespace: 'io.confluent.connect.json',
  enum: 'io.confluent.connect.json.Enum',
  oneOf: 'io.confluent.connect.json.OneOf',
  type: 'connect.type',
  version: 'connect.version',
  parameters: 'connect.parameters',
  index: 'connect.index',
} as const

/** Settings of the mapping, under Confluent's names. */
export interface JsonMapping {
  /** decimal.format */
  readonly decimals: 'BASE64' | 'NUMERIC'
  /** object.additional.properties */
  readonly open: boolean
  /** use.optional.for.nonrequired */
  readonly nonRequiredOptional: boolean
  /** json.unknown.members */
  readonly unknownMembers: 'fail' | 'drop'
}
