import type { Logger } from '../../core/index.ts'
import type { DeltaConfig } from './config.ts'
import type { Engine } from './engine.ts'
import type { Storage } from './storage.ts'

/** What all tables of a task share. */
export interface Lake {
  readonly storage: Storage
  readonly engine: Engine
  readonly config: DeltaConfig
  readonly connector: string
  readonly generation: number
  readonly log: Logger
  /** Tells the watchdog that long work goes on; called between its steps. */
  alive(): void
}
