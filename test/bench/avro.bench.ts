import avsc from 'avsc'
import { avroFormat } from '../../core/converter/avro/avro-format.ts'
import { parseAvro } from '../../core/converter/avro/avro-type.ts'
import { connectSchemaOf } from '../../core/converter/avro/to-connect.ts'
import { measure, report } from './measure.ts'

// Avro messages of ten fields read into Connect values, beside JSON.parse of the same record and avsc's own decoder (which rounds 64-bit integers
// or throws, and gives no Connect values).
const rounds = 3
const total = 1_000_000
const fields = [
  ['id', 'long'],
  ['customer', 'string'],
  ['email', 'string'],
  ['amount', 'double'],
  ['quantity', 'int'],
  ['active', 'boolean'],
  ['note', ['null', 'string']],
  ['at', { type: 'long', logicalType: 'timestamp-millis' }],
  ['region', 'string'],
  ['score', 'float'],
] as const
const text = JSON.stringify({ type: 'record', name: 'Order', namespace: 'shop', fields: fields.map(([name, type]) => ({ name, type })) })
const sample = Array.from({ length: 1000 }, (_, n) => ({
  id: BigInt(1_000_000 + n),
  customer: `customer ${n}`,
  email: `someone${n}@example.com`,
  amount: n * 1.25,
  quantity: n % 50,
  active: n % 2 === 0,
  note: n % 3 === 0 ? null : 'leave at the door',
  at: 1_700_000_000_000n + BigInt(n),
  region: 'EU',
  score: 0.5,
}))

const mapping = { metadata: true, enhanced: false, scrub: false, extended: false, nullStays: false }
const format = avroFormat(mapping)
const registered = { kind: 'AVRO', text, references: [], imports: [] } as const
const read = format.reader(registered, null)
const schema = connectSchemaOf(parseAvro(text), mapping, null)
const writer = format.writerAs(schema, registered, true)
const head = new Uint8Array(5)
const messages = sample.map((value) => Buffer.from(writer.write(head, value)))
const type = avsc.Type.forSchema(JSON.parse(text) as avsc.Schema)
const texts = sample.map((value) => Buffer.from(JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? Number(one) : one))))

let kept: unknown
const runs = {
  avro: () => each((n) => (kept = read(messages[n]!, 5))),
  avsc: () => each((n) => (kept = type.decode(messages[n]!, 5))),
  json: () => each((n) => (kept = JSON.parse(texts[n]!.toString()))),
  write: () => each((n) => (kept = writer.write(head, sample[n]!))),
}
const best = new Map<string, Awaited<ReturnType<typeof measure>>>()
for (let round = 0; round < rounds; round++) {
  for (const [name, run] of Object.entries(runs)) {
    const figures = await measure(async () => run())
    if (figures.seconds < (best.get(name)?.seconds ?? Infinity)) best.set(name, figures)
  }
}
const rate = (name: string) => total / best.get(name)!.seconds
for (const [name, bench] of [
  ['avro', 'Avro decode, 10 fields, to Connect values'],
  ['write', 'Avro encode, 10 fields, from Connect values'],
] as const) {
  const { seconds, cpuSeconds, peakRssMb } = best.get(name)!
  report({
    bench,
    records: total,
    seconds,
    cpuUsPerRecord: (cpuSeconds * 1e6) / total,
    peakRssMb,
    bytesPerRecord: Math.round(messages.reduce((sum, one) => sum + one.length, 0) / messages.length),
    ceiling: { name: 'avsc decode', recordsPerSecond: rate('avsc') },
    jsonParsePerSecond: Math.round(rate('json')),
    aim: '1M records/s',
    kept: kept !== undefined,
  })
}

function each(work: (n: number) => void): void {
  for (let done = 0; done < total; done++) work(done % 1000)
}
