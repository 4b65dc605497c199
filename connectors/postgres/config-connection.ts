import { defineConfig } from '../../core/index.ts'

/** Keys that lead to the database. */
export const connectionKeys = defineConfig({
  'database.hostname': {
    type: 'string',
    required: true,
    importance: 'high',
    group: 'Postgres',
    doc: 'Name or address of the database server.',
    check: notEmpty,
  },
  'database.port': {
    type: 'int',
    default: 5432,
    min: 1,
    max: 65535,
    importance: 'high',
    group: 'Postgres',
    doc: 'Port of the database server.',
  },
  'database.user': {
    type: 'string',
    required: true,
    importance: 'high',
    group: 'Postgres',
    doc: 'Role to connect as; it needs LOGIN, REPLICATION, and SELECT on the captured tables.',
    check: notEmpty,
  },
  'database.password': {
    type: 'password',
    importance: 'high',
    group: 'Postgres',
    doc: 'Password of the role; none where the server asks for none.',
  },
  'database.dbname': {
    type: 'string',
    required: true,
    importance: 'high',
    group: 'Postgres',
    doc: 'Database whose changes are captured.',
    check: notEmpty,
  },
  'database.sslmode': {
    type: 'string',
    default: 'prefer',
    oneOf: ['disable', 'allow', 'prefer', 'require', 'required', 'verify-ca', 'verify-full'],
    importance: 'medium',
    group: 'Postgres',
    doc: 'TLS as libpq names it: disable, allow, prefer (TLS if the server has it), require (certificate not checked), verify-ca, verify-full (certificate made out to the host).',
  },
  'database.sslrootcert': {
    type: 'string',
    importance: 'medium',
    group: 'Postgres',
    doc: 'File with the certificates of the authorities to trust (PEM). Default: those that Node.js brings along.',
  },
  'database.sslcert': { type: 'string', importance: 'medium', group: 'Postgres', doc: 'File with the client certificate (PEM).' },
  'database.sslkey': {
    type: 'string',
    importance: 'medium',
    group: 'Postgres',
    doc: "File with the client certificate's private key (PEM, or PKCS-8 DER).",
  },
  'database.sslpassword': { type: 'password', importance: 'medium', group: 'Postgres', doc: 'Password of the private key file.' },
  'database.tcpKeepAlive': {
    type: 'boolean',
    default: true,
    importance: 'medium',
    group: 'Postgres',
    doc: 'TCP keepalive probes on all connections.',
  },
  'database.initial.statements': {
    type: 'string',
    importance: 'low',
    group: 'Postgres',
    doc: 'SQL statements, separated by semicolons, that run first on every ordinary connection (not on the replication connection).',
  },
  'database.query.timeout.ms': {
    type: 'int',
    default: 600_000,
    min: 0,
    importance: 'low',
    group: 'Postgres',
    doc: 'Longest time that a query of the catalog may take; 0: for ever. Reading a table is not bounded by it. Milliseconds.',
  },
  'connection.timeout.ms': {
    type: 'int',
    default: 10_000,
    min: 100,
    importance: 'low',
    group: 'Postgres',
    doc: 'Longest time to open a connection. Milliseconds.',
  },
  'topic.prefix': {
    type: 'string',
    required: true,
    importance: 'high',
    group: 'Postgres',
    doc: 'Names the server in topics, schemas and offsets. Changing it later makes the connector start over.',
    check: (value: string) =>
      /^[A-Za-z0-9._-]+$/.test(value) ? undefined : 'It may hold letters, digits, dots, hyphens and underscores only',
  },
})

function notEmpty(value: string): string | undefined {
  return value === '' ? 'String must be non-empty' : undefined
}
