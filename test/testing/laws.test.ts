import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  converter,
  DataError,
  defineConfig,
  definePlugin,
  idle,
  primitive,
  record,
  sink,
  source,
  structOf,
  transform,
  types,
  wait,
  type ConnectRecord,
  type Converter,
  type Offsets,
  type RecordBatch,
  type SinkTask,
  type SourceTask,
  type Transform,
} from '../../core/index.ts'
import {
  checkPlugin,
  converterLawsOf,
  findingsOf,
  numbered,
  sinkLawsOf,
  sourceLawsOf,
  transformLawsOf,
  type Finding,
  type Law,
} from '../../testing/index.ts'

const partition = '{"p":1}'

/** The laws that are broken, by a piece of their names. */
async function broken(laws: readonly Law[]): Promise<readonly Finding[]> {
  return (await findingsOf('part', laws)).filter(({ outcome }) => outcome === 'broken')
}

/** Exactly these laws are broken, and each says why and how to mend it. */
async function breaks(laws: readonly Law[], ...wanted: readonly { readonly law: RegExp; readonly reason: RegExp }[]): Promise<void> {
  const found = await broken(laws)
  assert.deepEqual(
    found.map(({ law }) => law),
    found.filter(({ law }) => wanted.some((one) => one.law.test(law))).map(({ law }) => law),
    JSON.stringify(found, null, 1),
  )
  for (const one of wanted) {
    const finding = found.find(({ law }) => one.law.test(law))
    assert.ok(finding, `"${one.law.source}" holds, though it should not`)
    assert.match(finding.reason ?? '', one.reason)
    assert.ok(finding.mend)
  }
}

