import { GapError, idle, type Offsets, type RecordBatch, type SourceTask, type TaskContext } from '../../core/index.ts'
import { Catalog, type CatalogTable } from './catalog.ts'
import { anyMatches, type Captured } from './captured.ts'
import type { PostgresConfig } from './config.ts'
import { disconnect, type ConnectionSettings } from './connection.ts'
import { connectFailure } from './explain.ts'
import { Heartbeat } from './heartbeat.ts'
import { LagWatch } from './lag-watch.ts'
import { fromOffsets, tableKey, toOffsets, type Position, type TableProgress } from './position.ts'
import { preflight, type Prepared } from './preflight.ts'
import { QueryConnection } from './query-connection.ts'
import { RecordFactory } from './records.ts'
import { checkSlot, checkSystem } from './replication.ts'
import type { ValueSettings } from './settings.ts'
import { dropSlot, type SlotState } from './slot.ts'
import { holdSnapshot, SnapshotRun, type SnapshotHolder } from './snapshot-run.ts'
import { capturedBy, connectionSettings, eventFilter, recordSettings, valueSettings } from './source-settings.ts'
import { ChangeStream } from './stream.ts'
import type { Relation } from './tuple.ts'

const queueBytesDefault = 16 * 1024 * 1024

/**
 * Reads the captured tables once (snapshot), then follows their changes (stream). What is saved is a `Position`; see there for what it
 * promises, and `SnapshotRun` and `ChangeStream` for how the two halves meet.
 */
export class PostgresSourceTask implements SourceTask {
  readonly #config: PostgresConfig
  readonly #context: TaskContext
  readonly #connection: ConnectionSettings
  readonly #captured: Captured
  readonly #values: ValueSettings
  readonly #factory: RecordFactory
  readonly #queries: QueryConnection
  readonly #heartbeatQueries: QueryConnection
  readonly #catalog: Catalog
  readonly #lag: LagWatch
  #prepared: Prepared | undefined
  #run: SnapshotRun | undefined
  #stream: ChangeStream | undefined
  #position: Position | undefined
  #streams = true
  /** Tables whose earlier content a sink may still have. */
  #again: ReadonlySet<string> = new Set()

  constructor(config: PostgresConfig, context: TaskContext) {
    this.#config = config
    this.#context = context
    this.#connection = connectionSettings(config, context.connector)
    this.#captured = capturedBy(config)
    this.#values = valueSettings(config, this.#captured)
    this.#factory = new RecordFactory(this.#values, recordSettings(config))
    this.#queries = new QueryConnection(this.#connection)
    this.#heartbeatQueries = new QueryConnection(this.#connection)
    this.#catalog = new Catalog(this.#queries.query)
    this.#lag = new LagWatch(this.#queries.query, config['slot.name'], context)
  }

