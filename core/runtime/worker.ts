import type { Logger } from '../contract/context.ts'
import { BadRequestError, ConfigError, ConflictError, NotFoundError } from '../contract/errors.ts'
import type { Offsets } from '../contract/record.ts'
import type { StoredConnector, WorkerStore } from '../store/store.ts'
import { askPlugins } from './ask-plugins.ts'
import type { WorkerClients } from './client-config.ts'
import type { ResolvedConfig } from './config-providers.ts'
import { Connector, notStopped } from './connector.ts'
import type {
  ConnectorInfo,
  ConnectorStatus,
  Control,
  LetterQuery,
  OffsetEntry,
  PluginVersions,
  RedriveOrder,
  RedriveReport,
  ShownPage,
  TargetState,
  TaskInfo,
  TaskProgress,
  TaskStatus,
} from './control.ts'
import type { RawConfig } from './ends.ts'
import { runtimeSettings } from './framework-config.ts'
import { HostPool, type Hosting } from './host-pool.ts'
import { hostLimits } from './task-host.ts'
import { inlineHosting, processHosting } from './hosting.ts'
import { connectorLogger } from './json-log.ts'
import { endLeftoverHosts } from './leftover-hosts.ts'
import { reportsOf } from './letters/letter-desk.ts'
import { showLetter } from './letters/shown-letter.ts'
import { Loggers } from './loggers.ts'
import { entriesOf, offsetsOf } from './offset-entries.ts'
import type { OrphanWatch } from './orphan-watch.ts'
import type { PlanParts } from './plan.ts'
import type { PreviewOrder } from './preview/preview-spec.ts'
import { Previews } from './preview/preview.ts'
import type { Catalog } from './plugins/catalog.ts'
import { pluginOf } from './plugins/import-plugin.ts'
import { PluginDesk } from './plugins/plugin-desk.ts'
import type { Registry } from './registry.ts'
import { sameConfig } from './same-config.ts'
import { stored } from './target-states.ts'
import { refusable } from './upstream.ts'
import { validateConnector, type GivenConfig, type Validation } from './validation.ts'

export interface WorkerParts {
  readonly store: WorkerStore
  readonly registry: Registry
  /** The packages behind the registry; absent: there are only the modules that the registry was made of. */
  readonly catalog?: Catalog
  readonly loggers?: Loggers
  /** Fills in what config providers give. Default: references stay as they are. */
  readonly resolve?: (config: RawConfig) => Promise<ResolvedConfig>
  /** `host:port` of the REST API, as statuses show it. */
  readonly workerId?: string
  readonly hosting?: Hosting
  /** Most processes that `shared` tasks are spread over; default 2. */
  readonly sharedHosts?: number
  /** Where hosts write their logs and stderr: this process's, or nowhere. */
  readonly hostOutput?: 'inherit' | 'ignore'
  /** Where inline tasks write their log lines; default: as hosts do. */
  readonly inlineLog?: (line: string) => void
  /** How hosts notice that this process is gone; default: as the system can. */
  readonly orphanWatch?: OrphanWatch
  /** Defaults for connector keys (`key.converter`, `flush.*`, `task.*`). */
  readonly defaults?: RawConfig
  /** The worker's Kafka settings (`bootstrap.servers`, `sasl.*`, `consumer.*` ...) for ends that hold a client. */
  readonly clients?: WorkerClients
  /** Directory of dead letters; default `./dead-letters`. */
  readonly deadLetters?: string
}

/** A standalone worker: all connectors of one store. The control plane: it runs no plugin code itself, unless hosting is inline. */
export class Worker implements Control, AsyncDisposable {
  readonly #parts: WorkerParts
  readonly #store: WorkerStore
  readonly #log: Logger
  readonly #loggers: Loggers
  readonly #pool: HostPool
  readonly #planParts: PlanParts
  readonly #previews: Previews
  readonly plugins: PluginDesk
  readonly #connectors = new Map<string, Connector>()
  #ready = false
  #prepared: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** Shown in statuses; may be set once the REST API knows its port. */
  workerId: string