/** A source of 20 numbered records in batches of 6 that keeps all laws; a test overrides what it breaks. */
class Honest implements SourceTask {
  next = 0
  async open(offsets: Offsets | undefined): Promise<void> {
    this.next = Number(offsets?.[partition] ?? 0)
  }
  async poll(signal: AbortSignal): Promise<RecordBatch> {
    if (this.next >= 20) {
      await wait(60_000, signal)
      return idle
    }
    const records = Array.from({ length: Math.min(6, 20 - this.next) }, (_, index) => this.record(this.next + index + 1))
    this.next += records.length
    return { records, offsets: this.offsets() }
  }
  record(n: number): ConnectRecord {
    return numbered(n, partition)
  }
  offsets(): Offsets {
    return { [partition]: this.next }
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

const lawsOfSource = (create: () => SourceTask) =>
  sourceLawsOf(async () => ({ records: 20, task: async () => create(), [Symbol.asyncDispose]: async () => {} }))

test('an honest source breaks no law', async () => {
  await breaks(lawsOfSource(() => new Honest()))
})

test('positions that JSON changes, and none at all, are found', async () => {
  class Dates extends Honest {
    override offsets(): Offsets {
      return { [partition]: { at: new Date(this.next) } } as unknown as Offsets
    }
    override async open(offsets: Offsets | undefined): Promise<void> {
      const position = offsets?.[partition] as { at?: string } | undefined
      this.next = position?.at === undefined ? 0 : new Date(position.at).getTime()
    }
  }
  await breaks(
    lawsOfSource(() => new Dates()),
    { law: /survive JSON/, reason: /not the same after JSON/ },
  )
  class Silent extends Honest {
    override offsets(): Offsets {
      return {}
    }
  }
  await breaks(
    lawsOfSource(() => new Silent()),
    { law: /exactly the rest/, reason: /no batch carried `offsets`/ },
  )
})

test('records that are not what their schema says, and schemas made anew, are found', async () => {
  class Wrong extends Honest {
    override record(n: number): ConnectRecord {
      return { ...numbered(n, partition), value: { id: n, text: 'x' } }
    }
  }
  await breaks(
    lawsOfSource(() => new Wrong()),
    { law: /what its schemas say/, reason: /value\.id is 1, and its schema \(int64\) wants a bigint/ },
  )
  class Anew extends Honest {
    override record(n: number): ConnectRecord {
      return { ...numbered(n, partition), key: n, keySchema: primitive('int32') }
    }
  }
  await breaks(
    lawsOfSource(() => new Anew()),
    { law: /what its schemas say/, reason: /new object, though it is the same as before/ },
  )
})

test('origins that fall, and records that differ the second time, are found', async () => {
  let reads = 0
  class Falls extends Honest {
    override record(n: number): ConnectRecord {
      return { ...numbered(n, partition), origin: { partition, position: 100 - n, seq: 0 } }
    }
  }
  await breaks(
    lawsOfSource(() => new Falls()),
    { law: /origins rise/, reason: /"position":98,.* came after .*"position":99/ },
  )
  class Differs extends Honest {
    override record(n: number): ConnectRecord {
      return { ...numbered(n, partition), value: { id: BigInt(n), text: `read ${++reads}` } }
    }
  }
  await breaks(
    lawsOfSource(() => new Differs()),
    { law: /says the same/, reason: /the second time, record 1 of 20 is/ },
    { law: /exactly the rest/, reason: /resumed at/ },
  )
})

test('a timer, a listener and a growing heap that stay are found', async () => {
  const timers: NodeJS.Timeout[] = []
  class Ticks extends Honest {
    override async open(offsets: Offsets | undefined): Promise<void> {
      await super.open(offsets)
      timers.push(setInterval(() => {}, 10_000))
    }
  }
  const laws = (create: () => SourceTask) => lawsOfSource(create).filter(({ name }) => /leave/.test(name))
  await breaks(
    laws(() => new Ticks()),
    { law: /leaves nothing running/, reason: /still open: 1 timer/ },
  )
  for (const timer of timers) clearInterval(timer)
  class Listens extends Honest {
    override async poll(signal: AbortSignal): Promise<RecordBatch> {
      signal.addEventListener('abort', () => {})
      return super.poll(signal)
    }
  }
  await breaks(
    laws(() => new Listens()),
    { law: /no listener/, reason: /has 4 listeners/ },
  )
  class Hoards extends Honest {
    readonly hoard: unknown[] = []
    override async poll(signal: AbortSignal): Promise<RecordBatch> {
      this.hoard.push(Array.from({ length: 1000 }, () => this.next))
      return super.poll(signal)
    }
  }
  await breaks(
    laws(() => new Hoards()),
    { law: /no memory/, reason: /made the heap grow/ },
  )
})

/** A place in memory, and a sink over it that keeps all laws; a test overrides what it breaks. */
class Place {
  readonly rows = new Map<number, unknown>()
  readonly list: number[] = []
  offsets: { readonly generation: number; readonly offsets: Offsets } | undefined
}
class HonestSink implements SinkTask {
  readonly place: Place
  readonly generation: number
  pending: ConnectRecord[] = []
  constructor(place: Place, generation: number) {
    this.place = place
    this.generation = generation
  }
  async put(records: readonly ConnectRecord[]): Promise<void> {
    this.pending.push(...records)
  }
  async flush(offsets: Offsets): Promise<void> {
    for (const one of this.pending.splice(0)) this.place.list.push(one.origin!.position)
    this.place.offsets = { generation: this.generation, offsets }
  }
  async committed(): Promise<Offsets | undefined> {
    const { offsets } = this.place
    return offsets?.generation === this.generation ? offsets.offsets : undefined
  }
  async [Symbol.asyncDispose](): Promise<void> {}
}

const lawsOfSink = (create: (place: Place, generation: number) => SinkTask, dropsReplays = false) =>
  sinkLawsOf(
    async () => {
      const place = new Place()
      return {
        task: async (generation) => create(place, generation),
        read: async () => place.list,
        record: numbered,
        [Symbol.asyncDispose]: async () => {},
      }
    },
    { dropsReplays },
  )

test('an honest sink breaks no law, and one that does not drop replays is found where it promises to', async () => {
  await breaks(lawsOfSink((place, generation) => new HonestSink(place, generation)))
  await breaks(
    lawsOfSink((place, generation) => new HonestSink(place, generation), true),
    { law: /replay/, reason: /\[1,2,3,4,4,5,5,6,6,7,8,9\], not/ },
  )
})

test('a sink that writes late, early, or for another generation is found', async () => {
  class Late extends HonestSink {
    override async flush(offsets: Offsets): Promise<void> {
      setTimeout(() => void super.flush(offsets), 30)
      this.place.offsets = { generation: this.generation, offsets }
    }
  }
  const late = await broken(lawsOfSink((place, generation) => new Late(place, generation)))
  assert.match(late.find(({ law }) => /what was flushed/.test(law))?.reason ?? '', /after the flush, a reader sees \[\], not/)
  class Early extends HonestSink {
    override async put(records: readonly ConnectRecord[]): Promise<void> {
      this.place.list.push(...records.map(({ origin }) => origin!.position))
    }
  }
  await breaks(
    lawsOfSink((place, generation) => new Early(place, generation)),
    { law: /not half there/, reason: /with 6 to 8 put but not flushed, a reader sees \[1,2,3,4,5,6,7,8\]/ },
  )
  class Ageless extends HonestSink {
    override async committed(): Promise<Offsets | undefined> {
      return this.place.offsets?.offsets
    }
  }
  await breaks(
    lawsOfSink((place, generation) => new Ageless(place, generation)),
    { law: /one generation/, reason: /gives the offsets of generation 0/ },
  )
})

const rows = [numbered(1), numbered(2), numbered(2)]
const lawsOfTransform = (apply: (one: ConnectRecord) => ConnectRecord | null) => transformLawsOf((): Transform => ({ apply }), rows)

test('a transform that changes its input, counts, promises, loses the origin or chokes on strangers is found', async () => {
  const text = (one: ConnectRecord) => one.value as { text: string }
  const careful = (one: ConnectRecord) => {
    if (one.valueSchema === null) throw new DataError('no schema')
  }
  await breaks(
    lawsOfTransform((one) => {
      careful(one)
      return { ...one, value: { ...text(one), text: text(one).text.trim() } }
    }),
  )
  await breaks(
    lawsOfTransform((one) => {
      careful(one)
      text(one).text = 'changed'
      return one
    }),
    { law: /never changes/, reason: /it tried to change sample 1: Cannot assign/ },
    { law: /the same input|answers at once|schemas say|origin|understand/, reason: /Cannot assign/ },
  )
  let count = 0
  await breaks(
    lawsOfTransform((one) => {
      careful(one)
      return { ...one, value: { ...text(one), text: `${++count}` } }
    }),
    { law: /the same input/, reason: /gave .*"4".*, and .*"9".* the second time/ },
  )
  await breaks(
    lawsOfTransform((one) => record(one.topic, one.value, { ...one, origin: null })),
    { law: /origin/, reason: /is null/ },
    { law: /understand/, reason: /lost its origin/ },
  )
  await breaks(
    lawsOfTransform((one) => ({ ...one, value: { ...text(one), text: text(one).text.length } })),
    { law: /schemas say/, reason: /value\.text is 5, and its schema \(string\) wants a string/ },
    { law: /understand/, reason: /TypeError/ },
  )
})

test('a converter that loses, chokes or wavers is found', async () => {
  const lossy: Converter = {
    serialize: (_, { value }) =>
      Buffer.from(JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? Number(part) : part))),
    deserialize: (_, bytes) => ({ schema: null, value: JSON.parse(Buffer.from(bytes!).toString()) as unknown }),
  }
  const samples = [{ schema: structOf([['id', types.int64]]), value: { id: 1n } }]
  await breaks(
    converterLawsOf(() => lossy, samples),
    { law: /reads back/, reason: /came back as .*, not as/ },
    { law: /tombstone/, reason: /TypeError/ },
    { law: /DataError/, reason: /SyntaxError/ },
  )
})

