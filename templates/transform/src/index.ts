import { createRequire } from 'node:module'
import { DataError, defineConfig, definePlugin, transform, type ConfigOf, type ConnectRecord, type Transform } from 'millrace'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** Types, defaults, validation and documentation of the settings, from one constant. */
export const config = defineConfig({
  field: { type: 'string', required: true, doc: 'Field of the value whose text is trimmed.' },
})

/** Pure and synchronous: the same record gives the same answer, and the record that comes in stays as it is. */
class Trim implements Transform {
  readonly #field: string

  constructor(settings: ConfigOf<typeof config>) {
    this.#field = settings.field
  }

  /** null would drop the record. A DataError rejects it: it goes to the dead letters where the connector says so. */
  apply(record: ConnectRecord): ConnectRecord | null {
    const { value } = record
    if (value === null) return record // A tombstone has no fields.
    const text = isObject(value) ? value[this.#field] : undefined
    if (text === null) return record
    if (typeof text !== 'string') throw new DataError(`Field "${this.#field}" is not text: ${typeof text}`)
    // The type of the field stays, so the schema does. Where it changes, build the new schema once for each old one, and keep it.
    return { ...record, value: { ...(value as object), [this.#field]: text.trim() } }
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map)
}

export default definePlugin({
  name: '{{package}}',
  version,
  api: 1,
  transforms: [
    transform({
      class: '{{class}}',
      aliases: ['{{alias}}'],
      doc: 'Trims the text of a field.',
      config,
      create: (settings) => new Trim(settings),
    }),
  ],
})
