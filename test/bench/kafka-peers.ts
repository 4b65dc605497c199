import { KafkaTools } from '../kafka-tools.ts'
import { startKafka, type TestKafka } from '../kafka.ts'

/** Broker of a benchmark: 1 GB of heap and the JIT at full strength, where tests start quickly and small. */
export function startBenchKafka(): Promise<TestKafka> {
  return startKafka({ own: true, heap: '1g' })
}

/** The ceiling for anything that writes to this broker: Kafka's own producer, acks=all, records of `size` bytes without keys. Records a second. */
export async function producerCeiling(kafka: TestKafka, topic: string, records: number, size = 200): Promise<number> {
  // As large as throughput wants them: Kafka's defaults are for latency.
  const properties = { acks: 'all', 'batch.size': '131072', 'linger.ms': '5' }
  return (await new KafkaTools(kafka.bootstrap).producerPerf(topic, records, size, properties)).recordsPerSecond
}

/** The ceiling for anything that reads from it: Kafka's own consumer, which only counts; the time of joining its group is left out. */
export async function consumerCeiling(kafka: TestKafka, topic: string, records: number): Promise<number> {
  return (await new KafkaTools(kafka.bootstrap).consumerPerf(topic, records)).recordsPerSecond
}
