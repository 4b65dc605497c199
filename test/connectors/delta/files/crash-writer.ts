import { partitionKey } from '../../../../core/index.ts'
import { noKill } from '../lake.ts'
import { fromKafka, openFiles } from './rig.ts'

/**
 * A program for the crash tests: writes offsets 0 .. count-1 of two partitions to files, from where the sink says it stands, in batches and flushes
 * of random sizes. Arguments: count, settings as JSON.
 */
const [count, settings] = process.argv.slice(2) as [string, string]
const partitions = [0, 1].map((number) => partitionKey({ kafka_topic: 't', kafka_partition: number }))

const sink = await openFiles(JSON.parse(settings) as Record<string, string>)
const committed = (await sink.committed()) as Record<string, { kafka_offset: number }> | undefined
const next = partitions.map((key) => committed?.[key]?.kafka_offset ?? 0)
while (next.some((offset) => offset < Number(count))) {
  for (let batch = Math.ceil(Math.random() * 3); batch > 0; batch--) {
    const number = Math.floor(Math.random() * 2)
    const end = Math.min(Number(count), next[number]! + Math.ceil(Math.random() * 30))
    const offsets = Array.from({ length: end - next[number]! }, (_, index) => next[number]! + index)
    await sink.put(
      offsets.map((offset) => fromKafka('t', number, offset, { n: number, offset, kind: offset % 3 })),
      noKill,
    )
    next[number] = end
  }
  const isEnd = next.every((offset) => offset === Number(count))
  await sink.flush(Object.fromEntries(partitions.map((key, number) => [key, { kafka_offset: next[number]! }])), noKill, isEnd)
  process.stdout.write(`${next.join()}\n`)
}
await sink[Symbol.asyncDispose]()
