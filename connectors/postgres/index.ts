import { definePlugin, source } from '../../core/index.ts'
import { config } from './config.ts'
import { destroy } from './destroy.ts'
import { checkOffsets } from './position.ts'
import { validate } from './preflight.ts'
import { postgresSinks } from './sink/definitions.ts'
import { PostgresSourceTask } from './source.ts'
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
      create: (settings, context) => new PostgresSourceTask(settings, context),
      checkOffsets,
      sampling: {
        refused:
          'Reading from Postgres needs a replication slot and a publication, which a preview must not make. Give sample records with the request, ' +
          "for example the connector's dead letters or messages of its topics.",
      },
      validate,
      destroy,
    }),
  ],
  sinks: postgresSinks,
})
