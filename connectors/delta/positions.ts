import type { Origin } from '../../core/index.ts'
import type { Transaction } from './actions.ts'

/**
 * How far each source partition got in one table, as two transactions of its log: the position of the last record under the application id,
 * and its sequence number under the same with `#seq`, as the protocol keeps one integer per id.
 */
export class Positions {
  readonly #prefix: string
  readonly #committed = new Map<string, Place>()
  /** After the last change taken, not committed yet. */
  readonly #taken = new Map<string, Place>()

  constructor(connector: string, generation: number, transactions: ReadonlyMap<string, number | bigint>) {
    this.#prefix = `millrace/${connector}/${generation}/`
    for (const [appId, version] of transactions) {
      if (!appId.startsWith(this.#prefix) || appId.endsWith(seqSuffix)) continue
      const seq = transactions.get(appId + seqSuffix) ?? 0
      this.#committed.set(appId.slice(this.#prefix.length), { position: Number(version), seq: Number(seq) })
    }
  }

  /** The source partitions that the table's commits of this generation name. */
  get partitions(): readonly string[] {
    return [...this.#committed.keys()]
  }

  /** True: the table has this record already. */
  has(origin: Origin): boolean {
    const place = this.#committed.get(origin.partition)
    return place !== undefined && !isAfter(origin.position, origin.seq, place)
  }

  /**
   * Takes note of a record. A snapshot's rows count as just before their position: the first transaction after a consistent point may commit at
   * that very LSN, and its records must not look like replays of snapshot rows.
   */
  take(origin: Origin, snapshot: boolean): void {
    const position = snapshot && origin.position > 0 ? origin.position - 1 : origin.position
    const place = this.#taken.get(origin.partition)
    if (!place) {
      const committed = this.#committed.get(origin.partition)
      if (committed && !isAfter(position, origin.seq, committed)) return
      this.#taken.set(origin.partition, { position, seq: origin.seq })
    } else if (isAfter(position, origin.seq, place)) {
      place.position = position
      place.seq = origin.seq
    }
  }

  /** The application id of a partition of this commit that someone else advanced since this task's own last commit; undefined: none. */
  moved(transactions: ReadonlyMap<string, number | bigint>): string | undefined {
    for (const partition of this.#taken.keys()) {
      const appId = this.#prefix + partition
      const known = this.#committed.get(partition)
      const version = transactions.get(appId)
      if ((version === undefined ? undefined : Number(version)) !== known?.position) return appId
      if (Number(transactions.get(appId + seqSuffix) ?? 0) !== (known?.seq ?? 0)) return appId
    }
    return undefined
  }

  /** The transactions that this commit carries. */
  transactions(known: ReadonlyMap<string, number | bigint>): readonly Transaction[] {
    return [...this.#taken].flatMap(([partition, { position, seq }]) => {
      const appId = this.#prefix + partition
      const lastUpdated = Date.now()
      const main = { appId, version: position, lastUpdated }
      const before = known.get(appId + seqSuffix)
      return seq === Number(before ?? 0) ? [main] : [main, { appId: appId + seqSuffix, version: seq, lastUpdated }]
    })
  }

  /** The commit is durable. */
  committed(): void {
    for (const [partition, place] of this.#taken) this.#committed.set(partition, place)
    this.#taken.clear()
  }
}

interface Place {
  position: number
  seq: number
}

const seqSuffix = '#seq'

function isAfter(position: number, seq: number, place: Place): boolean {
  return position > place.position || (position === place.position && seq > place.seq)
}

/** Names of other connectors that wrote to a table with these transactions. */
export function otherWriters(connector: string, transactions: Iterable<string>): readonly string[] {
  const others = new Set<string>()
  for (const appId of transactions) {
    const name = /^millrace\/(.+?)\/\d+\//.exec(appId)?.[1]
    if (name !== undefined && name !== connector) others.add(name)
  }
  return [...others].sort()
}
