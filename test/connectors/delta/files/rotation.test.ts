import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { filesConfig } from '../../../../connectors/delta/files/config.ts'
import { FilesSinkTask } from '../../../../connectors/delta/files/sink.ts'
import { LocalStorage } from '../../../../connectors/delta/storage.ts'
import { ConfigError, type ConnectRecord, type Offsets, parseConfig, partitionKey, record } from '../../../../core/index.ts'
import { contextOf, newLake, noKill } from '../lake.ts'
import { filesIn, linesIn } from './place.ts'
import { fromKafka, openFiles } from './rig.ts'

const key = (number: number): string => partitionKey({ kafka_topic: 't', kafka_partition: number })
const at = (...offsets: readonly number[]): Offsets =>
  Object.fromEntries(offsets.map((offset, number) => [key(number), { kafka_offset: offset, '#topic': 'id' }]))
const rows = (number: number, from: number, to: number, value: (offset: number) => object = (offset) => ({ offset })): ConnectRecord[] =>
  Array.from({ length: to - from + 1 }, (_, index) => fromKafka('t', number, from + index, value(from + index)))
const starts = (path: string): readonly string[] => filesIn(path).map((name) => /([^/]*)\.json$/.exec(name)![1]!.replace(/\+0+(\d)/, '+$1'))

test('files of Kafka outlive flushes until they have flush.size records, and the offsets saved are those before what is open', async () => {
  await using place = await newLake()
  await using sink = await openFiles({ path: place.path, 'flush.size': '100' })
  await sink.put([...rows(0, 5, 54), ...rows(1, 0, 9)], noKill)
  assert.deepEqual(await sink.flush(at(55, 10), noKill), at(5, 0))
  assert.deepEqual(filesIn(place.path), [])
  await sink.put(rows(0, 55, 259), noKill)
  assert.deepEqual(await sink.flush(at(260, 10), noKill), at(205, 0))
  assert.deepEqual(starts(place.path), ['t+0+5', 't+0+105'])
  assert.deepEqual(await sink.committed(), at(205, 0))
  assert.deepEqual(await sink.flush(at(260, 10), noKill, true), at(260, 10))
  assert.deepEqual(starts(place.path), ['t+0+5', 't+0+105', 't+0+205', 't+1+0'])
})

test('what comes again after a restart makes the same files, over all folders of a partition', async () => {
  await using place = await newLake()
  const settings = { path: place.path, 'flush.size': '30', 'partitioner.class': 'field', 'partition.field.name': 'kind' }
  const value = (offset: number): object => ({ offset, kind: offset % 3 })
  {
    await using sink = await openFiles(settings)
    await sink.put(rows(0, 0, 69, value), noKill)
    assert.deepEqual(await sink.flush(at(70), noKill), at(60))
  }
  const before = filesIn(place.path)
  assert.equal(before.length, 6)
  // The store had not been told: everything is read again, and is there already.
  await using again = await openFiles(settings)
  for (let from = 0; from < 90; from += 10) await again.put(rows(0, from, from + 9, value), noKill)
  assert.deepEqual(await again.flush(at(90), noKill), at(90))
  assert.equal(filesIn(place.path).length, 9)
  const found = filesIn(place.path).flatMap((name) => linesIn(place.path, name) as { offset: number }[])
  assert.deepEqual(
    found.map(({ offset }) => offset).toSorted((a, b) => a - b),
    Array.from({ length: 90 }, (_, offset) => offset),
  )
})

test('a partition that is read again from its saved position, or by another task, is forgotten', async () => {
  await using place = await newLake()
  await using sink = await openFiles({ path: place.path, 'flush.size': '10' })
  await sink.put([...rows(0, 0, 13), ...rows(1, 0, 3)], noKill)
  assert.deepEqual(await sink.flush(at(14, 4), noKill), at(10, 0))
  await sink.forget([key(0), key(1)])
  await sink.put([...rows(0, 10, 19)], noKill)
  assert.deepEqual(await sink.flush(at(20), noKill), at(20))
  assert.deepEqual(starts(place.path), ['t+0+0', 't+0+10'])
  assert.equal(filesIn(place.path).flatMap((name) => linesIn(place.path, name)).length, 20)
})

