import { arrayOf, logical, primitive, record, structOf, type ConnectRecord, type Schema } from '../../../core/index.ts'
import type { OracleCase } from './oracle.ts'
import { Dice, valueOf } from './samples.ts'

const debezium = 'io.debezium.transforms.'
const time = (type: 'int32' | 'int64' | 'string', name: string) => primitive(type, { name, version: 1, optional: true })

const row = structOf(
  [
    ['id', primitive('int64')],
    ['name', primitive('string', { optional: true, defaultValue: 'anonymous' })],
    ['site', primitive('string', { optional: true })],
    ['born', time('int32', logical.debeziumDate)],
    ['seen', time('int64', logical.debeziumTimestamp)],
    ['micro', time('int64', logical.microTimestamp)],
    ['nano', time('int64', logical.nanoTimestamp)],
    ['zoned', time('string', logical.zonedTimestamp)],
    ['clock', time('string', logical.zonedTime)],
    ['plain', time('int64', logical.timestamp)],
    ['tags', arrayOf(primitive('bytes', { optional: true }), { optional: true })],
  ],
  { name: 'srv.public.users.Value', optional: true },
)

const outboxRow = structOf(
  [
    ['id', primitive('string')],
    ['aggregatetype', primitive('string')],
    ['aggregateid', primitive('string')],
    ['type', primitive('string', { optional: true })],
    ['payload', primitive('string', { optional: true })],
    ['created', time('int64', logical.microTimestamp)],
    ['version', primitive('int32', { optional: true })],
    ['tenant', primitive('string', { optional: true })],
    ['shard', primitive('int32', { optional: true })],
  ],
  { name: 'srv.public.outbox.Value', optional: true },
)

const source = structOf([
  ['connector', primitive('string')],
  ['db', primitive('string')],
  ['table', primitive('string')],
  ['ts_ms', primitive('int64')],
  ['ts_us', primitive('int64', { optional: true })],
  ['lsn', primitive('int64', { optional: true })],
])
const transaction = structOf(
  [
    ['id', primitive('string')],
    ['total_order', primitive('int64')],
  ],
  { optional: true, name: 'event.block', version: 1 },
)
const envelopeOf = (ofRow: Schema) =>
  structOf(
    [
      ['before', ofRow],
      ['after', ofRow],
      ['source', source],
      ['transaction', transaction],
      ['op', primitive('string')],
      ['ts_ms', primitive('int64', { optional: true })],
    ],
    { name: ofRow.name!.replace('.Value', '.Envelope'), version: 2 },
  )
const usersEnvelope = envelopeOf(row)
const outboxEnvelope = envelopeOf(outboxRow)
const key = structOf([['id', primitive('int64')]], { name: 'srv.public.users.Key' })
const heartbeat = structOf([['ts_ms', primitive('int64')]], { name: 'io.debezium.connector.common.Heartbeat' })

const zonedTexts = ['2023-11-14T22:13:20Z', '2023-07-01T12:00:00.123Z', '1999-12-31T23:59:59.123456+05:30', '2024-02-29T00:00:00.1Z']
const payloads = [
  '{"a":1,"b":"x","c":{"d":1.5,"e":null,"f":[]},"g":[1,2],"h":[{"i":1},{"i":2,"j":true}],"k":3000000000}',
  '{}',
  '[]',
  '[1,2]',
  '[{"a":1}]',
  'text',
  '',
  '  ',
  '{"a":[1,"x"]}',
  '{"a":12345678901234567890}',
  '{"big":1e400}',
  '{"a":[null]}',
  '{"a":',
]

/** Change events of a table and of an outbox, tombstones and heartbeats. */
function sampleEvents(seed: number, count: number, outbox: boolean): readonly ConnectRecord[] {
  const dice = new Dice(seed)
  return Array.from({ length: count }, () => (outbox ? outboxEvent(dice) : userEvent(dice)))
}

function userRow(dice: Dice): object {
  const times = {
    born: dice.roll(20_000),
    seen: BigInt(dice.roll(2_000_000_000)) * 1000n,
    micro: 1_689_000_000_123_456n + BigInt(dice.roll(1_000_000_000)) * 1000n,
    nano: 1_689_000_000_123_456_789n,
    plain: 1_699_999_999_123n,
    zoned: dice.pick([null, ...zonedTexts]),
    clock: dice.pick([null, '22:13:20Z', '01:02:03.5+02:00']),
    tags: dice.pick([null, [Buffer.from('a')], [Buffer.from('b'), null]]),
  }
  return { ...(valueOf({ ...row, optional: false }, dice) as object), ...times }
}

