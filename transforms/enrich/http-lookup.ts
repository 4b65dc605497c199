import { ConfigError, DataError, decoders, decimalText, RetriableError } from '../../core/index.ts'
import { memberOf, parsePath, pathReader } from '../field-path.ts'
import { refused } from '../config-fault.ts'
import { isDecimal } from '../scalars.ts'
import { HttpClient, type HttpAnswer } from './http-client.ts'
import { urlTemplate, type UrlTemplate } from './http-template.ts'
import { jsonRows, type JsonRows } from './json-rows.ts'
import type { Found, Lookup, LookupKey, RowShape } from './lookup.ts'
import { neededKeyColumns, type LookupSettings } from './lookup-settings.ts'
import { joinedKey, jsonKeyText } from './record-key.ts'

/** Looks keys up at an endpoint that answers in JSON. Throws a ConfigError; nothing is asked yet. */
export function httpLookup(settings: LookupSettings): Lookup {
  const template = urlTemplate(settings)
  if (settings.config['http.batch'].toLowerCase() !== 'none') neededKeyColumns(settings)
  return new HttpLookup(settings, template)
}

class HttpLookup implements Lookup {
  readonly held = undefined
  readonly #settings: LookupSettings
  readonly #template: UrlTemplate
  readonly #json: JsonRows
  readonly #client: HttpClient
  readonly #result: (answer: unknown) => unknown

  constructor(settings: LookupSettings, template: UrlTemplate) {
    const path = settings.config['http.result']
    this.#settings = settings
    this.#template = template
    this.#json = jsonRows(settings.choices, settings.types)
    this.#client = new HttpClient(template.origin, settings.config)
    this.#result = path === '' ? (answer) => answer : pathReader(refused('http.result', path, () => parsePath(path, 'V2')))
  }

  get shape(): RowShape {
    return this.#json.shape
  }

  async refresh(): Promise<void> {}

  async fetch(keys: readonly LookupKey[]): Promise<readonly Found[]> {
    const { config } = this.#settings
    if (config['http.batch'].toLowerCase() === 'none') return this.#askEach(keys)
    const found = new Map<string, Found>()
    const usable = keys.filter((key) => {
      const whole = config['http.batch'].toLowerCase() === 'body' || (!key.text.includes(',') && key.text.isWellFormed())
      if (!whole) found.set(key.text, { refused: 'has a comma, so that it cannot stand in a list (http.batch=body can tell it)' })
      return whole
    })
    for (let from = 0; from < usable.length;) {
      const some = usable.slice(from, from + config['batch.max.keys'])
      const { url, count } = this.#template.forKeys(some.map(({ text }) => text))
      await this.#askTogether(url, some.slice(0, count), found)
      from += count
    }
    return keys.map(({ text }) => found.get(text) ?? 'missing')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
  }

  async #askEach(keys: readonly LookupKey[]): Promise<readonly Found[]> {
    const found: Found[] = keys.map(() => 'missing')
    let next = 0
    const work = async () => {
      while (next < keys.length) {
        const at = next++
        found[at] = await this.#askOne(keys[at]!)
      }
    }
    await Promise.all(Array.from({ length: Math.min(this.#settings.config['http.concurrency'], keys.length) }, work))
    return found
  }

  async #askOne({ parts }: LookupKey): Promise<Found> {
    const url = this.#template.forKey(parts)
    if (url === undefined) return { refused: 'cannot stand in an address' }
    const answer = await this.#client.ask('GET', url)
    if (answer.status === 404 || answer.status === 204) return 'missing'
    if ([400, 410, 414, 422].includes(answer.status)) return { refused: `is refused by ${url.origin} (status ${answer.status})` }
    const object = this.#read(answer)
    return object === null || object === undefined ? 'missing' : this.#json.row(object)
  }

  async #askTogether(url: URL, keys: readonly LookupKey[], found: Map<string, Found>): Promise<void> {
    const byBody = this.#settings.config['http.batch'].toLowerCase() === 'body'
    const answer = byBody
      ? await this.#client.ask('POST', url, `{"keys":[${keys.map(keyJson).join(',')}]}`)
      : await this.#client.ask('GET', url)
    const result = this.#read(answer)
    const asked = new Set(keys.map(({ text }) => text))
    if (!Array.isArray(result)) {
      for (const text of asked) {
        const object = memberOf(result, text)
        if (object !== undefined && object !== null) found.set(text, this.#json.row(object))
      }
      if (typeof result === 'object' && result !== null) return
      throw new RetriableError(
        `Enrich: ${url.origin} answers with neither an array nor an object (http.result names the place of what is found)`,
      )
    }
    for (const object of result) {
      const parts = this.#settings.keyColumns.map((name) => jsonKeyText(memberOf(object, name)))
      if (parts.includes(undefined)) {
        const message = `Enrich: ${url.origin} answers with an object that lacks its key (${this.#settings.keyColumns.join(', ')}); "lookup.key" names the members`
        throw new ConfigError([{ key: 'lookup.key', message }])
      }
      const text = joinedKey(parts as string[])
      if (asked.has(text))
        found.set(text, found.has(text) ? { refused: `is in more than one object that ${url.origin} gives` } : this.#json.row(object))
    }
  }

  #read({ status, body, retryAfterMs }: HttpAnswer): unknown {
    const { origin } = this.#template.origin
    if (status === 408 || status === 425 || status === 429 || status >= 500) {
      throw new RetriableError(`Enrich: ${origin} answers with status ${status}`, retryAfterMs === undefined ? {} : { retryAfterMs })
    }
    if (status < 200 || status > 299) {
      const redirect = status >= 300 && status < 400 ? '; redirects are not followed, so give the address where it leads' : ''
      throw new ConfigError([{ key: 'http.url', message: `Enrich: ${origin} answers with status ${status}${redirect}` }])
    }
    try {
      return this.#result(this.#json.parse(decoders().utf8Text(body)))
    } catch (cause) {
      if (!(cause instanceof DataError)) throw cause
      throw new RetriableError(`Enrich: the answer of ${origin} cannot be read: ${cause.message}`, { cause })
    }
  }
}

function keyJson({ parts, values }: LookupKey): string {
  const each = values.map((value, index) => {
    const digits = typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value) && String(value) === parts[index])
    if (isDecimal(value)) return decimalText(value)
    return digits || typeof value === 'boolean' ? String(value) : JSON.stringify(parts[index])
  })
  return each.length === 1 ? each[0]! : `[${each.join(',')}]`
}