test('the clock ends files without any record', async () => {
  for (const setting of ['rotate.schedule.interval.ms', 'rotate.interval.ms']) {
    await using place = await newLake()
    await using sink = await openFiles({ path: place.path, 'flush.size': '1000', [setting]: '150' })
    await sink.put(rows(0, 0, 1), noKill)
    const began = performance.now()
    let durable = await sink.flush(at(2), noKill)
    while (JSON.stringify(durable) !== JSON.stringify(at(2)) && performance.now() - began < 2000) {
      await new Promise((resolve) => setTimeout(resolve, 20))
      durable = await sink.flush(at(2), noKill)
    }
    assert.deepEqual(durable, at(2))
    assert.equal(filesIn(place.path).length, 1)
  }
})

test('with rotate.interval.ms a new folder ends the files of the one before, unless the config says otherwise', async () => {
  const hours = (offset: number): ConnectRecord => ({
    ...fromKafka('t', 0, offset, {}),
    timestamp: Date.UTC(2026, 0, 1, offset % 2),
  })
  const settings = { 'partitioner.class': 'hourly', 'timestamp.extractor': 'Record', 'rotate.interval.ms': '86400000' }
  for (const [change, count] of [
    ['true', 4],
    ['false', 2],
  ] as const) {
    await using place = await newLake()
    await using sink = await openFiles({ path: place.path, ...settings, 'rotate.file.on.partition.change': change })
    await sink.put([0, 1, 2, 3].map(hours), noKill)
    await sink.flush(at(4), noKill, true)
    assert.equal(filesIn(place.path).length, count)
  }
})

test('partitioner.max.open.files ends the files of a partition that has more folders', async () => {
  await using place = await newLake()
  const settings = { 'partitioner.class': 'field', 'partition.field.name': 'offset', 'flush.size': '1000' }
  await using sink = await openFiles({ path: place.path, ...settings, 'partitioner.max.open.files': '3' })
  await sink.put(rows(0, 0, 7), noKill)
  assert.deepEqual(await sink.flush(at(8), noKill), at(6))
  assert.equal(filesIn(place.path).length, 6)
})

test('a task keeps a thousand files open at most, and says when it ends some for that', async () => {
  await using place = await newLake()
  const warnings: string[] = []
  const settings = { 'flush.size': '100000', 'partitioner.class': 'field', 'partition.field.name': 'offset' }
  await using sink = await openFiles({ path: place.path, ...settings }, undefined, warnings)
  for (let number = 0; number < 11; number++) await sink.put(rows(number, 0, 91), noKill)
  const ends = Array.from({ length: 11 }, () => 92)
  assert.deepEqual(await sink.flush(at(...ends), noKill), at(92, ...ends.slice(1).fill(0)))
  assert.equal(filesIn(place.path).length, 92)
  assert.match(warnings.join(), /1000 files are open.*fewer folders/)
})

test('files of other sources end with every flush, and flush.size counts by topic', async () => {
  await using place = await newLake()
  const warnings: string[] = []
  await using sink = await openFiles({ path: place.path, 'flush.size': '3' }, undefined, warnings)
  const partition = '{"server":"s"}'
  const change = (topic: string, position: number): ConnectRecord =>
    record(topic, { position }, { origin: { partition, position, seq: 1 } })
  await sink.put([change('a', 1), change('b', 2), change('a', 3), change('a', 4), change('a', 5)], noKill)
  const offsets = { [partition]: { lsn: 6 } }
  assert.deepEqual(await sink.flush(offsets, noKill), offsets)
  const counts = filesIn(place.path).map((name) => [name.split('/')[1], linesIn(place.path, name).length])
  assert.deepEqual(counts, [
    ['a', 3],
    ['a', 1],
    ['b', 1],
  ])
  assert.match(warnings.join(), /also end with every flush.*flush\.interval\.ms/)
})

