import { RetriableError } from '../../../core/index.ts'
import { apis, type Api } from './apis.ts'
import { byTopic } from './by-topic.ts'
import type { Cluster } from './cluster.ts'
import { codeOf, refusal } from './kafka-error.ts'
import type { AdminRequests, FetchPosition, NewTopic } from './port.ts'
import type { TopicCache } from './topic-cache.ts'
import type { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/** How long the controller may take to make or grow a topic. Milliseconds. */
const controllerWaitMs = 30_000
const topicExists = 36
/** The controller is another one now, or a quota says wait. */
const againCodes: ReadonlySet<number> = new Set([7, 41, 89])

/** Making and looking at topics. */
export class Admin implements AdminRequests {
  readonly #cluster: Cluster
  readonly #topics: TopicCache

  constructor(cluster: Cluster, topics: TopicCache) {
    this.#cluster = cluster
    this.#topics = topics
  }

  async create(topics: readonly NewTopic[]): Promise<{ readonly created: readonly string[] }> {
    if (topics.length === 0) return { created: [] }
    const body = () => {
      const writer = new WireWriter()
      writer.array(topics, ({ name, partitions, replicationFactor, config }) => {
        writer.string(name).int32(partitions).int16(replicationFactor)
        writer.array([], () => {})
        writer.array(Object.entries(config), ([key, value]) => writer.string(key).string(value))
      })
      return writer.int32(controllerWaitMs).boolean(false)
    }
    const created = await this.#ask(apis.CreateTopics, body, (answer) => {
      answer.int32()
      const results = answer.array(() => ({ name: answer.string(), errorCode: answer.int16(), said: answer.nullableString() }))
      const failed = results.filter(({ errorCode }) => errorCode !== 0 && errorCode !== topicExists)
      const failures = failed.map(({ name, errorCode, said }) => refusal(errorCode, `to create topic "${name}"`, said))
      if (failures.length > 1) throw Object.assign(failures[0]!, { message: failures.map(({ message }) => message).join('; ') })
      if (failures.length === 1) throw failures[0]!
      return results.filter(({ errorCode }) => errorCode === 0).map(({ name }) => name)
    })
    for (const name of created) this.#topics.distrust(name)
    return { created }
  }

  async config(topic: string): Promise<Readonly<Record<string, string>> | undefined> {
    const answer = await this.#cluster.callAny(apis.DescribeConfigs, () => {
      const body = new WireWriter()
      body.array([topic], (name) =>
        body
          .int8(2)
          .string(name)
          .array(null, () => {}),
      )
      return body.boolean(false).boolean(false)
    })
    answer.int32()
    const [found] = answer.array(() => {
      const errorCode = answer.int16()
      const said = answer.nullableString()
      answer.int8()
      answer.string()
      const entries = answer.array(() => readConfigEntry(answer))
      return { errorCode, said, entries }
    })
    if (found === undefined || found.errorCode === 3) return undefined
    if (found.errorCode !== 0) throw refusal(found.errorCode, `to tell the settings of topic "${topic}"`, found.said)
    return Object.fromEntries(found.entries.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])))
  }

  async deleteBefore(positions: readonly FetchPosition[]): Promise<void> {
    await this.#topics.refresh(positions.map(({ topic }) => topic))
    const leaders = Map.groupBy(positions, ({ topic, partition }) => this.#topics.leader(topic, partition) ?? -1)
    await Promise.all(
      [...leaders].map(async ([node, group]) => {
        const body = new WireWriter()
        body.array(byTopic(group), ({ topic, items }) =>
          body.string(topic).array(items, ({ partition, offset }) => body.int32(partition).int64(offset)),
        )
        const answer = await this.#cluster.call(node, 'control', apis.DeleteRecords, body.int32(controllerWaitMs), {
          waitMs: controllerWaitMs,
        })
        answer.int32()
        answer.array(() => {
          const topic = answer.string()
          answer.array(() => {
            const partition = answer.int32()
            answer.int64()
            const errorCode = answer.int16()
            if (errorCode !== 0) throw refusal(errorCode, `to delete records of ${topic}-${partition}`)
          })
        })
      }),
    )
  }

  async grow(topic: string, partitions: number): Promise<void> {
    const body = () => {
      const writer = new WireWriter()
      writer.array([topic], (name) =>
        writer
          .string(name)
          .int32(partitions)
          .array(null, () => {}),
      )
      return writer.int32(controllerWaitMs).boolean(false)
    }
    await this.#ask(apis.CreatePartitions, body, (answer) => {
      answer.int32()
      answer.array(() => {
        answer.string()
        const errorCode = answer.int16()
        const said = answer.nullableString()
        if (errorCode !== 0) throw refusal(errorCode, `to give topic "${topic}" ${partitions} partitions`, said)
      })
    })
    this.#topics.distrust(topic)
  }

  async #ask<T>(api: Api, body: () => WireWriter, read: (answer: WireReader) => T): Promise<T> {
    const { settings } = this.#cluster
    const end = performance.now() + settings.apiTimeoutMs
    for (;;) {
      try {
        return read(await this.#cluster.callController(api, body, controllerWaitMs))
      } catch (error) {
        if (!(error instanceof RetriableError) || !againCodes.has(codeOf(error) ?? 0) || performance.now() > end || this.#cluster.disposed)
          throw error
        await this.#cluster.describe([])
        await this.#cluster.pause(settings.retryMaxMs)
      }
    }
  }
}

function readConfigEntry(answer: WireReader): { readonly name: string; readonly value: string | null } {
  const name = answer.string()
  const value = answer.nullableString()
  answer.boolean()
  answer.int8()
  answer.boolean()
  answer.array(() => {
    answer.string()
    answer.nullableString()
    answer.int8()
  })
  answer.int8()
  answer.nullableString()
  return { name, value }
}
