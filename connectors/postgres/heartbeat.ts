import { partitionKey, primitive, record, structOf, type ConnectRecord, type Logger } from '../../core/index.ts'
import type { Query } from './catalog.ts'
import { topicName } from './naming.ts'
import type { Position } from './position.ts'

export interface HeartbeatSettings {
  /** Milliseconds; 0: no heartbeats. */
  readonly intervalMs: number
  /** `heartbeat.action.query` */
  readonly action: string | undefined
  /** `topic.heartbeat.prefix` */
  readonly topicPrefix: string
  /** `topic.prefix` */
  readonly server: string
}

const keySchema = structOf([['serverName', primitive('string')]], { name: 'io.debezium.connector.common.ServerNameKey', version: 1 })
const valueSchema = structOf([['ts_ms', primitive('int64')]], { name: 'io.debezium.connector.common.Heartbeat', version: 1 })

/** Longest time that the action query may take. Milliseconds. */
const actionMsMax = 10_000

/** Debezium's heartbeats: a record on a topic of its own every so often, and a statement in the database if one is asked for. */
export class Heartbeat {
  readonly #settings: HeartbeatSettings
  readonly #query: Query
  readonly #log: Logger
  #next: number
  #acting = false

  constructor(settings: HeartbeatSettings, query: Query, log: Logger) {
    this.#settings = settings
    this.#query = query
    this.#log = log
    this.#next = settings.intervalMs > 0 ? performance.now() + settings.intervalMs : Number.POSITIVE_INFINITY
  }

  due(): boolean {
    return performance.now() >= this.#next
  }

  /** Milliseconds until it is due; Infinity: never. */
  remainingMs(): number {
    return Math.max(0, this.#next - performance.now())
  }

  /** Pushes the record. The statement runs beside it: that it fails is logged, and it is run again at the next beat. */
  beat(out: ConnectRecord[], position: Position): void {
    const { intervalMs, action, topicPrefix, server } = this.#settings
    this.#next = performance.now() + intervalMs
    out.push(
      record(
        topicName(`${topicPrefix}.${server}`),
        { ts_ms: BigInt(Date.now()) },
        {
          key: { serverName: server },
          keySchema,
          valueSchema,
          origin: { partition: partitionKey({ server }), position: position.lsn, seq: 0 },
        },
      ),
    )
    if (action !== undefined && !this.#acting) void this.#act(action)
  }

  async #act(action: string): Promise<void> {
    this.#acting = true
    try {
      await this.#query(`BEGIN; SET LOCAL statement_timeout = ${actionMsMax}; ${action}; COMMIT`)
    } catch (error) {
      this.#log.warn({ err: error }, 'The heartbeat.action.query failed')
      // A failed statement leaves its transaction open; that the connection is gone shows at its next use.
      await this.#query('ROLLBACK').catch(() => {})
    } finally {
      this.#acting = false
    }
  }
}
