import { definePlugin, source } from '../../core/index.ts'
import { config } from './config.ts'
import { checkOffsets } from './position.ts'
import { postgresSinks } from './sink/definitions.ts'
import { connectorVersion } from './source-settings.ts'

/** PostgreSQL as a source of change data (Debezium's connector by its config, its records and its class name) and as a sink. */
export default definePlugin({
  name: 'postgres',
  version: connectorVersion,
  api: 1,
  sources: [
    source({
      class: 'io.debezium.connector.postgresql.PostgresConnector',
      aliases: ['postgres', 'PostgresConnector', 'PostgresSource', 'PostgresSourceConnector'],
      doc: 'Reads tables of PostgreSQL 13 and later, then follows their changes by logical replication (pgoutput).',
      config,
      create: async (settings, context) => new (await import('./source.ts')).PostgresSourceTask(settings, context),
      checkOffsets,
      sampling: {
        refused:
          'Reading from Postgres needs a replication slot and a publication, which a preview must not make. Give sample records with the request, ' +
          "for example the connector's dead letters or messages of its topics.",
      },
      validate: async (...given) => (await import('./preflight.ts')).validate(...given),
      destroy: async (...given) => (await import('./destroy.ts')).destroy(...given),
    }),
  ],
  sinks: postgresSinks,
})
