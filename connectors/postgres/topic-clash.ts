import type { ConfigIssue } from '../../core/index.ts'
import { topicOf } from './naming.ts'
import { tableKey } from './position.ts'
import type { ValueSettings } from './settings.ts'

interface NamedTable {
  readonly oid: number
  readonly schema: string
  readonly name: string
}

/** Which table fills which topic. Two must never fill one: their rows could not be told apart, and a mirror would hold a mix of both. */
export class TopicOwners {
  readonly #settings: Pick<ValueSettings, 'prefix' | 'delimiter'>
  readonly #owners = new Map<string, NamedTable>()

  constructor(settings: Pick<ValueSettings, 'prefix' | 'delimiter'>) {
    this.#settings = settings
  }

  /** The table fills its topic from now on. Undefined: nobody else does; a table that was renamed or made again under its name is the same. */
  take(table: NamedTable): ConfigIssue | undefined {
    const topic = topicOf(this.#settings, table.schema, table.name)
    const owner = this.#owners.get(topic)
    if (owner !== undefined && owner.oid !== table.oid && tableKey(owner) !== tableKey(table)) return clash(topic, owner, table)
    this.#owners.set(topic, table)
    return undefined
  }

  /** Another table that fills this one's topic, as far as is known. */
  rival(table: NamedTable): NamedTable | undefined {
    const owner = this.#owners.get(topicOf(this.#settings, table.schema, table.name))
    return owner?.oid === table.oid ? undefined : owner
  }

  /** `now` is what became of the owner of a topic; undefined: it was dropped. It gives up the topic if it no longer has its name. */
  review(owner: NamedTable, now: NamedTable | undefined): void {
    const topic = topicOf(this.#settings, owner.schema, owner.name)
    if (now === undefined || topicOf(this.#settings, now.schema, now.name) !== topic) this.#owners.delete(topic)
  }
}

function clash(topic: string, one: NamedTable, other: NamedTable): ConfigIssue {
  return {
    key: 'table.exclude.list',
    message:
      `The tables ${tableKey(one)} and ${tableKey(other)} would both fill the topic ${topic} (in a topic name all but letters, digits, ".", "_" and "-" becomes "_"). ` +
      `Leave one of them out, such as by table.exclude.list=${pattern(other)} (or by not naming it in table.include.list), or rename one`,
  }
}

/** Matches the table alone; a comma would end the list's entry. */
function pattern({ schema, name }: NamedTable): string {
  return `${schema}.${name}`.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&').replaceAll(',', '\\x2c')
}
