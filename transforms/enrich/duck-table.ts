import { ConfigError } from '../../core/index.ts'
import { cellOf, type Cell } from './cells.ts'
import { anyColumn, textColumn } from './columns.ts'
import { rowOf, type Column, type Found, type RowShape } from './lookup.ts'
import type { LookupSettings } from './lookup-settings.ts'
import type { HeldRows } from './held-rows.ts'
import { shortDecimal } from './record-key.ts'

interface FileColumn {
  readonly name: string
  readonly type: string
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/**
 * Reads a CSV or Parquet file through DuckDB, which is loaded for it alone. CSV has text only, as nothing is guessed: `types` says more. Throws
 * a ConfigError for a column that is not there, DuckDB's error for a file that it cannot read.
 */
export async function readDuckTable(path: string, format: 'csv' | 'parquet', settings: LookupSettings, rows: HeldRows): Promise<RowShape> {
  const { DuckDBInstance } = await import('@duckdb/node-api')
  const instance = await DuckDBInstance.create(':memory:', {
    threads: '1',
    memory_limit: '512MB',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  })
  const connection = await instance.connect()
  try {
    const literal = `'${path.replaceAll("'", "''")}'`
    const from =
      format === 'parquet'
        ? `read_parquet(${literal})`
        : `read_csv(${literal}, header = true, all_varchar = true, allow_quoted_nulls = false)`
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${from}`)
    const columns = described.getRowsJS().map(([name, type]): FileColumn => ({ name: String(name), type: String(type) }))
    const find = (name: string, key: string): FileColumn => {
      const column = columns.find((one) => one.name === name)
      if (column) return column
      const message = `File ${path} has no column "${name}"; it has ${columns.map((one) => one.name).join(', ')}`
      throw new ConfigError([{ key, value: name, message }])
    }
    const keys = settings.keyColumns.map((name) => find(name, 'lookup.key'))
    for (const name of settings.types.keys()) find(name, 'types')
    const taken = settings.choices.length > 0 ? settings.choices : columns.map(({ name }) => ({ from: name, name }))
    const chosen = taken.map(({ from: name, name: as }) => ({ column: find(name, 'fields'), as }))
    const texts = [...keys, ...chosen.map(({ column }) => column)].map(({ name, type }) =>
      type === 'BLOB' ? `hex(${quoted(name)})` : `CAST(${quoted(name)} AS VARCHAR)`,
    )
    const result = await connection.stream(`SELECT ${texts.join(', ')} FROM ${from}`)
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      for (const row of chunk.getRows() as (string | null)[][]) {
        const parts = row.slice(0, keys.length)
        if (parts.includes(null)) continue // As in SQL, a null key is found by nothing.
        rows.add(
          keys.map(({ type }, index) => keyText(type, parts[index]!)),
          (): Found => rowOf(row.slice(keys.length)),
          row,
        )
      }
    }
    return shapeOf(chosen.map(({ column, as }) => ({ column, as, cell: settings.types.get(column.name) ?? cellOfType(column.type) })))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function shapeOf(chosen: readonly { readonly column: FileColumn; readonly as: string; readonly cell: Cell | undefined }[]): RowShape {
  const columns = chosen.map(({ as, cell }): Column => (cell === undefined ? anyColumn(as) : textColumn(as, cell, true)))
  const untyped = chosen.find(({ cell }) => cell === undefined)?.column
  return {
    columns,
    untyped: `column "${untyped?.name ?? ''}" (${untyped?.type ?? ''}) needs a type: types=${untyped?.name ?? ''}:string`,
  }
}

const cellNames: Readonly<Record<string, string>> = {
  BOOLEAN: 'boolean',
  TINYINT: 'int8',
  UTINYINT: 'int16',
  SMALLINT: 'int16',
  USMALLINT: 'int32',
  INTEGER: 'int32',
  UINTEGER: 'int64',
  BIGINT: 'int64',
  UBIGINT: 'decimal(0)',
  HUGEINT: 'decimal(0)',
  FLOAT: 'float32',
  DOUBLE: 'float64',
  VARCHAR: 'string',
  BLOB: 'bytes',
  UUID: 'uuid',
  DATE: 'date',
  TIME: 'time',
  TIMESTAMP: 'timestamp',
  TIMESTAMP_MS: 'timestamp',
  TIMESTAMP_S: 'timestamp',
  'TIMESTAMP WITH TIME ZONE': 'timestamptz',
}

/** undefined: no type of Connect's holds it exactly. */
function cellOfType(type: string): Cell | undefined {
  const scale = /^DECIMAL\(\d+,(\d+)\)$/.exec(type)?.[1]
  if (scale !== undefined) return cellOf(`decimal(${scale})`)
  if (type.startsWith('ENUM(')) return cellOf('string')
  const name = cellNames[type]
  return name === undefined ? undefined : cellOf(name)
}

// As records tell their keys: numbers without zeros at the end, instants in ISO 8601.
function keyText(type: string, text: string): string {
  if (/^(?:DECIMAL|DOUBLE|FLOAT)/.test(type)) return shortDecimal(text)
  if (type.startsWith('TIMESTAMP')) return `${text.replace(/\+00$/, '').replace(' ', 'T')}Z`
  return text
}
