import type { TaskContext } from '../../core/index.ts'
import type { PostgresConfig } from './config.ts'
import { dropOwnPublication } from './publication.ts'
import { QueryConnection } from './query-connection.ts'
import { dropSlot } from './slot.ts'
import { connectionSettings } from './source-settings.ts'

/** Longest wait for a stopped task's server process to let go of the slot. Milliseconds. */
const waitMsMax = 20_000

/**
 * The connector was deleted: drops its slot, and its publication if Millrace created it, unless `slot.drop.on.delete` is false. A slot that
 * nobody reads keeps the server's log growing until its disk is full.
 */
export async function destroy(config: PostgresConfig, context: Pick<TaskContext, 'connector' | 'log'>): Promise<void> {
  const slot = config['slot.name']
  const publication = config['publication.name']
  if (!config['slot.drop.on.delete']) {
    context.log.warn(
      { slot, publication },
      `The replication slot "${slot}" stays, as slot.drop.on.delete=false asks for: it keeps the server's log until SELECT pg_drop_replication_slot('${slot}')`,
    )
    return
  }
  await using queries = new QueryConnection(connectionSettings(config, context.connector))
  if (await dropSlot(queries.query, slot, waitMsMax)) context.log.info({ slot }, 'Slot dropped')
  if (await dropOwnPublication(queries.query, publication)) context.log.info({ publication }, 'Publication dropped')
}
