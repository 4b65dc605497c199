import { sink, type SinkConnector } from '../../../core/index.ts'
import { confluentConfig, debeziumConfig, sinkConfig } from './config.ts'

const doc =
  'Writes records to tables of PostgreSQL 13 and later: insert, upsert or update, deletes, tables and columns made from schemas. Exactly once: ' +
  'the positions are committed with the rows. Change logs of Debezium are understood as they are.'

/** The sink under its own name, and under those of the JDBC sinks of Confluent and Debezium with their defaults. The task is loaded when one is made. */
export const postgresSinks: readonly SinkConnector[] = [
  sink({
    class: 'io.millrace.connector.postgres.PostgresSinkConnector',
    aliases: ['postgres', 'PostgresSink', 'PostgresSinkConnector'],
    doc,
    config: sinkConfig,
    // A mirror that misses a TRUNCATE is none, and Debezium's defaults pass over it; they count a month as 30.4375 days, and spell hstore as JSON.
    sourceDefaults: { 'skipped.operations': 'none', 'interval.handling.mode': 'string', 'hstore.handling.mode': 'map' },
    validate: async (config) => (await import('./preflight.ts')).sinkIssues(config),
    async create(config, context) {
      const { PostgresSinkTask } = await import('./task.ts')
      return new PostgresSinkTask(config, context)
    },
  }),
  sink({
    class: 'io.confluent.connect.jdbc.JdbcSinkConnector',
    doc: `${doc} With the keys and defaults of Confluent's JDBC sink.`,
    config: confluentConfig,
    validate: async (config) => (await import('./preflight.ts')).sinkIssues(config),
    async create(config, context) {
      const { PostgresSinkTask } = await import('./task.ts')
      return new PostgresSinkTask(config, context, { refusesTombstones: true })
    },
  }),
  sink({
    class: 'io.debezium.connector.jdbc.JdbcSinkConnector',
    doc: `${doc} With the keys and defaults of Debezium's JDBC sink.`,
    config: debeziumConfig,
    validate: async (config) => (await import('./preflight.ts')).sinkIssues(config),
    async create(config, context) {
      const { PostgresSinkTask } = await import('./task.ts')
      return new PostgresSinkTask(config, context)
    },
  }),
]
