/**
 * The requests that we speak, each in one version: the newest one without KIP-482's compact encoding, which brokers from 2.4 up to all of
 * the 4 series understand (KIP-896 keeps them).
 */
export const apis = {
  Produce: { name: 'Produce', key: 0, version: 8 },
  Fetch: { name: 'Fetch', key: 1, version: 11 },
  ListOffsets: { name: 'ListOffsets', key: 2, version: 5 },
  Metadata: { name: 'Metadata', key: 3, version: 5 },
  OffsetCommit: { name: 'OffsetCommit', key: 8, version: 7 },
  OffsetFetch: { name: 'OffsetFetch', key: 9, version: 5 },
  FindCoordinator: { name: 'FindCoordinator', key: 10, version: 2 },
  JoinGroup: { name: 'JoinGroup', key: 11, version: 5 },
  Heartbeat: { name: 'Heartbeat', key: 12, version: 3 },
  LeaveGroup: { name: 'LeaveGroup', key: 13, version: 2 },
  SyncGroup: { name: 'SyncGroup', key: 14, version: 3 },
  ApiVersions: { name: 'ApiVersions', key: 18, version: 0 },
  CreateTopics: { name: 'CreateTopics', key: 19, version: 4 },
  DeleteRecords: { name: 'DeleteRecords', key: 21, version: 1 },
  InitProducerId: { name: 'InitProducerId', key: 22, version: 1 },
  AddPartitionsToTxn: { name: 'AddPartitionsToTxn', key: 24, version: 2 },
  EndTxn: { name: 'EndTxn', key: 26, version: 2 },
  DescribeConfigs: { name: 'DescribeConfigs', key: 32, version: 3 },
  CreatePartitions: { name: 'CreatePartitions', key: 37, version: 1 },
  OffsetDelete: { name: 'OffsetDelete', key: 47, version: 0 },
} as const satisfies Record<string, Api>

export interface Api {
  readonly name: string
  readonly key: number
  readonly version: number
  /** In KIP-482's encoding: compact lengths, and tagged fields at the end of headers and structures. */
  readonly compact?: true
}