function event(dice: Dice, ofRow: () => object, schema: Schema, table: string, topic: string): ConnectRecord {
  const kind = dice.roll(9)
  const extras = {
    key: { id: BigInt(dice.roll(100)) },
    keySchema: key,
    timestamp: 1_700_000_000_000,
    partition: null,
    headers:
      dice.roll(3) === 0
        ? [
            { key: 'trace', value: 'abc', schema: primitive('string') },
            { key: 'n', value: 7, schema: primitive('int32') },
          ]
        : [],
    origin: { partition: '{"server":"srv"}', position: 1, seq: 1 },
  }
  if (kind === 0) return record(topic, null, extras)
  if (kind === 1) return record('heartbeat', { ts_ms: 1n }, { ...extras, key: null, keySchema: null, valueSchema: heartbeat })
  const op = dice.pick(['c', 'c', 'r', 'u', 'u', 'd'])
  const value = {
    before: op === 'u' || op === 'd' ? ofRow() : null,
    after: op === 'd' ? null : ofRow(),
    source: {
      connector: 'postgresql',
      db: 'shop',
      table,
      ts_ms: 1_700_000_000_000n,
      ts_us: 1_700_000_000_000_001n,
      lsn: dice.pick([null, 77n]),
    },
    transaction: dice.pick([null, { id: '5', total_order: 1n }]),
    op,
    ts_ms: 1_700_000_000_111n,
  }
  return record(topic, value, { ...extras, valueSchema: kind === 2 ? null : schema })
}

const userEvent = (dice: Dice) =>
  event(dice, () => userRow(dice), usersEnvelope, 'users', dice.pick(['srv.public.users_1', 'srv.public.users_2', 'other']))
const outboxEvent = (dice: Dice) =>
  event(
    dice,
    () => ({
      id: `e-${dice.roll(100)}`,
      aggregatetype: dice.pick(['order', 'customer']),
      aggregateid: String(dice.roll(9)),
      type: 'Created',
      payload: dice.pick([null, ...payloads]),
      created: dice.pick([null, 1_690_000_000_123_456n]),
      version: 1,
      tenant: dice.pick([null, 't1']),
      shard: dice.pick([null, 2]),
    }),
    outboxEnvelope,
    'outbox',
    'srv.public.outbox',
  )

type Configs = readonly Readonly<Record<string, string>>[]

