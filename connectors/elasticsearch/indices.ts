import { ConfigError, RetriableError, type Logger, type Schema } from '../../core/index.ts'
import { parsed, reasonOf, requestFault } from './answers.ts'
import type { Answer, Body, ElasticsearchClient } from './client.ts'
import { pairs, type ElasticsearchConfig } from './config.ts'
import { missingProperties, propertiesOf, type Properties } from './mapping.ts'
import { shapeOf } from './shape.ts'

/** Indices whose state is remembered; beyond it all are looked at once more. */
const knownMax = 10_000

/** Sees to it that indices and data streams are there, with mappings from schemas. */
export class Indices {
  readonly #client: Pick<ElasticsearchClient, 'request'>
  readonly #config: ElasticsearchConfig
  readonly #log: Logger
  /** Per index the schemas that are in its mapping. */
  readonly #known = new Map<string, Set<Schema | null>>()
  readonly #types: ReadonlyMap<string, string>
  readonly #streaming: boolean
  #streamsByTemplate = false

  constructor(client: Pick<ElasticsearchClient, 'request'>, config: ElasticsearchConfig, log: Logger) {
    this.#client = client
    this.#config = config
    this.#log = log
    this.#types = pairs(config['mapping.types'])
    this.#streaming = config['data.stream.type'].toUpperCase() !== 'NONE'
  }

  /** The server makes data streams only by writing to a templated name. */
  get streamsByTemplate(): boolean {
    return this.#streamsByTemplate
  }

  has(index: string, schema: Schema | null): boolean {
    return this.#known.get(index)?.has(schema) === true
  }

  /** `schema`: null where the mapping is the server's business. Rejects with a RetriableError, or an Error that says what stands in the way. */
  async need(index: string, schema: Schema | null): Promise<void> {
    let schemas = this.#known.get(index)
    if (schemas === undefined) {
      const external = this.#config['external.resource.usage'].toUpperCase() !== 'DISABLED'
      if (external) await this.#expect(index)
      else if (this.#streaming) await this.#createStream(index)
      else await this.#createIndex(index, schema)
      if (this.#known.size >= knownMax) this.#known.clear()
      this.#known.set(index, (schemas = new Set()))
    }
    // A data stream has its mapping from a template.
    if (schema !== null && !schemas.has(schema) && !this.#streaming) await this.#extend(index, schema)
    schemas.add(schema)
  }

  /** Somebody deleted it. */
  forget(index: string): void {
    this.#known.delete(index)
  }

  async #createIndex(index: string, schema: Schema | null): Promise<void> {
    const found = await this.#call('HEAD', `/${encodeURIComponent(index)}`)
    if (found.status === 200) return
    if (found.status !== 404) throw refused(`look for index "${index}"`, found)
    const properties = schema && this.#properties(schema)
    const answer = await this.#call('PUT', `/${encodeURIComponent(index)}`, properties ? { mappings: { properties } } : {})
    if (answer.status >= 200 && answer.status < 300) {
      this.#log.info({ index }, `Created index "${index}"`)
      return
    }
    // Another task was faster.
    if (!answer.text.includes('resource_already_exists_exception')) throw refused(`create index "${index}"`, answer)
  }

  async #createStream(name: string): Promise<void> {
    const found = await this.#call('HEAD', `/${encodeURIComponent(name)}`)
    if (found.status === 200) return
    const answer = await this.#call('PUT', `/_data_stream/${encodeURIComponent(name)}`)
    if (answer.status >= 200 && answer.status < 300) this.#log.info({ stream: name }, `Created data stream "${name}"`)
    else if (answer.status === 405 || /no handler found|Incorrect HTTP method/.test(answer.text)) this.#streamsByTemplate = true
    else if (!answer.text.includes('resource_already_exists_exception')) {
      throw refused(`create data stream "${name}" (is there an index template with a data stream for its name?)`, answer)
    }
  }

  async #expect(index: string): Promise<void> {
    const found = await this.#call('HEAD', `/${encodeURIComponent(index)}`)
    if (found.status === 200) return
    if (found.status !== 404) throw refused(`look for "${index}"`, found)
    const usage = this.#config['external.resource.usage']
    const message = `There is no "${index}", which topic.to.external.resource.mapping or index.name.format leads to; create it, or set external.resource.usage=DISABLED (now ${usage})`
    throw new ConfigError([{ key: 'external.resource.usage', value: usage, message }])
  }

  /** Adds the fields that the mapping lacks; what it has stays. */
  async #extend(index: string, schema: Schema): Promise<void> {
    const wanted = this.#properties(schema)
    if (wanted === undefined) return
    const path = `/${encodeURIComponent(index)}/_mapping`
    const answer = await this.#call('GET', path)
    if (answer.status !== 200) throw refused(`read the mapping of "${index}"`, answer)
    // An alias may stand for several; what one of them lacks is added to all.
    const mappings = Object.values(parsed(answer) as Record<string, { readonly mappings?: { readonly properties?: Properties } }>)
    const missing = mappings.map(({ mappings: one }) => missingProperties(wanted, one?.properties ?? {})).find((one) => one !== undefined)
    if (missing === undefined) return
    const added = await this.#call('PUT', path, { properties: missing })
    if (added.status >= 200 && added.status < 300) {
      this.#log.info({ index, fields: Object.keys(missing) }, `Added fields to the mapping of "${index}"`)
      return
    }
    if (added.status !== 400) throw refused(`add fields to the mapping of "${index}"`, added)
    this.#log.warn(
      { index, fields: Object.keys(missing), reason: reasonOf(added) },
      `The mapping of "${index}" does not take fields of the schema; each document is judged by itself`,
    )
  }

  #properties(schema: Schema): Properties | undefined {
    // Shaped for lists of entries only: names of logical types stay, and tell what text is.
    return propertiesOf(shapeOf(schema, this.#config['compact.map.entries']).schema, this.#config['compact.map.entries'], this.#types)
  }

  async #call(method: 'GET' | 'HEAD' | 'PUT', path: string, content?: object): Promise<Answer> {
    const body: Body | undefined = content && { type: 'application/json', bytes: Buffer.from(JSON.stringify(content)) }
    const answer = await this.#client.request(method, path, body)
    if (requestFault(answer) === 'again') throw new RetriableError(`Elasticsearch put off ${method} ${path}: ${reasonOf(answer)}`)
    return answer
  }
}

function refused(what: string, answer: Answer): Error {
  return new Error(`Elasticsearch refused to ${what}: ${reasonOf(answer, true)} (status ${answer.status})`)
}