  constructor(parts: WorkerParts) {
    this.#parts = parts
    this.#store = parts.store
    this.#loggers = parts.loggers ?? new Loggers()
    this.#log = this.#loggers.logger('millrace.worker')
    this.workerId = parts.workerId ?? '127.0.0.1:8083'
    this.#planParts = {
      registry: parts.registry,
      defaults: parts.defaults ?? {},
      clients: parts.clients ?? {},
      deadLetters: parts.deadLetters ?? './dead-letters',
    }
    const output = parts.hostOutput ?? 'inherit'
    const write = parts.inlineLog ?? ((line: string) => void (output === 'inherit' && process.stdout.write(line)))
    this.#pool = new HostPool({
      open: {
        process: processHosting(output, parts.orphanWatch),
        inline: inlineHosting((module) => pluginOf(module, parts.registry), write),
      },
      hosting: parts.hosting ?? 'process',
      store: parts.store,
      log: this.#log,
      sharedHosts: parts.sharedHosts ?? 2,
      limits: hostLimits(runtimeSettings({ name: 'worker', 'connector.class': 'any' }, this.#planParts.defaults)),
    })
    this.plugins = new PluginDesk(parts.catalog, this.#pool, () => this.#connectors.values(), this.#log)
    this.#previews = new Previews(this.#pool, this.#planParts, (raw) => this.#resolve(raw))
  }

  /** Ends what a killed worker left behind, then starts the connectors of the last run. */
  async start(): Promise<void> {
    await this.prepare()
    for (const kept of await this.#store.load()) {
      const connector = this.#connector(kept)
      this.#connectors.set(kept.name, connector)
      connector.begin()
    }
    this.#ready = true
    this.#log.info({ connectors: this.#connectors.size }, 'The worker is ready')
  }

  /** The first half of a start, once: ends what a killed worker left behind, then knows all plugins. A REST API that listens before it would deny them. */
  prepare(): Promise<void> {
    this.#prepared ??= endLeftoverHosts(this.#store, this.#log).then(() => this.plugins.complete())
    return this.#prepared
  }

