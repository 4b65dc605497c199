import type { KafkaClient, TopicMetadata } from '../client/port.ts'
import { topicPattern } from './topic-pattern.ts'

/** Which topics are read: named ones, or all whose name matches. */
export class Subscription {
  readonly #names: readonly string[]
  readonly #matches: ((topic: string) => boolean) | undefined
  #waits = false

  constructor(names: readonly string[], pattern: string | undefined) {
    this.#names = [...new Set(names)]
    this.#matches = pattern === undefined ? undefined : topicPattern(pattern)
  }

  /** At the last look there was a topic missing that it names, or none that matches. */
  get waits(): boolean {
    return this.#waits
  }

  /** Named topics; a pattern has none. */
  get names(): readonly string[] {
    return this.#names
  }

  includes(topic: string): boolean {
    return this.#matches ? this.#matches(topic) : this.#names.includes(topic)
  }

  /** The topics that exist now, by name. A pattern never takes Kafka's own topics. `maxAgeMs`: how old the knowledge may be. */
  async topics(client: KafkaClient, maxAgeMs: number): Promise<ReadonlyMap<string, TopicMetadata>> {
    const matches = this.#matches
    if (matches === undefined) {
      const named = await client.topics(this.#names, maxAgeMs)
      this.#waits = named.size < this.#names.length
      return named
    }
    const all = await client.topics(null, maxAgeMs)
    const matching = new Map([...all].filter(([name, { internal }]) => !internal && !name.startsWith('__') && matches(name)))
    this.#waits = matching.size === 0
    return matching
  }
}
