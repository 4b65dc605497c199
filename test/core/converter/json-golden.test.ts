import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { JsonConverter } from '../../../core/converter/json.ts'
import { converterOf, textOf } from './convert.ts'

const golden = join(import.meta.dirname, '../../fixtures/debezium/golden')

interface Row {
  readonly where: string
  readonly schema: unknown
  readonly payload: unknown
}

/** Every key and every row of what real Debezium sent through Kafka Connect's JsonConverter; shortened ones are left out. */
function* rows(): Generator<Row> {
  const plain = converterOf('json', { 'schemas.enable': 'false' })
  const parse = (line: string) => plain.deserialize('t', Buffer.from(line)).value as any
  for (const file of readdirSync(golden, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'))) {
    const [head, ...lines] = readFileSync(join(golden, file), 'utf8').trimEnd().split('\n').map(parse)
    for (const [index, { k, ks, v, vs }] of lines.entries()) {
      const parts = [
        [ks === null ? null : head.schemas[ks], k],
        [head.schemas[vs]?.row, v?.before],
        [head.schemas[vs]?.row, v?.after],
      ]
      for (const [schema, payload] of parts) {
        const text = JSON.stringify(payload, (_, value: unknown) => (typeof value === 'bigint' ? 0 : value))
        if (schema && payload && !text.includes('"$')) yield { where: `${file} record ${index}`, schema, payload }
      }
    }
  }
}

test('what Java wrote is read, and written again with the same schema text and the same values', () => {
  const plain = converterOf('json', { 'schemas.enable': 'false' }) as JsonConverter
  const converter = converterOf('json', { 'replace.null.with.default': 'false' }) as JsonConverter
  let count = 0
  for (const { where, schema, payload } of rows()) {
    const schemaText = plain.text({ schema: null, value: schema })!
    const text = `{"schema":${schemaText},"payload":${plain.text({ schema: null, value: payload })!}}`
    const read = converter.deserialize(where, Buffer.from(text))
    const again = converter.serialize(where, read)
    assert.ok(textOf(again)!.startsWith(`{"schema":${schemaText},"payload":`), `${where}: ${textOf(again)!}`)
    assert.deepEqual(converter.deserialize('again', again).value, read.value, where)
    const members = Object.entries(payload as object).filter(([name]) => name !== 'f4')
    const written = JSON.parse(textOf(again)!) as { payload: Record<string, unknown> }
    // Doubles have several spellings, and Java's of a 32-bit float are not always the shortest.
    for (const [name, value] of members)
      assert.deepEqual(written.payload[name], JSON.parse(plain.text({ schema: null, value })!), `${where} ${name}`)
    count++
  }
  assert.ok(count > 4000, `${count} rows`)
})
