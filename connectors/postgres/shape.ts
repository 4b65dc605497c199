import { DataError, optional, sameSchema, structOf, withExtras, type Schema } from '../../core/index.ts'
import { addedValue } from './added.ts'
import type { Catalog, CatalogColumn, CatalogTable } from './catalog.ts'
import { defaultValue } from './defaults.ts'
import { envelopeSchema } from './envelope.ts'
import { fieldName, schemaName, topicOf } from './naming.ts'
import { compileKey, compileRow, type KeyBuilder, type RowBuilder, type RowColumn } from './row.ts'
import type { ValueSettings } from './settings.ts'
import type { Relation, RelationColumn } from './tuple.ts'
import { columnType } from './types.ts'

/** How one version of a table becomes records. Built once per relation; records of equal shape share its schemas. */
export interface TableShape {
  readonly relation: Relation
  readonly topic: string
  /** null: the table has no key. */
  readonly keySchema: Schema | null
  /** Schema of `after`, optional; and of `before` where that always holds whole rows or nothing that a key column could lack. */
  readonly rowSchema: Schema
  /** Schema of `before`: the row's, or one named `.Before` in which the columns that a key-only image lacks are optional, without default. */
  readonly beforeSchema: Schema
  readonly envelopeSchema: Schema
  /** Columns of the row in order; names are the fields' names. */
  readonly columns: readonly RowColumn[]
  /** Columns of the key in order; empty: no key. A column that is filtered from the row is still here. */
  readonly keyColumns: readonly RowColumn[]
  readonly row: RowBuilder
  readonly key: KeyBuilder
  /** True where DELETE and UPDATE always tell the whole key, so that no guess is needed. */
  readonly keyIsIdentity: boolean
  /** Columns of the table that the records leave out because of `include.unknown.datatypes=false`. */
  readonly omitted: readonly string[]
}

/**
 * The shape of a relation. `table` is the catalog's view of it now (nullability, defaults, key order); undefined: it was dropped since.
 * The types of all columns must be loaded (`catalog.ensureTypes`). Throws a DataError where two columns get the same field name.
 */
export function tableShape(relation: Relation, table: CatalogTable | undefined, catalog: Catalog, settings: ValueSettings): TableShape {
  const known = new Map(table?.columns.map((column) => [column.name, column]))
  const keyNames = keyColumnNames(relation, table, settings)
  const omitted: string[] = []
  const columns: RowColumn[] = []
  const keys: RowColumn[] = []
  relation.columns.forEach((column, index) => {
    const built = rowColumn(relation, column, index, known.get(column.name), keyNames.includes(column.name), catalog, settings)
    if (built === undefined) {
      omitted.push(column.name)
      return
    }
    if (keyNames.includes(column.name)) keys.push(built)
    if (settings.includeColumn(relation.schema, relation.name, column.name)) columns.push(built)
  })
  const topic = topicOf(settings, relation.schema, relation.name)
  const keyColumns = keyNames.map((name) => keys.find((column) => column.column === name)).filter((column) => column !== undefined)
  const rowSchema = structOf(
    columns.map(({ name, schema }) => [name, schema] as const),
    { name: schemaName(settings, `${topic}.Value`), optional: true },
  )
  const before = beforeSchema(relation, columns, rowSchema, schemaName(settings, `${topic}.Before`))
  return {
    relation,
    topic,
    keySchema:
      keyColumns.length === 0
        ? null
        : structOf(
            keyColumns.map(({ name, schema }) => [name, schema] as const),
            { name: schemaName(settings, `${topic}.Key`) },
          ),
    rowSchema,
    beforeSchema: before,
    envelopeSchema: envelopeSchema(schemaName(settings, `${topic}.Envelope`), before, rowSchema),
    columns,
    keyColumns,
    row: compileRow(columns),
    key: compileKey(keyColumns, columns),
    keyIsIdentity: keyColumns.every(({ identity }) => identity),
    omitted,
  }
}

/** True where two shapes of a table read the same tuples into the same records, so that the older one (and its schemas) can stay in use. */
export function sameShape(a: TableShape, b: TableShape): boolean {
  return (
    a.topic === b.topic &&
    a.relation.replicaIdentity === b.relation.replicaIdentity &&
    sameColumns(a.columns, b.columns) &&
    sameColumns(a.keyColumns, b.keyColumns) &&
    a.relation.columns.every((column, index) => {
      const other = b.relation.columns[index]
      return other !== undefined && column.typeOid === other.typeOid && column.typeModifier === other.typeModifier
    }) &&
    a.relation.columns.length === b.relation.columns.length &&
    sameSchema(a.keySchema, b.keySchema) &&
    sameSchema(a.envelopeSchema, b.envelopeSchema)
  )
}

