import { isDeepStrictEqual } from 'node:util'
import { sameSchema, type Converter, type SchemaAndValue } from '../core/index.ts'
import { ensure, testLaws, type Law } from './law.ts'
import { show, valueFault } from './value-fault.ts'

/** What goes into a converter. */
export interface ConverterSample extends SchemaAndValue {
  /** What a reader gets back, where the format cannot carry all of it; absent: the same. */
  readonly back?: SchemaAndValue
}

const topic = 'contract'
/** Random inputs that are read. */
const garbageCount = 200

/** What every converter must do, as tests of `node:test`. `samples` are contents that it can turn. */
export function converterLaws(name: string, create: () => Converter, samples: readonly ConverterSample[]): void {
  testLaws(name, converterLawsOf(create, samples))
}

/** The laws of `converterLaws` as a list. */
export function converterLawsOf(create: () => Converter, samples: readonly ConverterSample[]): readonly Law[] {
  return [
    {
      name: 'what it wrote it reads back',
      mend: 'Carry what is lost in the bytes; where the format cannot, say in the sample what comes `back`, and refuse with a DataError what would be changed in silence.',
      check: () => roundTrip(create, samples),
    },
    {
      name: 'what it read it writes as the same bytes, and always the same',
      mend: 'Write fields in the order of the schema, and nothing that changes from call to call.',
      check: () => sameBytes(create, samples),
    },
    {
      name: 'it never changes its input',
      mend: 'Build new objects; the record goes to dead letters and other ends as it is.',
      check: () => inputStays(create, samples),
    },
    {
      name: 'a tombstone comes back as a tombstone',
      mend: '`deserialize(topic, null)` gives `{ schema: null, value: null }`.',
      check: () => tombstone(create),
    },
    {
      name: 'bytes that it cannot read are refused with a DataError',
      mend: 'Check lengths and tags before using them, and throw a DataError that says at which byte it went wrong: any other error stops the task.',
      check: () => garbage(create),
    },
  ]
}

async function written(converter: Converter, sample: SchemaAndValue): Promise<Uint8Array | null> {
  await converter.prepare?.(topic, [sample])
  return converter.serialize(topic, sample)
}

async function readBack(converter: Converter, bytes: Uint8Array | null): Promise<SchemaAndValue> {
  await converter.prepare?.(topic, [bytes])
  return converter.deserialize(topic, bytes)
}

async function roundTrip(create: () => Converter, samples: readonly ConverterSample[]): Promise<void> {
  const converter = create()
  for (const [index, { schema, value, back = { schema, value } }] of samples.entries()) {
    const read = await readBack(converter, await written(converter, { schema, value }))
    const same = isDeepStrictEqual(plain(read.value), plain(back.value)) && sameSchema(read.schema, back.schema)
    ensure(same, () => `sample ${index + 1} came back as ${show(read)}, not as ${show(back)}`)
    const fault = valueFault(read.schema, read.value, 'value')
    ensure(fault === undefined, () => `sample ${index + 1} came back as what its schema does not allow: ${fault}`)
  }
}

async function sameBytes(create: () => Converter, samples: readonly ConverterSample[]): Promise<void> {
  const converter = create()
  for (const [index, { schema, value }] of samples.entries()) {
    const bytes = await written(converter, { schema, value })
    const again = await written(converter, await readBack(converter, bytes))
    ensure(
      isDeepStrictEqual(plain(again), plain(bytes)),
      () => `sample ${index + 1} was written as ${show(bytes)}, and what was read of that as ${show(again)}`,
    )
    if (converter.text === undefined || converter.writes === undefined || converter.writes === 'bytes' || bytes === null) continue
    const text = converter.text({ schema, value })
    ensure(
      text === Buffer.from(bytes).toString('utf8'),
      () => `of sample ${index + 1}, text() gives ${show(text)} and serialize() ${show(Buffer.from(bytes).toString('utf8'))}`,
    )
  }
}

async function inputStays(create: () => Converter, samples: readonly ConverterSample[]): Promise<void> {
  const converter = create()
  for (const [index, { schema, value }] of samples.entries()) {
    const before = structuredClone(value)
    const bytes = await written(converter, { schema, value })
    ensure(
      isDeepStrictEqual(structuredClone(value), before),
      () => `sample ${index + 1} was ${show(before)} and is ${show(value)} after it was written`,
    )
    const copy = bytes && Uint8Array.from(bytes)
    await readBack(converter, bytes)
    ensure(isDeepStrictEqual(plain(bytes), plain(copy)), () => `reading sample ${index + 1} changed its bytes`)
  }
}

async function tombstone(create: () => Converter): Promise<void> {
  const converter = create()
  const read = await readBack(converter, null)
  ensure(read.value === null, () => `null was read as ${show(read)}`)
  const again = await readBack(converter, await written(converter, { schema: null, value: null }))
  ensure(again.value === null, () => `a tombstone was written and read back as ${show(again)}`)
}

async function garbage(create: () => Converter): Promise<void> {
  const converter = create()
  let seed = 0x2545f491
  const next = () => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 16
  for (let count = 0; count < garbageCount; count++) {
    const bytes = Uint8Array.from({ length: next() % 40 }, () => next() & 0xff)
    try {
      await readBack(converter, bytes)
    } catch (error) {
      const { name, message } = error as Error
      ensure(name === 'DataError' || name === 'RetriableError', () => `${show(bytes)} made it throw ${name}: ${message}`)
    }
  }
}

/** A Buffer and a Uint8Array of the same bytes are the same bytes. */
function plain(value: unknown): unknown {
  return value instanceof Uint8Array ? Array.from(value) : value
}