test('a plugin is tried whole: its definitions, what its test opens, and what nothing opens', async () => {
  const config = defineConfig({ rows: { type: 'int', default: 5, max: 3, doc: '' }, 'connector.class': { type: 'string', doc: 'Mine.' } })
  const plugin = definePlugin({
    name: 'p',
    version: '1.0.0',
    api: 1,
    sources: [source({ class: 'Honest', doc: 'Numbers.', config: {}, create: () => new Honest() })],
    sinks: [sink({ class: 'not a name', config, create: () => new HonestSink(new Place(), 0) })],
    transforms: [transform({ class: 'Same', doc: 'Nothing.', config: {}, create: () => ({ apply: (one) => one }) })],
    converters: [converter({ class: 'C', doc: 'Nothing.', config: {}, create: () => ({}) as Converter })],
  })
  const began: string[] = []
  const findings = await checkPlugin(
    plugin,
    { sources: [{ class: 'Honest', open: () => ({ config: {}, records: 20 }) }], transforms: [{ class: 'Same', samples: rows }] },
    (part, law) => began.push(`${part}: ${law}`),
  )
  const of = (outcome: Finding['outcome']) => findings.filter((one) => one.outcome === outcome)
  assert.deepEqual(
    of('broken').map(({ reason }) => reason),
    [
      'the class is called "not a name"',
      'the part has no `doc`',
      'the default of "rows" is refused: Invalid value 5 for configuration rows: Value must be no more than 3',
      '"connector.class" is read by the runtime',
    ],
  )
  assert.deepEqual(
    of('untried').map(({ part }) => part),
    ['sink not a name', 'converter C'],
  )
  assert.ok(began.includes('source Honest: resumed at any position that it gave, it gives exactly the rest'))
  await assert.rejects(checkPlugin(plugin, { sinks: [{ class: 'Absent', open: () => ({ config: {}, read: () => [] }) }] }), /has no Absent/)
})