  /** Drains and ends all tasks (each within its graceful timeout), then closes the store. Target states stay as they are. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  get ready(): boolean {
    return this.#ready && !this.#closing
  }
  get loggers(): Loggers {
    return this.#loggers
  }

  /** Validates as the REST API's validate does; plugins' own checks run in a host. */
  validate(config: GivenConfig): Promise<Validation> {
    return validateConnector(config, {
      registry: this.#parts.registry,
      clients: this.#planParts.clients,
      resolve: (raw) => this.#resolve(raw),
      ask: (resolved) => askPlugins(resolved, this.#planParts, this.#pool),
    })
  }

  connectors(): readonly string[] {
    return [...this.#connectors.keys()]
  }
  find(name: string): ConnectorInfo | undefined {
    return this.#connectors.get(name)?.info()
  }
  info(name: string): ConnectorInfo {
    return this.#get(name, (unknown) => `Connector ${unknown} not found`).info()
  }

  async create(name: string, config: RawConfig, state: TargetState): Promise<ConnectorInfo> {
    this.#refuseWhenClosing()
    const named = withName(name, config)
    await this.#check(named)
    if (this.#connectors.has(name)) throw new ConflictError(`Connector ${name} already exists`)
    return this.#add(name, named, state)
  }

  async put(name: string, config: RawConfig): Promise<{ readonly created: boolean; readonly info: ConnectorInfo }> {
    this.#refuseWhenClosing()
    const named = withName(name, config)
    const same = this.#connectors.get(name)
    if (same && sameConfig(same.config, named)) return { created: false, info: same.info() }
    await this.#check(named)
    const connector = this.#connectors.get(name)
    if (!connector) return { created: true, info: await this.#add(name, named, 'RUNNING') }
    const { tasks } = connector.info()
    await connector.reconfigure(named)
    return { created: false, info: { ...connector.info(), tasks } }
  }

  async patch(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    const { config } = this.info(name)
    const changed = new Map(Object.entries(config))
    for (const [key, value] of Object.entries(patch)) {
      if (value === null) changed.delete(key)
      else changed.set(key, value)
    }
    return (await this.put(name, Object.fromEntries(changed))).info
  }

  async delete(name: string): Promise<void> {
    const connector = this.#get(name, (unknown) => `Connector ${unknown} not found`)
    await connector.destroy()
    await this.#store.deleteConnector(name)
    this.#connectors.delete(name)
    this.#loggers.forget(connectorLogger(name))
  }

  status(name: string): ConnectorStatus {
    return this.#get(name, (unknown) => `No status found for connector ${unknown}`).status()
  }
  tasks(name: string): readonly TaskInfo[] {
    return this.#get(name, (unknown) => `Connector ${unknown} not found`).taskInfos()
  }
  taskStatus(name: string, task: number): TaskStatus {
    const found = this.#connectors.get(name)?.status().tasks[task]
    if (!found) throw new NotFoundError(`No status found for task ${name}-${task}`)
    return found
  }

  async restart(
    name: string,
    options: { readonly includeTasks: boolean; readonly onlyFailed: boolean },
  ): Promise<ConnectorStatus | undefined> {
    const planned = this.#get(name, (unknown) => `Unknown connector: ${unknown}`).restart(options)
    return options.includeTasks || options.onlyFailed ? planned : undefined
  }

  async restartTask(name: string, task: number): Promise<void> {
    const connector = this.#get(name, (unknown) => `Unknown connector: ${unknown}`)
    if (!connector.restartTask(task)) throw new NotFoundError(`Unknown task: ${name}-${task}`)
  }

  async pause(name: string): Promise<void> {
    await this.#get(name, (unknown) => `Unknown connector ${unknown}`).pause()
  }
  async resume(name: string): Promise<void> {
    this.#refuseWhenClosing()
    await this.#get(name, (unknown) => `Unknown connector ${unknown}`).resume()
  }
  async stop(name: string): Promise<void> {
    await this.#get(name, (unknown) => `Unknown connector ${unknown}`).stop()
  }

  topics(name: string): readonly string[] {
    return this.#connectors.get(name)?.topics ?? []
  }
  resetTopics(name: string): void {
    this.#connectors.get(name)?.forgetTopics()
    this.#store.resetTopics(name).catch((error: unknown) => this.#log.error({ err: error }, 'Topics could not be reset in the store'))
  }

  async offsets(name: string): Promise<readonly OffsetEntry[]> {
    this.info(name)
    return entriesOf((await this.#store.offsets.load(name)) ?? {})
  }

  async alterOffsets(name: string, entries: readonly OffsetEntry[]): Promise<void> {
    if (entries.length === 0) throw new BadRequestError('Partitions / offsets need to be provided for an alter offsets request')
    const connector = this.#stopped(name)
    const offsets = offsetsOf(entries, (await this.#store.offsets.load(name)) ?? {})
    await refusable(connector.upstream.checkOffsets(offsets))
    await this.#alter(connector, offsets)
  }

  async resetOffsets(name: string): Promise<void> {
    await this.#alter(this.#stopped(name), null)
  }

  /** The upstream first: if it refuses nothing has changed. */
  async #alter(connector: Connector, offsets: Offsets | null): Promise<void> {
    await connector.whileStopped(async () => {
      await refusable(connector.upstream.alterOffsets(offsets))
      await this.#store.alterOffsets(connector.name, offsets ?? {}, { replace: offsets === null })
    })
  }
  completed(name: string): boolean {
    return this.#connectors.get(name)?.completed ?? false
  }

  versions(name: string): PluginVersions {
    return this.#get(name, (unknown) => `Connector ${unknown} not found`).versions()
  }

  progress(name: string): readonly TaskProgress[] {
    return this.#get(name, (unknown) => `No status found for connector ${unknown}`).progress()
  }

  async deadLetters(name: string, query: LetterQuery): Promise<ShownPage> {
    const { desk, redact } = await this.#get(name, (unknown) => `Connector ${unknown} not found`).letters()
    const { letters, ...page } = await desk.list(query)
    return { ...page, letters: letters.map((letter) => showLetter(letter, redact)) }
  }

  redrive(name: string, order: RedriveOrder): ReturnType<Control['redrive']> {
    this.#refuseWhenClosing()
    return this.#get(name, (unknown) => `Connector ${unknown} not found`).redrive(order)
  }

  async redrives(name: string): Promise<readonly RedriveReport[]> {
    this.info(name)
    return reportsOf(await this.#store.offsets.load(name))
  }

  async preview(order: PreviewOrder): Promise<string> {
    this.#refuseWhenClosing()
    const own = order.connector === null ? undefined : this.#get(order.connector, (unknown) => `Connector ${unknown} not found`)
    return this.#previews.run(
      order,
      { ...own?.config, ...order.config },
      own && (async () => (await own.letters()).desk),
      own?.versions().versions,
    )
  }

  #refuseWhenClosing(): void {
    if (this.#closing) throw new ConflictError('This worker is stopping; ask again when it has started')
  }

  #get(name: string, text: (name: string) => string): Connector {
    const connector = this.#connectors.get(name)
    if (!connector) throw new NotFoundError(text(name))
    return connector
  }

  #stopped(name: string): Connector {
    const connector = this.#get(name, (unknown) => `Connector ${unknown} not found`)
    if (connector.target !== 'STOPPED') throw new BadRequestError(notStopped(name))
    return connector
  }

  async #add(name: string, config: RawConfig, state: TargetState): Promise<ConnectorInfo> {
    const connector = this.#connector({ name, config, target: stored[state], tasks: null })
    // Before anything is awaited, so that a second request of the same name finds it.
    this.#connectors.set(name, connector)
    try {
      await connector.save()
    } catch (error) {
      this.#connectors.delete(name)
      throw error
    }
    connector.begin()
    return connector.info()
  }

  #connector(kept: StoredConnector): Connector {
    const { name } = kept
    const logger = connectorLogger(name)
    const log = this.#loggers.logger(logger, { connector: name })
    const connector = new Connector(kept, {
      ...this.#planParts,
      pool: this.#pool,
      hosting: this.#parts.hosting ?? 'process',
      store: this.#store,
      log,
      resolve: (raw) => this.#resolve(raw),
      workerId: () => this.workerId,
      level: () => this.#loggers.level(logger),
    })
    this.#loggers.onChange(logger, (level) => connector.setLevel(level))
    return connector
  }

  async #check(config: RawConfig): Promise<void> {
    const { issues, warnings } = await this.validate(config)
    if (issues.length > 0) throw new ConfigError(issues)
    for (const { key, message } of warnings) this.#log.warn({ connector: config['name'], key }, message)
  }

  async #resolve(config: RawConfig): Promise<ResolvedConfig> {
    return this.#parts.resolve ? this.#parts.resolve(config) : { config, secrets: [] }
  }

  async #close(): Promise<void> {
    this.#pool.abandonCalls()
    await Promise.all([...this.#connectors.values()].map((connector) => connector.close()))
    await this.#pool.close()
    // Last states are written in a turn of the event loop of their own.
    await new Promise((resolve) => setImmediate(resolve))
    await this.#store[Symbol.asyncDispose]()
  }
}

function withName(name: string, config: RawConfig): RawConfig {
  return config['name'] === undefined ? { ...config, name } : config
}