function sameColumns(a: readonly RowColumn[], b: readonly RowColumn[]): boolean {
  return (
    a.length === b.length &&
    a.every((column, place) => {
      const other = b[place]!
      return column.column === other.column && column.index === other.index && column.identity === other.identity
    })
  )
}

/**
 * Without REPLICA IDENTITY FULL a deleted row tells its identity only. Debezium invents a zero or the default for the rest; here they are
 * null, so where the row's schema would not allow that (NOT NULL) or would let a converter replace it (a default), `before` has its own.
 */
function beforeSchema(relation: Relation, columns: readonly RowColumn[], row: Schema, name: string): Schema {
  const unknown = (column: RowColumn) => relation.replicaIdentity !== 'full' && !column.identity
  if (!columns.some((column) => unknown(column) && (!column.schema.optional || column.schema.defaultValue !== undefined))) return row
  const fields = columns.map((column) => {
    const schema = unknown(column) ? withExtras(column.schema, { optional: true, defaultValue: undefined }) : column.schema
    return [column.name, schema] as const
  })
  return structOf(fields, { name, optional: true })
}

function rowColumn(
  relation: Relation,
  column: RelationColumn,
  index: number,
  known: CatalogColumn | undefined,
  inKey: boolean,
  catalog: Catalog,
  settings: ValueSettings,
): RowColumn | undefined {
  const type = columnType(column.typeOid, column.typeModifier, known?.dimensions ?? 0, catalog, settings)
  if (type === undefined) return undefined
  const required = inKey ? keyIsRequired(relation, column, known) : (known?.notNull ?? false)
  const literal = known?.defaultExpression ?? null
  const value = literal === null || type.schema.type === 'array' ? undefined : defaultValue(literal, type)
  const added = known && addedValue(known, type)
  return {
    column: column.name,
    name: fieldName(settings, column.name),
    index,
    identity: column.identity,
    schema: withExtras(required ? type.schema : optional(type.schema), {
      ...(value === undefined ? {} : { defaultValue: value }),
      ...(added ? { parameters: { ...type.schema.parameters, ...added } } : {}),
    }),
    codec: type.codec,
    placeholder: type.placeholder,
  }
}

/** Columns of a key are never NULL, unless a person chose them by `message.key.columns`. */
function keyIsRequired(relation: Relation, column: RelationColumn, known: CatalogColumn | undefined): boolean {
  return known?.notNull ?? (column.identity && relation.replicaIdentity !== 'full')
}

/**
 * The key's columns, in order: `message.key.columns`, else the replica index (what deletes carry), else the primary key, else a unique key.
 * Under DEFAULT and INDEX the relation itself says which columns they are, as of that LSN; the catalog only gives their order.
 */
function keyColumnNames(relation: Relation, table: CatalogTable | undefined, settings: ValueSettings): readonly string[] {
  const names = relation.columns.map((column) => column.name)
  const chosen = settings.keyColumns(relation.schema, relation.name)
  if (chosen !== undefined) {
    const wrong = chosen.filter((name) => !names.includes(name))
    if (wrong.length === 0) return chosen
    throw new DataError(
      `message.key.columns names column "${wrong[0]}", which table ${relation.schema}.${relation.name} does not have; its columns are ${names.join(', ')}`,
    )
  }
  const flagged = relation.columns.filter((column) => column.identity).map((column) => column.name)
  switch (relation.replicaIdentity) {
    case 'default':
      return flagged.length > 0 ? inOrder(flagged, table?.primaryKey) : present(table?.primaryKey, names)
    case 'index':
      return flagged.length > 0 ? inOrder(flagged, table?.replicaIndex) : present(table?.primaryKey, names)
    case 'full':
    case 'nothing': {
      const primary = present(table?.primaryKey, names)
      return primary.length > 0 ? primary : present(table?.uniqueKey, names)
    }
    default:
      return relation.replicaIdentity satisfies never
  }
}

function inOrder(flagged: readonly string[], order: readonly string[] | undefined): readonly string[] {
  const same = order !== undefined && order.length === flagged.length && order.every((name) => flagged.includes(name))
  return same ? order : flagged
}

function present(wanted: readonly string[] | undefined, names: readonly string[]): readonly string[] {
  return wanted !== undefined && wanted.every((name) => names.includes(name)) ? wanted : []
}
