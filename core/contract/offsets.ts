import type { Offsets } from './record.ts'

/** Remembers where each connector stands. Keyed by connector, not by task: tasks are split anew. */
export interface OffsetStore {
  /** undefined: nothing was ever saved. An empty object: a person reset the offsets. */
  load(connector: string): Promise<Offsets | undefined>
  /** Merges by source partition and resolves when it is durable; a null position removes its partition. */
  save(connector: string, offsets: Offsets): Promise<void>
  /** Forgets all positions of the connector. */
  reset(connector: string): Promise<void>
}
