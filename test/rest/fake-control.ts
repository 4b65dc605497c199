import { ConfigError, type ConfigIssue } from '../../core/index.ts'
import { BadRequestError, ConflictError, NotFoundError } from '../../core/contract/errors.ts'
import type {
  ConnectorInfo,
  ConnectorStatus,
  Control,
  LetterQuery,
  OffsetEntry,
  PluginControl,
  PluginVersions,
  PreviewOrder,
  RedriveOrder,
  RedriveReport,
  ShownPage,
  ShownPlugin,
  State,
  TargetState,
  TaskProgress,
  TaskStatus,
} from '../../core/runtime/control.ts'
import type { RawConfig } from '../../core/runtime/ends.ts'
import type { Registry } from '../../core/runtime/registry.ts'

interface Kept {
  config: RawConfig
  target: TargetState
  tasks: number
  /** Its plugin ran at least once, so its version is known. */
  started: boolean
  readonly failed: Map<number, string>
  readonly topics: Set<string>
  readonly offsets: Map<string, OffsetEntry>
}

const fakePlugin: ShownPlugin = {
  name: '@acme/poll',
  version: '2.0.0',
  folder: '/plugins/@acme+poll@2.0.0/node_modules/@acme/poll',
  origin: 'installed',
  api: '^1',
  parts: [{ kind: 'source', class: 'com.acme.Poll', aliases: ['poll'], doc: 'Polls.' }],
  fault: null,
  usedBy: ['c'],
}

/** A worker of the mind: keeps connectors in memory, moves no record, and answers as Connect's standalone worker does. */
export class FakeControl implements Control {
  ready = true
  readonly #kept = new Map<string, Kept>()
  readonly #redrives: RedriveReport[] = []
  readonly #registry: Registry
  readonly #issues: (config: RawConfig) => Promise<readonly ConfigIssue[]>

  constructor(registry: Registry, issues: (config: RawConfig) => Promise<readonly ConfigIssue[]>) {
    this.#registry = registry
    this.#issues = issues
  }

  /** Test's hand: a task fails, a topic was seen. */
  fail(name: string, task: number, trace: string): void {
    this.#get(name).failed.set(task, trace)
  }
  see(name: string, topic: string): void {
    this.#get(name).topics.add(topic)
  }
  move(name: string, entry: OffsetEntry): void {
    this.#get(name).offsets.set(JSON.stringify(entry.partition), entry)
  }

