import { arrayOf, optional, primitive, structOf, type Schema } from '../../core/index.ts'

const requiredText = primitive('string')
const text = primitive('string', { optional: true })
const requiredLong = primitive('int64')
const long = primitive('int64', { optional: true })

/** `source` of every event: Debezium's `io.debezium.connector.postgresql.Source`. */
export const sourceSchema: Schema = structOf(
  [
    ['version', requiredText],
    ['connector', requiredText],
    ['name', requiredText],
    ['ts_ms', requiredLong],
    [
      'snapshot',
      primitive('string', {
        optional: true,
        name: 'io.debezium.data.Enum',
        version: 1,
        parameters: { allowed: 'true,first,first_in_data_collection,last_in_data_collection,last,false,incremental' },
        defaultValue: 'false',
      }),
    ],
    ['db', requiredText],
    ['sequence', text],
    ['ts_us', long],
    ['ts_ns', long],
    ['schema', requiredText],
    ['table', requiredText],
    ['txId', long],
    ['lsn', long],
    ['xmin', long],
    ['origin', text],
    ['origin_lsn', long],
  ],
  { name: 'io.debezium.connector.postgresql.Source', version: 1 },
)

/** `transaction` of every event: null unless `provide.transaction.metadata`. */
export const transactionSchema: Schema = structOf(
  [
    ['id', requiredText],
    ['total_order', requiredLong],
    ['data_collection_order', requiredLong],
  ],
  { name: 'event.block', version: 1, optional: true },
)

/** The value schema of a table's events. */
export function envelopeSchema(name: string, before: Schema, after: Schema): Schema {
  return structOf(
    [
      ['before', before],
      ['after', after],
      ['source', sourceSchema],
      ['transaction', transactionSchema],
      ['op', requiredText],
      ['ts_ms', long],
      ['ts_us', long],
      ['ts_ns', long],
    ],
    { name, version: 2 },
  )
}

/** Key of a logical decoding message. */
export const messageKeySchema: Schema = structOf([['prefix', text]], {
  name: 'io.debezium.connector.postgresql.MessageKey',
  version: 1,
})

/** Value of a logical decoding message; `content` has the schema of a bytea under `binary.handling.mode`. */
export function messageValueSchema(content: Schema): Schema {
  const message = structOf(
    [
      ['prefix', text],
      ['content', optional(content)],
    ],
    { name: 'io.debezium.connector.postgresql.Message', version: 1 },
  )
  return structOf(
    [
      ['op', requiredText],
      ['ts_ms', long],
      ['source', sourceSchema],
      ['transaction', transactionSchema],
      ['message', message],
    ],
    { name: 'io.debezium.connector.postgresql.MessageValue', version: 1 },
  )
}

/** Key of the BEGIN and END events on the transaction topic. */
export const transactionKeySchema: Schema = structOf([['id', requiredText]], {
  name: 'io.debezium.connector.common.TransactionMetadataKey',
  version: 1,
})

/** Value of the BEGIN and END events on the transaction topic. */
export const transactionValueSchema: Schema = structOf(
  [
    ['status', requiredText],
    ['id', requiredText],
    ['event_count', long],
    [
      'data_collections',
      arrayOf(
        structOf(
          [
            ['data_collection', requiredText],
            ['event_count', requiredLong],
          ],
          { name: 'event.collection', version: 1 },
        ),
        { optional: true },
      ),
    ],
    ['ts_ms', requiredLong],
  ],
  { name: 'io.debezium.connector.common.TransactionMetadataValue', version: 1 },
)

/** Schema of the header `__millrace.unavailable`: the fields whose value the server did not send. */
export const unavailableSchema: Schema = arrayOf(requiredText)

/** Names the fields of `after` whose values are unknown (unchanged TOAST): a sink keeps what it has for them. */
export const unavailableHeader = '__millrace.unavailable'
