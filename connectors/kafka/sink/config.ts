import { defineConfig } from '../../../core/index.ts'
import { producerKeys } from './producer-keys.ts'

/** Settings of the Kafka sink: the client's and the producer's, by the names that Java's client gives them. */
export const sinkConfig = defineConfig({ ...producerKeys })
