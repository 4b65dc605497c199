import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FetchedPartition, FetchPosition, KafkaClient } from '../../../../connectors/kafka/client/port.ts'
import { RecordBatchBuilder } from '../../../../connectors/kafka/records/encode.ts'
import { Assembler } from '../../../../connectors/kafka/source/assembly.ts'
import { cursorOf } from '../../../../connectors/kafka/source/cursor.ts'
import { LostRecords } from '../../../../connectors/kafka/source/lost-records.ts'
import { Fetcher } from '../../../../connectors/kafka/source/fetcher.ts'
import { keyOf } from '../../../../connectors/kafka/source/position.ts'
import { DataError, RetriableError } from '../../../../core/index.ts'
import { loggerOf } from './reading.ts'

const t0 = { topic: 't', partition: 0 }

test('a corrupt batch is fetched once more; a second time it is an error that names its place', async () => {
  const good = batch(0, ['a', 'b'])
  const bad = Buffer.from(good)
  bad[bad.length - 1]! ^= 1
  {
    using log = new FakeLog([bad, good])
    assert.deepEqual(await log.read(2), ['a', 'b'])
  }
  using log = new FakeLog([bad, bad])
  await assert.rejects(log.read(1), (error) => error instanceof DataError && /t-0: .*offset 0 is corrupt/.test(error.message))
})

test('an error comes after what was fetched before it, and the next look goes on', async () => {
  using log = new FakeLog([batch(0, ['a']), new RetriableError('gone'), batch(1, ['b'])])
  assert.deepEqual(await log.read(1), ['a'])
  await assert.rejects(log.read(1), /gone/)
  assert.deepEqual(await log.read(1), ['b'])
})

test('records before the position and after the end of a batch are not handed out', async () => {
  using log = new FakeLog([batch(10, ['a', 'b', 'c', 'd'])], { offset: 11, end: 13 })
  assert.deepEqual(await log.read(2), ['b', 'c'])
  assert.equal(log.position, 13)
  await sleep(20)
  assert.equal(log.asked, 1, 'nothing is fetched beyond the end')
})

test('a batch is dealt out over several polls, and each position is after the last record given', async () => {
  using log = new FakeLog([batch(0, ['a', 'b', 'c', 'd', 'e'])], { records: 2 })
  assert.deepEqual([await log.once(), log.position], [['a', 'b'], 2])
  assert.deepEqual([await log.once(), log.position], [['c', 'd'], 4])
  assert.deepEqual([await log.once(), log.position], [['e'], 5])
})

test('reading ahead stops at its bound until something is handed out', async () => {
  const all = Array.from({ length: 50 }, (_, n) => batch(n, ['x'.repeat(1_000)]))
  using log = new FakeLog(all, { queueMaxBytes: 5_000 })
  await sleep(50)
  assert.ok(log.asked <= 6, `${log.asked} fetches`)
  assert.equal((await log.read(50)).length, 50)
})

test('an answer to a question of before the partitions changed is passed over', async () => {
  using log = new FakeLog([batch(0, ['old']), batch(100, ['new'])], { delayMs: 20 })
  log.assign(100)
  assert.deepEqual(await log.read(1), ['new'])
})

function batch(offset: number, values: readonly string[]): Buffer {
  const builder = new RecordBatchBuilder()
  for (const value of values) builder.append(null, Buffer.from(value), [], 0)
  const bytes = Buffer.from(builder.build({ compression: 'none' }))
  bytes.writeBigInt64BE(BigInt(offset))
  return bytes
}

interface FakeOptions {
  readonly offset?: number
  readonly end?: number
  readonly records?: number
  readonly queueMaxBytes?: number
  readonly delayMs?: number
}

/** One partition whose fetches have these answers, one after another, then none. */
class FakeLog implements Disposable {
  asked = 0
  readonly #fetcher: Fetcher
  readonly #assembler: Assembler
  readonly #options: FakeOptions

  constructor(answers: readonly (Buffer | Error)[], options: FakeOptions = {}) {
    this.#options = options
    const left = [...answers]
    const fetch = async (positions: readonly FetchPosition[], _: unknown, signal: AbortSignal): Promise<readonly FetchedPartition[]> => {
      this.asked++
      const next = left.shift()
      await sleep(options.delayMs ?? 0)
      if (next instanceof Error) throw next
      if (next === undefined) await sleep(10_000, undefined, { signal, ref: false })
      const about = { errorCode: 0, highWatermark: 1_000, lastStableOffset: 1_000, logStartOffset: 0, aborted: [] }
      return [{ ...positions[0]!, ...about, records: next! }]
    }
    const client = { fetch } as unknown as KafkaClient
    const log = loggerOf([])
    const settings = {
      maxWaitMs: 100,
      minBytes: 1,
      maxBytes: 1 << 20,
      partitionMaxBytes: 1 << 20,
      readCommitted: false,
      queueMaxBytes: options.queueMaxBytes ?? 1 << 20,
      decode: { checkCrc: true, limits: { batchMaxBytes: 1 << 20, ratioMax: 100 } },
    }
    this.#fetcher = new Fetcher(client, settings, new LostRecords(client, false, log), log, () => {})
    this.#assembler = new Assembler(this.#fetcher, { records: options.records ?? 1_000, bytes: 1 << 20 })
    this.assign(options.offset ?? 0)
  }

  get position(): number {
    return this.#fetcher.cursors.get(keyOf(t0))!.position
  }

  assign(offset: number): void {
    const { end } = this.#options
    const position = { offset, ...(end === undefined ? {} : { end: { offset: end, setting: 'end' } }) }
    this.#fetcher.assign([cursorOf({ ...t0, key: keyOf(t0), position, noted: false })])
  }

  /** What the next poll hands out. */
  async once(): Promise<readonly string[]> {
    while (this.#fetcher.first === undefined) {
      this.#fetcher.check()
      await sleep(1)
    }
    const { slices } = this.#assembler.take(false)
    this.#assembler.done()
    return slices.flatMap(({ columns, from, to }) => Array.from({ length: to - from }, (_, n) => columns.value(from + n)!.toString()))
  }

  async read(count: number): Promise<readonly string[]> {
    const values: string[] = []
    while (values.length < count) values.push(...(await this.once()))
    return values
  }

  [Symbol.dispose](): void {
    this.#fetcher[Symbol.dispose]()
  }
}