  connectors(): readonly string[] {
    return [...this.#kept.keys()]
  }
  find(name: string): ConnectorInfo | undefined {
    const kept = this.#kept.get(name)
    if (!kept) return undefined
    const type = this.#registry.source(kept.config['connector.class']!) && !kept.config['topics'] ? 'source' : 'sink'
    const tasks = Array.from({ length: kept.tasks }, (_, task) => ({ connector: name, task }))
    return { name, config: kept.config, tasks, type }
  }
  info(name: string): ConnectorInfo {
    this.#get(name)
    return this.find(name)!
  }
  async create(name: string, config: RawConfig, state: TargetState): Promise<ConnectorInfo> {
    await this.#check(config)
    if (this.#kept.has(name)) throw new ConflictError(`Connector ${name} already exists`)
    this.#kept.set(name, { config, target: state, tasks: 0, started: false, failed: new Map(), topics: new Set(), offsets: new Map() })
    this.#start(name)
    return this.info(name)
  }
  async put(name: string, config: RawConfig): Promise<{ readonly created: boolean; readonly info: ConnectorInfo }> {
    if (!this.#kept.has(name)) return { created: true, info: await this.create(name, config, 'RUNNING') }
    await this.#check(config)
    this.#get(name).config = config
    return { created: false, info: this.info(name) }
  }
  async patch(name: string, patch: Readonly<Record<string, string | null>>): Promise<ConnectorInfo> {
    const merged = Object.entries({ ...this.#get(name).config, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null)
    return (await this.put(name, Object.fromEntries(merged))).info
  }
  async delete(name: string): Promise<void> {
    this.#get(name)
    this.#kept.delete(name)
  }
  status(name: string): ConnectorStatus {
    const { target, started } = this.#get(name)
    const { tasks, type } = this.info(name)
    return {
      name,
      connector: { state: target, worker_id: '127.0.0.1:8083', version: started ? '4.3.1' : null },
      tasks: tasks.map(({ task }) => this.taskStatus(name, task)),
      type,
    }
  }
  tasks(name: string) {
    const { config, tasks } = this.info(name)
    return tasks.map((id) => ({ id, config: { ...config, 'task.class': 'FileStreamSourceTask' } }))
  }
  taskStatus(name: string, task: number): TaskStatus {
    const { target, tasks, failed } = this.#get(name)
    if (task < 0 || task >= tasks) throw new NotFoundError(`No status found for task ${name}-${task}`)
    const trace = failed.get(task)
    const place = { id: task, worker_id: '127.0.0.1:8083', version: '4.3.1' }
    return trace === undefined ? { ...place, state: target as Exclude<State, 'STOPPED'> } : { ...place, state: 'FAILED', trace }
  }
  async restart(name: string, options: { readonly includeTasks: boolean; readonly onlyFailed: boolean }) {
    const { failed } = this.#get(name)
    const planned = this.status(name)
    if (!options.includeTasks && !options.onlyFailed) return undefined
    const again = (id: number) => options.includeTasks && (!options.onlyFailed || failed.has(id))
    const tasks = planned.tasks.map((task) => (again(task.id) ? ({ ...task, state: 'RESTARTING', trace: undefined } as const) : task))
    for (const { id } of tasks) if (again(id)) failed.delete(id)
    const state: State = options.onlyFailed ? planned.connector.state : 'RESTARTING'
    return { ...planned, connector: { ...planned.connector, state }, tasks }
  }
  async restartTask(name: string, task: number): Promise<void> {
    this.taskStatus(name, task)
    this.#get(name).failed.delete(task)
  }
  async pause(name: string): Promise<void> {
    this.#get(name).target = 'PAUSED'
  }
  async resume(name: string): Promise<void> {
    this.#get(name).target = 'RUNNING'
    this.#start(name)
  }
  async stop(name: string): Promise<void> {
    Object.assign(this.#get(name), { target: 'STOPPED', tasks: 0 })
    this.#get(name).failed.clear()
  }
  topics(name: string): readonly string[] {
    return [...this.#get(name).topics]
  }
  resetTopics(name: string): void {
    this.#get(name).topics.clear()
  }
  async offsets(name: string): Promise<readonly OffsetEntry[]> {
    return [...this.#get(name).offsets.values()]
  }
  async alterOffsets(name: string, entries: readonly OffsetEntry[]): Promise<void> {
    const { offsets, target, config } = this.#get(name)
    if (target !== 'STOPPED') throw new BadRequestError(`Connector ${name} is not stopped`)
    const altered = Object.fromEntries(entries.map(({ partition, offset }) => [JSON.stringify(partition), offset]))
    try {
      this.#registry.source(config['connector.class']!)?.part.checkOffsets?.(altered, config as never)
    } catch (error) {
      throw new BadRequestError((error as Error).message, { cause: error })
    }
    for (const entry of entries) {
      if (entry.offset === null) offsets.delete(JSON.stringify(entry.partition))
      else offsets.set(JSON.stringify(entry.partition), entry)
    }
  }
  async resetOffsets(name: string): Promise<void> {
    this.#get(name).offsets.clear()
  }
  readonly plugins: PluginControl = {
    list: () => ({ installPath: '/plugins', plugins: [fakePlugin] }),
    refresh: async () => ({ added: [fakePlugin], removed: [], refused: [{ ...fakePlugin, fault: 'It has no entry' }] }),
    remove: async (name, version, { force }) => {
      if (name !== fakePlugin.name || version !== fakePlugin.version) throw new NotFoundError(`No plugin ${name} ${version} was installed`)
      if (!force) throw new ConflictError(`Plugin ${name} ${version} is in use by c`)
    },
  }
  versions(name: string): PluginVersions {
    this.#get(name)
    const pin = { package: fakePlugin.name, class: 'com.acme.Poll', version: '2.0.0' }
    const to = { 'connector.class': { ...pin, version: '1.0.0' } }
    return { versions: to, wentBack: { failed: { 'connector.class': pin }, to, reason: 'It threw', atMs: 0 } }
  }
  completed(): boolean {
    return false
  }
  progress(name: string): readonly TaskProgress[] {
    return this.status(name).tasks.map(({ id, state }) => ({
      task: id,
      state,
      pid: 4711,
      stalled: null,
      records: { polled: 10, put: 9, filtered: 1, rejected: 0 },
      rate: 2.5,
      flushes: 1,
      lastFlushMs: 12,
      restarts: 0,
      residentBytes: 50_000_000,
      failure: null,
    }))
  }

  async deadLetters(name: string, query: LetterQuery): Promise<ShownPage> {
    this.#get(name)
    const value = { text: '{"a":', bytes: 5, truncated: false }
    const letter = {
      id: `${name}-0.jsonl:0`,
      time: '2025-01-31T12:00:00.000Z',
      task: 0,
      stage: 'VALUE_CONVERTER',
      step: null,
      class: 'org.apache.kafka.connect.json.JsonConverter',
      error: { class: 'DataError', message: 'no JSON', trace: null },
      topic: 't',
      partition: 0,
      offset: 7,
      timestamp: null,
      key: null,
      value,
      headers: [{ key: 'h', value }],
      redriven: 0,
      redrivable: true,
    }
    return { letters: query.filter.topic === 'none' ? [] : [letter].slice(0, query.limit), next: null, unreadable: 0 }
  }
  async redrive(name: string, { filter, max }: RedriveOrder): ReturnType<Control['redrive']> {
    this.#get(name)
    const counts = { replayed: 0, skipped: 0, refused: 0, unreadable: 0 }
    const report = { id: 'r', state: 'RUNNING' as const, createdMs: 0, filter, max, ...counts }
    this.#redrives.push(report)
    return { ...report, letters: 1 }
  }
  async redrives(name: string): Promise<readonly RedriveReport[]> {
    this.#get(name)
    return this.#redrives
  }
  async preview(order: PreviewOrder): Promise<string> {
    if (order.connector !== null) this.#get(order.connector)
    const rest = { timestamp: null, key: null, keySchema: null, value: { id: 1 }, valueSchema: null, headers: [] }
    const before = { topic: 't', partition: null, ...rest }
    const changes = [{ path: 'topic', change: 'changed', before: 't', after: 'u' }]
    const step = { step: 'a', class: 'A', predicate: null, applied: true, outcome: 'passed', error: null, record: before }
    const record = {
      before,
      steps: [{ ...step, changes, changesLeftOut: 0 }],
      outcome: 'passed',
      rejected: null,
      after: before,
      bytes: null,
    }
    const chain = [{ step: 'a', class: 'A', predicate: null }]
    return JSON.stringify({ chain, records: order.samples.map(() => record), recordsLeftOut: 0, plan: null, notes: [] })
  }

  #get(name: string): Kept {
    const kept = this.#kept.get(name)
    if (!kept) throw new NotFoundError(`Connector ${name} not found`)
    return kept
  }
  async #check(config: RawConfig): Promise<void> {
    const issues = await this.#issues(config)
    if (issues.length > 0) throw new ConfigError(issues)
  }
  #start(name: string): void {
    const kept = this.#get(name)
    if (kept.target !== 'RUNNING') return
    kept.started = true
    kept.tasks = Number(kept.config['tasks.max'] ?? 1)
  }
}