  async open(offsets: Offsets | undefined): Promise<void> {
    // Each step has a bound of its own, and some may wait for others' transactions: that is not hanging.
    const pulse = setInterval(() => this.#context.report({}), 1_000)
    try {
      await this.#open(offsets)
    } catch (error) {
      throw connectFailure(error, this.#connection)
    } finally {
      clearInterval(pulse)
    }
  }

  async #open(offsets: Offsets | undefined): Promise<void> {
    const config = this.#config
    const saved = fromOffsets(config['topic.prefix'], offsets)
    const mode = snapshotMode(config)
    this.#streams = mode !== 'initial_only'
    this.#context.report({ phase: 'checking the database' })
    this.#prepared = await preflight(config, this.#queries.query, this.#catalog, this.#captured, this.#context.log)
    const { systemId, slot } = this.#prepared
    const resumed = this.#resumable(saved, slot, mode)
    const wanted = this.#tablesToRead(resumed, mode)
    if (resumed !== undefined && wanted.length === 0) {
      this.#position = { ...resumed, systemId: systemId || resumed.systemId, slot: config['slot.name'] }
      return
    }
    await this.#begin(resumed, saved, slot, wanted, mode)
  }

  async poll(signal: AbortSignal): Promise<RecordBatch> {
    this.#lag.tick()
    while (this.#run !== undefined) {
      const batch = await this.#run.next(signal)
      if (batch !== undefined) return batch
      await this.#endRun()
    }
    if (!this.#streams) {
      this.#context.report({ phase: 'snapshot finished; snapshot.mode=initial_only streams nothing' })
      return aborted(signal)
    }
    const stream = (this.#stream ??= this.#openStream())
    if (stream.wanted.size > 0 && stream.atBoundary) {
      await this.#readLate(stream)
      return idle
    }
    const batch = await stream.poll(signal)
    this.#position = stream.position
    this.#lag.read(stream.position)
    return batch
  }

  /** The slot moves to exactly the position that is durable and saved. */
  async commit(offsets: Offsets): Promise<void> {
    const position = fromOffsets(this.#config['topic.prefix'], offsets)
    if (position === undefined) return
    this.#stream?.acknowledge(position.lsn)
    this.#lag.durable(position)
    await Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run?.[Symbol.asyncDispose]()
    await this.#stream?.[Symbol.asyncDispose]()
    try {
      if (this.#config['slot.drop.on.stop'] && this.#prepared !== undefined) {
        await dropSlot(this.#queries.query, this.#config['slot.name'], 5_000)
        this.#context.log.warn({ slot: this.#config['slot.name'] }, 'Slot dropped, as slot.drop.on.stop asks for')
      }
    } finally {
      await this.#queries[Symbol.asyncDispose]()
      await this.#heartbeatQueries[Symbol.asyncDispose]()
    }
  }

  /** The saved position, where the server can still go on from it; undefined: start from nothing. Throws a GapError where it cannot. */
  #resumable(saved: Position | undefined, slot: SlotState | undefined, mode: SnapshotMode): Position | undefined {
    if (saved === undefined) return undefined
    // Nothing was ever streamed, nor is it to be.
    if (mode === 'initial_only') return saved
    try {
      checkSystem(saved, this.#prepared!.systemId, this.#prepared!.logEnd)
      checkSlot(saved, this.#config['slot.name'], slot)
      return saved
    } catch (error) {
      if (!(error instanceof GapError) || (mode !== 'when_needed' && mode !== 'always')) throw error
      this.#context.log.warn({ err: error }, `Changes are missing; all tables are read again, as snapshot.mode=${mode} asks for`)
      return undefined
    }
  }

  /** Tables whose content is not known to have been taken. */
  #tablesToRead(resumed: Position | undefined, mode: SnapshotMode): readonly CatalogTable[] {
    if (mode === 'no_data') return []
    const include = this.#config['snapshot.include.collection.list']
    const included = include.length === 0 ? () => true : anyMatches(include)
    const candidates = this.#prepared!.tables.filter((table) => included(`${table.schema}.${table.name}`))
    if (mode === 'always' || resumed === undefined) return candidates
    const known = resumed.tables
    if (known === undefined) return []
    return candidates.filter((table) => known[tableKey(table)]?.oid !== table.oid)
  }

  /** Creates the slot if there is none, and begins the snapshot: in the new slot's own view, or in that of a temporary one. */
  async #begin(
    resumed: Position | undefined,
    saved: Position | undefined,
    slot: SlotState | undefined,
    wanted: readonly CatalogTable[],
    mode: SnapshotMode,
  ): Promise<void> {
    const { serverVersion, systemId, tables } = this.#prepared!
    const name = this.#config['slot.name']
    const lost = slot !== undefined && (slot.walStatus === 'lost' || slot.invalidation !== null)
    if (lost && (mode === 'when_needed' || mode === 'always')) {
      await dropSlot(this.#queries.query, name, 5_000)
      this.#context.log.warn({ slot: name }, 'The slot that the server had given up is dropped, and made anew')
    }
    const existing = lost ? undefined : slot
    if (existing !== undefined && resumed === undefined)
      checkSlot({ ...origin(systemId, name), lsn: Number.MAX_SAFE_INTEGER }, name, existing)
    if (wanted.length > 0) await this.#delay()
    let holder: SnapshotHolder | undefined
    try {
      if (existing === undefined && this.#streams) holder = await this.#hold(name, false, serverVersion)
      else if (wanted.length > 0) holder = await this.#hold(`${name}_snapshot_${process.pid}`.slice(-63), true, serverVersion)
      const start = existing?.confirmedFlush ?? holder?.snapshot.consistentPoint ?? 0
      const base = resumed ?? { ...origin(systemId, name), lsn: start }
      // Tables that are streamed only: everything from the slot's start on.
      const streamed = tables.filter((table) => !wanted.includes(table) && base.tables?.[tableKey(table)]?.oid !== table.oid)
      const others = Object.fromEntries(streamed.map((table) => [tableKey(table), { oid: table.oid, lsn: 0 }]))
      this.#position = { ...base, systemId: systemId || base.systemId, slot: name, tables: { ...base.tables, ...others } }
      if (wanted.length > 0) {
        this.#again = new Set(saved === undefined ? [] : Object.keys(saved.tables ?? {}))
        this.#run = await this.#startRun(wanted, holder!)
      }
    } finally {
      if (holder !== undefined) await disconnect(holder.client)
    }
  }

  async #hold(name: string, temporary: boolean, serverVersion: number): Promise<SnapshotHolder> {
    const request = {
      name,
      temporary,
      failover: !temporary && this.#config['slot.failover'] && serverVersion >= 170000,
      serverVersion,
      timeoutMs: this.#config['slot.creation.timeout.ms'],
    }
    const holder = await holdSnapshot(this.#connection, this.#queries.query, request, this.#context)
    if (!temporary) this.#context.log.info({ slot: name }, 'Slot created')
    return holder
  }

  #startRun(tables: readonly CatalogTable[], holder: SnapshotHolder): Promise<SnapshotRun> {
    const base = this.#position!
    return SnapshotRun.start(
      {
        connection: this.#connection,
        values: this.#values,
        factory: this.#factory,
        context: this.#context,
        readers: this.#config['snapshot.max.threads'],
        batchRows: this.#config['max.batch.size'],
        batchBytes: this.#config['max.batch.bytes'],
        tables,
        again: this.#again,
        withStored: this.#prepared!.publication.storedColumns,
        offsets: (done) => toOffsets(this.#values.prefix, { ...base, tables: { ...base.tables, ...done } }),
      },
      holder.snapshot,
    )
  }

  async #endRun(): Promise<void> {
    const run = this.#run!
    this.#run = undefined
    this.#context.report({ phase: 'streaming', snapshot: null })
    const position = this.#position!
    this.#position = { ...position, tables: { ...position.tables, ...run.done } }
    this.#stream?.snapshotted(run.done)
    await run[Symbol.asyncDispose]()
    this.#context.log.info({ tables: Object.keys(run.done).length }, 'Snapshot finished')
    if (run.postponed.length > 0) await this.#readAsOfNow(run.postponed)
  }

  #openStream(): ChangeStream {
    const config = this.#config
    const { serverVersion } = this.#prepared!
    return new ChangeStream(
      {
        replication: {
          connection: this.#connection,
          slot: config['slot.name'],
          publication: config['publication.name'],
          queueBytesMax: config['max.queue.size.in.bytes'] || queueBytesDefault,
          messageBytesMax: config['message.bytes.max'],
          statusIntervalMsMax: config['status.update.interval.ms'],
        },
        values: this.#values,
        captured: this.#captured,
        tables: this.#prepared!.tables,
        events: eventFilter(config),
        catalog: this.#catalog,
        query: this.#queries.query,
        serverVersion,
        factory: this.#factory,
        context: this.#context,
        heartbeat: new Heartbeat(
          {
            intervalMs: config['heartbeat.interval.ms'],
            action: config['heartbeat.action.query'],
            topicPrefix: config['topic.heartbeat.prefix'],
            server: config['topic.prefix'],
          },
          this.#heartbeatQueries.query,
          this.#context.log,
        ),
        admit: (relation) => this.#admit(relation),
        batchRowsMax: config['max.batch.size'],
        batchBytesMax: config['max.batch.bytes'],
        retry: {
          pauseMsMax: config['retriable.restart.connector.wait.ms'],
          reportAfterMs: config['reconnect.timeout.ms'],
          busyReportAfterMs: config['slot.max.retries'] * config['slot.retry.delay.ms'],
        },
        progress: () => this.#lag.tick(),
      },
      this.#position!,
    )
  }

  /** A table that was made after the start comes whole by a publication of all tables; any other one has content that nobody read. */
  #admit(relation: Relation): 'stream' | 'snapshot' {
    const { publication, oids } = this.#prepared!
    if (snapshotMode(this.#config) === 'no_data') return 'stream'
    return publication.allTables && !oids.has(relation.oid) ? 'stream' : 'snapshot'
  }

  /** Tables that came into the stream with content that was never read: reads them now, while the stream waits. */
  async #readLate(stream: ChangeStream): Promise<void> {
    const oids = new Set([...stream.wanted.values()].map((relation) => relation.oid))
    const tables = (await this.#catalog.tables()).filter((table) => oids.has(table.oid))
    this.#position = stream.position
    const gone = [...stream.wanted.values()].filter((relation) => !tables.some((table) => table.oid === relation.oid))
    if (gone.length > 0) stream.snapshotted(Object.fromEntries(gone.map((relation) => [tableKey(relation), { oid: relation.oid, lsn: 0 }])))
    if (tables.length === 0) return
    this.#context.log.info({ tables: tables.map(tableKey) }, 'Tables that are new in the stream are read first')
    this.#again = new Set([...this.#again, ...tables.map(tableKey)])
    await this.#readAsOfNow(tables)
  }

  /** Begins a snapshot beside the slot, which stays where it is: in the view of a temporary one. */
  async #readAsOfNow(tables: readonly CatalogTable[]): Promise<void> {
    const name = `${this.#config['slot.name']}_snapshot_${process.pid}`.slice(-63)
    let holder: SnapshotHolder | undefined
    try {
      holder = await this.#hold(name, true, this.#prepared!.serverVersion)
      this.#run = await this.#startRun(tables, holder)
    } catch (error) {
      throw connectFailure(error, this.#connection)
    } finally {
      if (holder !== undefined) await disconnect(holder.client)
    }
  }

  async #delay(): Promise<void> {
    const until = Date.now() + this.#config['snapshot.delay.ms']
    while (Date.now() < until) {
      this.#context.report({ phase: 'waiting for snapshot.delay.ms' })
      await new Promise((resolve) => setTimeout(resolve, Math.min(1_000, until - Date.now())))
    }
  }
}

type SnapshotMode = 'always' | 'initial' | 'initial_only' | 'no_data' | 'when_needed'

function snapshotMode(config: PostgresConfig): SnapshotMode {
  const mode = config['snapshot.mode'].toLowerCase()
  return mode === 'never' ? 'no_data' : (mode as SnapshotMode)
}

function origin(systemId: string, slot: string): Position & { readonly tables: Readonly<Record<string, TableProgress>> } {
  return { lsn: 0, commitLsn: 0, xid: 0, timeUs: 0, messageLsn: 0, systemId, slot, tables: {} }
}

function aborted(signal: AbortSignal): Promise<RecordBatch> {
  if (signal.aborted) return Promise.resolve(idle)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(idle), { once: true }))
}