test('a file that is there with the same content is taken for written, one with another content is never replaced', async () => {
  await using place = await newLake()
  const name = 'topics/t/partition=0/t+0+0000000000.json'
  const write = (content: string): void => {
    mkdirSync(dirname(join(place.path, name)), { recursive: true })
    writeFileSync(join(place.path, name), content)
  }
  write('{"offset":0}\n{"offset":1}\n')
  {
    await using sink = await openFiles({ path: place.path, 'flush.size': '2' })
    await sink.put(rows(0, 0, 1), noKill)
    assert.deepEqual(await sink.flush(at(2), noKill), at(2))
  }
  await using other = await newLake()
  mkdirSync(join(other.path, dirname(name)), { recursive: true })
  writeFileSync(join(other.path, name), '{"offset":0}\n{"offset":9}\n')
  await using sink = await openFiles({ path: other.path, 'flush.size': '2' })
  await sink.put(rows(0, 0, 3), noKill)
  await assert.rejects(
    sink.flush(at(4), noKill),
    (error: Error) => error instanceof ConfigError && /t\+0\+0000000000\.json is there already/.test(error.message),
  )
  await sink[Symbol.asyncDispose]()
  // The next task undoes that flush, and leaves alone what it had not made.
  await using next = await openFiles({ path: other.path, 'flush.size': '2' })
  assert.deepEqual(await next.committed(), undefined)
  assert.deepEqual(linesIn(other.path, name), [{ offset: 0 }, { offset: 9 }])
  assert.equal(filesIn(other.path).length, 1)
})

test('a write of a flush that was given up, which comes late, is replaced', async () => {
  await using place = await newLake()
  const name = 'topics/t/partition=0/t+0+0000000000.json'
  const dead = await openFiles({ path: place.path })
  await using _ = dead
  await dead.put(rows(0, 0, 5), noKill)
  const original = LocalStorage.prototype.createOnce
  let late: (() => Promise<boolean>) | undefined
  LocalStorage.prototype.createOnce = async function (this: LocalStorage, ...args) {
    LocalStorage.prototype.createOnce = original
    late = () => original.apply(this, args)
    throw new Error('no answer')
  }
  await assert.rejects(dead.flush(at(6), noKill), /no answer/)
  await using young = await openFiles({ path: place.path })
  await late!()
  assert.equal(linesIn(place.path, name).length, 6)
  await young.put(rows(0, 0, 3), noKill)
  await young.flush(at(4), noKill)
  assert.equal(linesIn(place.path, name).length, 4)
})

test('a task that was thought dead and comes back doubles nothing and replaces nothing that its successor wrote', async () => {
  for (const [settings, isSame] of [
    [{ 'flush.size': '10' }, true],
    [{}, false],
  ] as const) {
    await using place = await newLake()
    await using stale = await openFiles({ path: place.path, ...settings })
    await stale.put(rows(0, 0, 13), noKill)
    // The partition went to another task of the group.
    const successor = new FilesSinkTask(parseConfig(filesConfig, { path: place.path, ...settings }).config, { ...contextOf(), task: 1 })
    await using _ = successor
    await successor.open()
    await successor.put(rows(0, 0, 19), noKill)
    assert.deepEqual(await successor.flush(at(20), noKill), at(20))
    if (isSame) assert.deepEqual(await stale.flush(at(14), noKill), at(10))
    else await assert.rejects(stale.flush(at(14), noKill), /is there already, with other content/)
    const found = filesIn(place.path).flatMap((name) => linesIn(place.path, name) as { offset: number }[])
    assert.deepEqual(
      found.map(({ offset }) => offset),
      Array.from({ length: 20 }, (_value, offset) => offset),
    )
  }
})