const configs: Readonly<Record<string, Configs>> = {
  ExtractNewRecordState: [
    {},
    ...['drop', 'tombstone', 'rewrite', 'rewrite-with-tombstone', 'delete-to-tombstone'].map((mode) => ({
      'delete.tombstone.handling.mode': mode,
    })),
    { 'add.fields': 'op,table,source.ts_ms,lsn:position', 'add.headers': 'op,db' },
    { 'add.fields': 'op', 'add.fields.prefix': '_', 'delete.tombstone.handling.mode': 'rewrite', 'replace.null.with.default': 'false' },
    { 'add.fields': 'transaction.id,id,total_order' },
    { 'add.headers': 'source.lsn', 'add.headers.prefix': 'x.', 'delete.tombstone.handling.mode': 'rewrite-with-tombstone' },
    { 'route.by.field': 'name' },
    { 'add.fields': 'nope' },
    { 'add.fields': 'op,op' },
    { 'drop.tombstones': 'false' },
    { 'delete.tombstone.handling.mode': 'none' },
  ],
  ByLogicalTableRouter: [
    { 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1users' },
    { 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1users', 'key.enforce.uniqueness': 'false' },
    {
      'topic.regex': '(.*)users_(.*)',
      'topic.replacement': '$1all-users',
      'key.field.name': 'shard',
      'key.field.regex': '(.*)users_(.*)',
      'key.field.replacement': '$2',
    },
    { 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1all-9users', 'schema.name.adjustment.mode': 'avro' },
    { 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1all-9users', 'schema.name.adjustment.mode': 'avro_unicode' },
    { 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1users', 'key.field.name': 'id' },
    { 'topic.regex': 'users', 'topic.replacement': 'x' },
    { 'topic.regex': 'other', 'topic.replacement': '' },
    { 'topic.regex': '(', 'topic.replacement': 'x' },
    { 'topic.regex': '(.*)', 'topic.replacement': '$1', 'key.field.regex': '(.*)' },
    {},
  ],
  ToLogicalTopicRouter: [{ 'topic.regex': '(.*)users_(.*)', 'topic.replacement': '$1users' }],
  HeaderToValue: [
    { headers: 'trace', fields: 'trace', operation: 'move' },
    { headers: 'trace,n', fields: 't,m', operation: 'copy' },
    { headers: 'trace', fields: 'op', operation: 'copy' },
    { headers: 'trace', fields: 'source.trace', operation: 'copy' },
    { headers: 'trace', fields: 'after.trace', operation: 'copy' },
    { headers: 'trace', fields: 'nope.trace', operation: 'copy' },
    { headers: 'trace,n', fields: 't', operation: 'copy' },
    { headers: 'trace', fields: 't', operation: 'cut' },
    {},
  ],
  ExtractChangedRecordState: [{ 'header.changed.name': 'changed', 'header.unchanged.name': 'same' }, { 'header.changed.name': 'c' }, {}],
  TimezoneConverter: [
    { 'converted.timezone': '+05:30' },
    { 'converted.timezone': 'America/Los_Angeles', 'exclude.list': 'source:users:clock' },
    { 'converted.timezone': 'Europe/Berlin', 'include.list': 'source:users:zoned' },
    { 'converted.timezone': '-03:00', 'include.list': 'topic:srv.public.users_1:seen,topic:srv.public.users_2:after.micro' },
    { 'converted.timezone': '+02:00', 'include.list': 'users:nano,users:plain' },
    { 'converted.timezone': '+02:00', 'include.list': 'source:users:source.ts_ms,source:users:source.ts_us' },
    { 'converted.timezone': '+02:00', 'include.list': 'topic:other' },
    { 'converted.timezone': '+02:00', 'exclude.list': 'source:users' },
    { 'converted.timezone': '+02:00', 'exclude.list': 'topic:other:zoned' },
    { 'converted.timezone': '+02:00', 'include.list': 'source:users:born' },
    { 'converted.timezone': '+25:00' },
    { 'converted.timezone': 'Mars/Olympus' },
    { 'converted.timezone': '+02:00', 'include.list': 'users' },
    { 'converted.timezone': '+02:00', 'include.list': 'a:b', 'exclude.list': 'a:b' },
    {},
  ],
  'outbox.EventRouter': [
    {},
    { 'table.fields.additional.placement': 'type:header,tenant:envelope:who,shard:partition' },
    { 'table.fields.additional.placement': 'type:envelope:eventType', 'table.field.event.schema.version': 'version' },
    { 'table.field.event.timestamp': 'created' },
    { 'table.field.event.timestamp': 'version' },
    { 'route.tombstone.on.empty.payload': 'true' },
    { 'table.expand.json.payload': 'true' },
    {
      'table.expand.json.payload': 'true',
      'table.json.payload.null.behavior': 'optional_bytes',
      'table.json.payload.empty.array.behavior': 'optional_string',
    },
    { 'table.expand.json.payload': 'true', 'table.fields.additional.placement': 'type:envelope' },
    { 'route.by.field': 'tenant', 'route.topic.replacement': 'events.${routedByValue}' },
    { 'route.topic.regex': '(.)(.*)', 'route.topic.replacement': '$1-$2' },
    { 'table.op.invalid.behavior': 'error' },
    { 'table.op.invalid.behavior': 'fatal' },
    { 'table.field.event.key': 'tenant' },
    { 'table.field.event.key': 'nope' },
    { 'table.field.event.payload': 'nope' },
    { 'table.fields.additional.placement': 'nope:header' },
    { 'table.fields.additional.placement': 'nope:header', 'table.field.additional.missing': 'ignore' },
    { 'table.fields.additional.placement': 'tenant:bad' },
    { 'table.fields.additional.placement': 'tenant' },
    { 'route.topic.regex': '(' },
  ],
}

/** The cases of Debezium's transforms, each with change events of its own. */
export function debeziumCases(seed: number): readonly OracleCase[] {
  return Object.entries(configs).flatMap(([name, list], part) =>
    list.map((config, index): OracleCase => ({
      class: debezium + name,
      config,
      kind: 'source',
      records: sampleEvents(seed + part * 1000 + index, 30, name.startsWith('outbox')),
    })),
  )
}
