import { defineConfig } from '../../core/index.ts'

/** Settings of lookup=postgres: the connection under the names of the Postgres connector, and the table. */
export const postgresKeys = defineConfig({
  table: {
    type: 'string',
    importance: 'high',
    doc: 'postgres: the table or view, as schema.table; without a schema: public. Names are taken letter by letter, quote them in backticks if they have dots.',
  },
  'database.hostname': { type: 'string', importance: 'high', doc: 'postgres: name or address of the server.' },
  'database.port': { type: 'int', default: 5432, min: 1, max: 65535, importance: 'high', doc: 'postgres: port of the server.' },
  'database.user': { type: 'string', importance: 'high', doc: 'postgres: role to connect as; it needs SELECT on the table.' },
  'database.password': { type: 'password', importance: 'high', doc: 'postgres: password of the role.' },
  'database.dbname': { type: 'string', importance: 'high', doc: 'postgres: database of the table.' },
  'database.sslmode': {
    type: 'string',
    default: 'prefer',
    oneOf: ['disable', 'allow', 'prefer', 'require', 'required', 'verify-ca', 'verify-full'],
    importance: 'medium',
    doc: 'postgres: TLS as libpq names it. require does not check the certificate; verify-full checks it and the name of the host.',
  },
  'database.sslrootcert': { type: 'string', importance: 'medium', doc: 'postgres: file with the authorities to trust (PEM).' },
  'database.sslcert': { type: 'string', importance: 'medium', doc: 'postgres: file with the client certificate (PEM).' },
  'database.sslkey': { type: 'string', importance: 'medium', doc: "postgres: file with the client certificate's private key (PEM)." },
  'database.sslpassword': { type: 'password', importance: 'medium', doc: 'postgres: password of the private key file.' },
  'database.query.timeout.ms': {
    type: 'int',
    default: 30_000,
    min: 1,
    importance: 'low',
    doc: 'postgres: longest time of one query. Milliseconds.',
  },
  'connection.timeout.ms': {
    type: 'int',
    default: 10_000,
    min: 100,
    importance: 'low',
    doc: 'postgres: longest time to open a connection. Milliseconds.',
  },
})
