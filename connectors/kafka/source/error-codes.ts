/** Error codes of the Kafka protocol (`org.apache.kafka.common.protocol.Errors`) that the source decides by. */
export const groupErrors = {
  illegalGeneration: 22,
  inconsistentProtocol: 23,
  unknownMember: 25,
  rebalanceInProgress: 27,
  fencedInstance: 82,
} as const

export const fetchErrors = {
  offsetOutOfRange: 1,
  unknownTopic: 3,
  topicAuthorization: 29,
} as const

/** Codes with which a broker says "not now" of a partition: it is asked again, after a new look at who leads. */
export const passingFetchErrors: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 9, 56, 72, 74, 75, 76, 77, 78, 100, 103])
