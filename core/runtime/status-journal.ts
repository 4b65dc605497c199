import type { Logger } from '../contract/context.ts'
import type { WorkerStore } from '../store/store.ts'
import type { ConnectorStatus } from './control.ts'

/** Writes a connector's statuses to the store as they change; several changes of one moment are written once. */
export class StatusJournal {
  readonly #status: () => ConnectorStatus
  readonly #store: WorkerStore
  readonly #log: Logger
  #due = false

  constructor(status: () => ConnectorStatus, store: WorkerStore, log: Logger) {
    this.#status = status
    this.#store = store
    this.#log = log
  }

  changed(): void {
    if (this.#due) return
    this.#due = true
    setImmediate(() => {
      this.#due = false
      this.#write().catch((error: unknown) => this.#log.error({ err: error }, 'A status could not be stored'))
    })
  }

  async #write(): Promise<void> {
    const { name, connector, tasks } = this.#status()
    for (const { id, state, trace, worker_id: workerId } of [{ id: null, ...connector }, ...tasks]) {
      await this.#store.saveStatus(name, id, { task: id, state, trace: trace ?? null, workerId, sinceMs: Date.now() })
    }
  }
}