// Side by side: they wait.
describe('patience', { concurrency: true }, () => {
  test('a poll that does not heed its signal is found', async () => {
    class Deaf extends Honest {
      override async poll(signal: AbortSignal): Promise<RecordBatch> {
        if (this.next < 20) return super.poll(signal)
        await wait(2_500, new AbortController().signal)
        return idle
      }
    }
    const [law] = lawsOfSource(() => new Deaf()).filter(({ name }) => /a poll returns/.test(name))
    await breaks([law!], { law: /a poll returns/, reason: /did not return within 2000 ms after its signal aborted/ })
  })

  test('a position that points past what was given is found', async () => {
    class Ahead extends Honest {
      override offsets(): Offsets {
        return { [partition]: Math.min(20, this.next + 2) }
      }
    }
    await breaks(
      lawsOfSource(() => new Ahead()),
      { law: /exactly the rest/, reason: /resumed at .*8.*, after 6 records, only 12 of the 14 records came within 2 s/ },
    )
  })

  test('a sink that changes its records, goes on when told to give up, or leaves a timer is found', async () => {
    class Changes extends HonestSink {
      override async put(records: readonly ConnectRecord[]): Promise<void> {
        for (const one of records) (one.value as { text: string }).text = 'mine'
        await super.put(records)
      }
    }
    await breaks(
      lawsOfSink((place, generation) => new Changes(place, generation)),
      { law: /stay as they are/, reason: /record 1 was .*row 1.* and is .*mine/ },
    )
    const timers: NodeJS.Timeout[] = []
    class Stubborn extends HonestSink {
      override async put(records: readonly ConnectRecord[], kill?: AbortSignal): Promise<void> {
        if (kill?.aborted) await new Promise((resolve) => timers.push(setTimeout(resolve, 3_500)))
        await super.put(records)
      }
    }
    const stubborn = lawsOfSink((place, generation) => new Stubborn(place, generation)).filter(({ name }) => /give up/.test(name))
    await breaks(stubborn, { law: /give up/, reason: /still went on 3 s after/ })
    for (const timer of timers) clearTimeout(timer)
  })
})
