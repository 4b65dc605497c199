import type { TaskContext } from '../../core/index.ts'
import type { PostgresConfig } from './config.ts'
import { dropOwnPublication } from './publication.ts'
import { QueryConnection } from './query-connection.ts'
import { dropSlot } from './slot.ts'
import { connectionSettings } from './source-settings.ts'

/** Longest wait for a stopped task's server process to let go of the slot. Milliseconds. */
const waitMsMax = 20_000

/**
 * The connector was deleted. Its offsets stay, so its slot does, too: the connector made again goes on from both. With `slot.drop.on.delete` the
 * slot is dropped, and the publication if Millrace created it. A slot that nobody reads keeps the server's log until the disk is full.
 */
export async function destroy(config: PostgresConfig, context: Pick<TaskContext, 'connector' | 'log'>): Promise<void> {
  const slot = config['slot.name']
  const publication = config['publication.name']
  if (!config['slot.drop.on.delete']) {
    // Not looked up whether it was made at all: deleting must not wait for a server that may be gone.
    context.log.warn(
      { slot, publication },
      `The replication slot "${slot}" stays, as slot.drop.on.delete=false: the server holds its log for it until it is read again (by this connector made anew) ` +
        `or dropped. To drop it: SELECT pg_drop_replication_slot('${slot}') in the database "${config['database.dbname']}"; ` +
        'slot.drop.on.delete=true drops it with the connector',
    )
    return
  }
  await using queries = new QueryConnection(connectionSettings(config, context.connector))
  if (await dropSlot(queries.query, slot, waitMsMax)) context.log.info({ slot }, 'Slot dropped')
  if (await dropOwnPublication(queries.query, publication)) context.log.info({ publication }, 'Publication dropped')
}
