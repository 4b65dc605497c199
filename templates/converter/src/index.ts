import { createRequire } from 'node:module'
import { converter, DataError, defineConfig, definePlugin, type ConfigOf, type Converter, type SchemaAndValue } from 'millrace'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** Types, defaults, validation and documentation of the settings, from one constant. */
export const config = defineConfig({
  'fields.max': { type: 'int', default: 1000, min: 1, doc: 'Most fields of a value; one with more is refused.' },
})

/** Values of named texts as a web form writes them: `name=Ada&city=London`. Has no schemas. */
class FormConverter implements Converter {
  readonly writes = 'text'
  readonly #fieldsMax: number

  constructor(settings: ConfigOf<typeof config>) {
    this.#fieldsMax = settings['fields.max']
  }

  /** null is a tombstone, and stays one. */
  serialize(_topic: string, content: SchemaAndValue): Uint8Array | null {
    const text = this.text(content)
    return text === null ? null : Buffer.from(text)
  }

  /** What `serialize` gives the bytes of. Refuses what it cannot write exactly. */
  text({ value }: SchemaAndValue): string | null {
    if (value === null) return null
    if (typeof value !== 'object' || Array.isArray(value) || value instanceof Map || value instanceof Uint8Array) {
      throw new DataError('The value is not an object of texts')
    }
    const fields = Object.entries(value)
    this.#checkCount(fields.length)
    for (const [name, text] of fields) {
      if (typeof text !== 'string') throw new DataError(`Field "${name}" is not text: ${typeof text}`)
      if (!text.isWellFormed() || !name.isWellFormed()) throw new DataError(`Field "${name}" is not well-formed Unicode`)
    }
    return new URLSearchParams(fields as [string, string][]).toString()
  }

  deserialize(_topic: string, bytes: Uint8Array | null): SchemaAndValue {
    if (bytes === null) return { schema: null, value: null }
    const fields = [...new URLSearchParams(utf8(bytes))]
    this.#checkCount(fields.length)
    const names = new Set(fields.map(([name]) => name))
    if (names.size < fields.length) throw new DataError('A field occurs twice')
    return { schema: null, value: Object.fromEntries(fields) }
  }

  #checkCount(count: number): void {
    if (count > this.#fieldsMax) throw new DataError(`The value has ${count} fields, and fields.max=${this.#fieldsMax}`)
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (error) {
    throw new DataError('The bytes are not UTF-8', { cause: error })
  }
}

export default definePlugin({
  name: '{{package}}',
  version,
  api: 1,
  converters: [
    converter({
      class: '{{class}}',
      aliases: ['{{alias}}'],
      doc: 'Reads and writes values as a web form does.',
      config,
      create: (settings) => new FormConverter(settings),
    }),
  ],
})
