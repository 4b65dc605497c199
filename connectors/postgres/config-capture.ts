import { RE2JS } from 're2js'
import { defineConfig } from '../../core/index.ts'
import { parseKeyColumns } from './key-columns.ts'

const group = 'Capture'
const patterns = 'Regular expressions (RE2) that match the whole name, whatever the case.'

/** What is captured, and how the server is prepared for it. */
export const captureKeys = defineConfig({
  'schema.include.list': {
    type: 'list',
    default: [],
    importance: 'high',
    group,
    doc: `Schemas to capture; empty: all. ${patterns}`,
    check: regexes,
  },
  'schema.exclude.list': {
    type: 'list',
    default: [],
    importance: 'high',
    group,
    doc: `Schemas not to capture. ${patterns}`,
    check: regexes,
  },
  'table.include.list': {
    type: 'list',
    default: [],
    importance: 'high',
    group,
    doc: `Tables to capture, as schema.table; empty: all. ${patterns}`,
    check: regexes,
  },
  'table.exclude.list': {
    type: 'list',
    default: [],
    importance: 'high',
    group,
    doc: `Tables not to capture, as schema.table. ${patterns}`,
    check: regexes,
  },
  'column.include.list': {
    type: 'list',
    default: [],
    importance: 'medium',
    group,
    doc: `Columns to put into the records, as schema.table.column; empty: all. Key columns are always in the key. ${patterns}`,
    check: regexes,
  },
  'column.exclude.list': {
    type: 'list',
    default: [],
    importance: 'medium',
    group,
    doc: `Columns to leave out of the records, as schema.table.column. ${patterns}`,
    check: regexes,
  },
  'message.key.columns': {
    type: 'string',
    importance: 'medium',
    group,
    doc: 'Key columns by table: schema.table:column,column;schema.table:column. The table is a regular expression. Default: the primary key, or the index chosen as replica identity.',
    check: (value: string) => {
      try {
        parseKeyColumns(value)
        return undefined
      } catch (error) {
        return error instanceof Error ? error.message : String(error)
      }
    },
  },
  'plugin.name': {
    type: 'string',
    default: 'pgoutput',
    importance: 'medium',
    group,
    doc: 'Logical decoding plug-in of the server. Only pgoutput, which every PostgreSQL brings along.',
    check: (value: string) =>
      value.toLowerCase() === 'pgoutput'
        ? undefined
        : 'Only pgoutput is supported; it is part of PostgreSQL 10 and later. Set plugin.name=pgoutput or leave it out',
  },
  'slot.name': {
    type: 'string',
    default: 'debezium',
    importance: 'medium',
    group,
    doc: 'Replication slot. Two connectors must never share one.',
    check: (value: string) =>
      /^[a-z0-9_]{1,63}$/.test(value) ? undefined : 'A slot name has 1 to 63 lower case letters, digits and underscores',
  },
  'slot.drop.on.stop': {
    type: 'boolean',
    default: false,
    importance: 'low',
    group,
    doc: 'Drop the slot whenever the task stops in an orderly way. For tests only: changes made while it is stopped are never seen.',
  },
  'slot.drop.on.delete': {
    type: 'boolean',
    default: false,
    importance: 'medium',
    group,
    doc: 'Drop the slot, and the publication if Millrace created it, when the connector is deleted. If false, a connector of the same name goes on from the slot, as its offsets stay, too; but a slot that nobody reads keeps the log of its server until the disk is full. If true, delete the offsets as well before the name is used again.',
  },
  'slot.failover': {
    type: 'boolean',
    default: false,
    importance: 'low',
    group,
    doc: 'Let the server synchronise the slot to its standbys (PostgreSQL 17 and later).',
  },
  'slot.max.retries': {
    type: 'int',
    default: 6,
    min: 0,
    importance: 'low',
    group,
    doc: 'How often to try again while another process reads the slot, before the task reports it.',
  },
  'slot.retry.delay.ms': {
    type: 'int',
    default: 10_000,
    min: 1,
    importance: 'low',
    group,
    doc: 'Pause between these tries. Milliseconds.',
  },
  'slot.creation.timeout.ms': {
    type: 'int',
    default: 60_000,
    min: 100,
    importance: 'low',
    group,
    doc: 'Creating a slot waits for all running write transactions; after this time it is given up and tried again later, naming the process in the way. Milliseconds.',
  },
  'publication.name': { type: 'string', default: 'dbz_publication', importance: 'medium', group, doc: 'Publication to read from.' },
  'publication.autocreate.mode': {
    type: 'string',
    default: 'all_tables',
    oneOf: ['all_tables', 'filtered', 'disabled', 'no_tables'],
    importance: 'medium',
    group,
    doc: 'A missing publication is created for all tables (needs a superuser), for the captured tables (filtered; also adds tables that are captured later), with no tables, or not at all (disabled).',
  },
  'publish.via.partition.root': {
    type: 'boolean',
    importance: 'low',
    group,
    doc: 'For a publication that is created: changes of partitions appear under the partitioned table. Default: true where a partitioned table is captured.',
  },
  'replica.identity.autoset.values': {
    type: 'string',
    importance: 'medium',
    group,
    doc: 'Replica identities to set at the start: schema.table:FULL,schema.table:INDEX index_name,... The table is a regular expression; values are DEFAULT, FULL, NOTHING and INDEX name. Needs ownership of the tables.',
  },
})

function regexes(values: readonly string[]): string | undefined {
  for (const value of values) {
    try {
      RE2JS.compile(value)
    } catch (error) {
      return `"${value}" is not a regular expression: ${error instanceof Error ? error.message : String(error)}`
    }
  }
  return undefined
}
