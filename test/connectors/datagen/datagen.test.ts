import assert from 'node:assert/strict'
import { test } from 'node:test'
import plugin from '../../../connectors/datagen/index.ts'
import { DatagenSourceTask } from '../../../connectors/datagen/source.ts'
import { templateNames } from '../../../connectors/datagen/config.ts'
import { templates } from '../../../connectors/datagen/templates.ts'
import { parseConfig, type ConnectRecord, type Offsets, type SourceTask } from '../../../core/index.ts'

const datagen = plugin.sources![0]!

function start(raw: Record<string, string>, task = 0): SourceTask {
  const { config, issues } = parseConfig(datagen.config, { topic: 't', ...raw })
  assert.deepEqual(issues, [])
  return new DatagenSourceTask(config as never, { task, report() {} })
}

async function take(source: SourceTask, offsets: Offsets | undefined, most: number) {
  await source.open(offsets)
  const records: ConnectRecord[] = []
  let last: Offsets | undefined
  while (records.length < most) {
    const batch = await source.poll(AbortSignal.timeout(5_000))
    if (batch.records.length === 0) break
    // When a record was made is the clock's, all else is the seed's.
    assert.ok(batch.records.every(({ timestamp }) => Math.abs(timestamp! - Date.now()) < 60_000))
    records.push(...batch.records.map((made) => ({ ...made, timestamp: null })))
    last = { ...last, ...batch.offsets }
  }
  return { records, offsets: last }
}

test('the same seed gives the same records, another seed others', async () => {
  for (const template of templateNames) {
    const raw = { template, count: '500', 'batch.rows': '64' }
    const one = await take(start(raw), undefined, 500)
    const again = await take(start({ ...raw, 'batch.rows': '500' }), undefined, 500)
    const other = await take(start({ ...raw, seed: '2' }), undefined, 500)
    assert.equal(one.records.length, 500)
    assert.deepEqual(one.records, again.records)
    assert.notDeepEqual(one.records[7]!.value, other.records[7]!.value)
  }
})

test('it resumes after the last record, whatever the batch size was', async () => {
  const whole = await take(start({ count: '300' }), undefined, 300)
  const first = await take(start({ count: '300', 'batch.rows': '70' }), undefined, 70)
  const rest = await take(start({ count: '300', 'batch.rows': '33' }), first.offsets, 300)
  assert.deepEqual([...first.records, ...rest.records], whole.records)
  assert.equal(rest.records.at(-1)!.origin!.position, 300)
})

test('tasks share the records evenly and without overlap', async () => {
  const { config } = parseConfig(datagen.config, { topic: 't', count: '1000' })
  const overlays = datagen.tasks!(config as never, 3)
  assert.equal(overlays.length, 3)
  const ids: bigint[] = []
  for (const [task, overlay] of overlays.entries()) {
    const { records } = await take(start({ count: '1000', ...overlay }, task), undefined, 1000)
    assert.ok(records.length === 333 || records.length === 334)
    ids.push(...records.map((record) => (record.key as { id: bigint }).id))
  }
  assert.deepEqual(
    ids.sort((a, b) => Number(a - b)),
    Array.from({ length: 1000 }, (_, index) => BigInt(index + 1)),
  )
})

test('a position of another number of tasks is refused with the way out', async () => {
  const offsets = { '{"datagen":"t","task":0}': { records: 10, tasks: 2 } }
  await assert.rejects(start({}).open(offsets), /reached with 2 tasks and there are 1 now.*Set tasks.max back to 2/s)
})

test('every value matches its schema, and every field is there', async () => {
  for (const template of templateNames) {
    const { records } = await take(start({ template, count: '200' }), undefined, 200)
    const { valueSchema } = templates[template]
    for (const record of records) {
      assert.equal(record.valueSchema, valueSchema)
      assert.deepEqual(
        Object.keys(record.value as object),
        valueSchema.fields.map((field) => field.name),
      )
      for (const field of valueSchema.fields) {
        const value = (record.value as Record<string, unknown>)[field.name]
        if (value === null) assert.ok(field.schema.optional)
        else if (field.schema.type === 'int64') assert.equal(typeof value, 'bigint')
        else if (field.schema.type === 'int32') assert.equal(value, (value as number) | 0)
        else if (field.schema.type === 'bytes') assert.equal(typeof (value as { unscaled: bigint }).unscaled, 'bigint')
      }
    }
  }
})

test('with keys=n the keys stay between 1 and n and repeat', async () => {
  const { records } = await take(start({ count: '2000', keys: '50' }), undefined, 2000)
  const ids = new Set(records.map((record) => (record.key as { id: bigint }).id))
  assert.equal(ids.size, 50)
  assert.ok([...ids].every((id) => id >= 1n && id <= 50n))
})

test('a rate is not exceeded', async () => {
  const source = start({ rate: '2000' })
  await source.open(undefined)
  const started = performance.now()
  let rows = 0
  while (performance.now() - started < 500) rows += (await source.poll(AbortSignal.timeout(5_000))).records.length
  const rate = (rows / (performance.now() - started)) * 1000
  assert.ok(rows > 0 && rate < 2200, `${rate} records/s`)
})

test('a poll with nothing to come returns when it is aborted', { timeout: 30_000 }, async () => {
  const source = start({ count: '0' })
  await source.open(undefined)
  assert.equal((await source.poll(AbortSignal.timeout(20))).records.length, 0)
})

test('the last batch asks for a checkpoint', async () => {
  const source = start({ count: '10' })
  await source.open(undefined)
  assert.equal((await source.poll(AbortSignal.timeout(1000))).checkpoint, true)
})

test('numbers beyond 32 bits still give different records', () => {
  const { value } = templates.orders
  assert.notDeepEqual({ ...value(1, 5, 1), placed_at: 0 }, { ...value(1, 5 + 2 ** 32, 1), placed_at: 0 })
})

test('offsets written by hand are checked', () => {
  datagen.checkOffsets!({ '{"datagen":"t","task":0}': { records: 3 } }, {} as never)
  datagen.checkOffsets!({ '{"datagen":"t","task":0}': null }, {} as never)
  assert.throws(() => datagen.checkOffsets!({ '{"datagen":"t","task":0}': { records: -1 } }, {} as never), /non-negative integer/)
  assert.throws(() => datagen.checkOffsets!({ '{"filename":"x"}': { records: 1 } }, {} as never), /not one of datagen/)
})
