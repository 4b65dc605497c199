import postgres from '../../../../connectors/postgres/index.ts'
import { primitive, record, structOf, type ConnectRecord, type SinkTask, type TaskContext } from '../../../../core/index.ts'
import { sinkOf, taskContext } from '../../../../testing/index.ts'
import type { PostgresServer } from '../../../postgres.ts'

export const never = new AbortController().signal

/** The config that leads to a server's database. */
export function target(server: PostgresServer, database = 'postgres', port = server.port): Record<string, string> {
  return {
    'connection.url': `jdbc:postgresql://${server.host}:${port}/${database}`,
    'connection.user': server.user,
    'connection.password': server.password,
  }
}

/** A task that is open. */
export async function openSink(
  config: Record<string, string>,
  context: Partial<TaskContext> = {},
  name = 'postgres',
): Promise<SinkTask & { put: SinkTask['put']; flush: NonNullable<SinkTask['flush']> }> {
  const task = await sinkOf(postgres, name, config, taskContext(context))
  await task.open!()
  return task as never
}

/** Collects what a task rejects. */
export function rejects(): { readonly rejected: { record: ConnectRecord; error: Error }[]; readonly context: Partial<TaskContext> } {
  const rejected: { record: ConnectRecord; error: Error }[] = []
  const reject = (one: ConnectRecord, error: Error) => {
    rejected.push({ record: one, error })
    return Promise.resolve()
  }
  return { rejected, context: { reject } }
}

export const itemKey = structOf([['id', primitive('int64')]])
export const itemSchema = structOf([
  ['id', primitive('int64')],
  ['name', primitive('string', { optional: true })],
  ['count', primitive('int32', { optional: true })],
])

let position = 0

/** A flat record of topic `items`; `row` null: a tombstone. */
export function item(
  id: number,
  row: { readonly name?: string | null; readonly count?: number | null } | null,
  topic = 'items',
): ConnectRecord {
  const place = { key: { id: BigInt(id) }, keySchema: itemKey, origin: { partition: 'p', position: ++position, seq: 0 } }
  if (row === null) return record(topic, null, place)
  return record(topic, { id: BigInt(id), name: row.name ?? null, count: row.count ?? null }, { ...place, valueSchema: itemSchema })
}

const sourceSchema = structOf([
  ['schema', primitive('string')],
  ['table', primitive('string')],
])
export const envelopeSchema = structOf(
  [
    ['before', { ...itemSchema, optional: true }],
    ['after', { ...itemSchema, optional: true }],
    ['source', sourceSchema],
    ['op', primitive('string')],
  ],
  { name: 'server.public.items.Envelope' },
)

type ItemRow = { readonly id: bigint; readonly name: string | null; readonly count: number | null }

/** A change of Debezium. */
export function change(op: string, before: ItemRow | null, after: ItemRow | null, topic = 'server.public.items'): ConnectRecord {
  const key = (after ?? before)?.id
  return record(
    topic,
    { before, after, source: { schema: 'public', table: 'items' }, op },
    {
      key: key === undefined ? null : { id: key },
      keySchema: key === undefined ? null : itemKey,
      valueSchema: envelopeSchema,
      origin: { partition: 'p', position: ++position, seq: 1 },
    },
  )
}
