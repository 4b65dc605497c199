import { BadRequestError, ConfigError } from '../contract/errors.ts'
import type { Offsets } from '../contract/record.ts'
import type { HostPool } from './host-pool.ts'
import type { Planning } from './planning.ts'
import { mayHave } from './registry.ts'

/** What a connector's source is told outside its tasks, in a host. Each call rejects where the source refuses; a source without the hook is not asked. */
export class Upstream {
  readonly #name: string
  readonly #pool: HostPool
  readonly #planning: Planning

  constructor(name: string, pool: HostPool, planning: Planning) {
    this.#name = name
    this.#pool = pool
    this.#planning = planning
  }

  /** Has the source look at positions that a person wrote. */
  async checkOffsets(offsets: Offsets): Promise<void> {
    const { ends, source, secrets } = await this.#planning.plan()
    if (mayHave(ends.source, 'checkOffsets')) await this.#pool.call({ kind: 'checkOffsets', part: source, offsets }, secrets)
  }

  /** Tells the source what a person made of its positions; null: all are reset. */
  async alterOffsets(offsets: Offsets | null): Promise<void> {
    const { ends, source, secrets } = await this.#planning.plan()
    if (!mayHave(ends.source, 'alterOffsets')) return
    await this.#pool.call({ kind: 'alterOffsets', part: source, connector: this.#name, offsets }, secrets)
  }

  /** The connector was deleted: the source releases what it holds. */
  async release(): Promise<void> {
    const { ends, source, secrets } = await this.#planning.plan()
    if (mayHave(ends.source, 'destroy')) await this.#pool.call({ kind: 'destroy', part: source, connector: this.#name }, secrets)
  }
}

/** What a source says against the positions that a person wrote is the person's to mend: anything but a ConfigError becomes a BadRequestError. */
export async function refusable(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (error instanceof ConfigError) throw error
    throw new BadRequestError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}
