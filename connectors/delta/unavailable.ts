import { DataError } from '../../core/index.ts'
import type { AddFile } from './actions.ts'
import type { Change } from './changes.ts'
import { quoteName, quoteText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import type { Layout } from './layout.ts'
import { type FileSet, fileColumn, filesByName, scans } from './lookup.ts'
import type { MergeTarget } from './merge.ts'
import type { Stage } from './stage.ts'
import type { KeyTable, Segment } from './window.ts'

/**
 * A query over the stage in which a value that the source did not send is taken from the latest earlier change of the same row in the stage. Its
 * column of unavailable names keeps those that no earlier change had either. Columns: c0, c1 ... and `place`, its place in the order.
 */
export async function carryValues(engine: Engine, stage: Stage<Change>, layout: Layout, keyColumns: string): Promise<string> {
  const lacking = `c${layout.unavailableColumn}`
  const names = await lackingNames(engine, stage.table, lacking)
  const replaced: string[] = []
  const carried: string[] = []
  const left: string[] = []
  for (const name of names) {
    const index = layout.fields.findIndex((field) => field.name === name)
    if (index < 0) continue
    const isLacking = `coalesce(list_contains(${lacking}, ${quoteText(name)}), false)`
    // A struct around the value tells "no earlier value" from "the earlier value is NULL".
    carried.push(
      `last_value(CASE WHEN NOT ${isLacking} THEN {'v': c${index}} END IGNORE NULLS)
       OVER (PARTITION BY ${keyColumns}, life ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS v${index}`,
    )
    replaced.push(`CASE WHEN ${isLacking} THEN v${index}.v ELSE c${index} END AS c${index}`)
    left.push(`CASE WHEN ${isLacking} AND v${index} IS NULL THEN ${quoteText(name)} END`)
  }
  const numbered = `SELECT *, rowid AS place FROM ${stage.table}`
  if (carried.length === 0) return numbered
  // A row that was deleted and made again has another life: nothing is carried over.
  const lives = `SELECT *, sum(CASE WHEN c${layout.deletedColumn} THEN 1 ELSE 0 END) OVER (PARTITION BY ${keyColumns} ORDER BY place) AS life FROM (${numbered})`
  const columns = stage.columns.map((_column, index) => {
    if (index === layout.unavailableColumn) return `list_filter([${left.join(', ')}], lambda name: name IS NOT NULL) AS c${index}`
    return replaced.find((text) => text.endsWith(` AS c${index}`)) ?? `c${index}`
  })
  return `SELECT ${columns.join(', ')}, place FROM (SELECT *, ${carried.join(', ')} FROM (${lives}))`
}

/**
 * Fills what is still missing in the last changes (the table `keys.table`) from the rows that they replace, which are alive in `files`; `found` are
 * those rows. Throws a DataError where the table has no such row.
 */
export async function fillUnavailable(
  target: MergeTarget,
  { layout }: Segment,
  keys: KeyTable,
  files: readonly AddFile[],
  found: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const { engine, output, table } = target
  const lacking = `c${layout.unavailableColumn}`
  const isLacking = `len(${lacking}) > 0 AND NOT c${layout.deletedColumn}`
  const names = await lackingNames(engine, `(SELECT * FROM ${keys.table} WHERE ${isLacking})`, lacking)
  if (names.length === 0) return
  const old = engine.name('old')
  const set: FileSet = {
    storage: target.storage,
    table: table.name,
    schema: output.schema,
    partitionColumns: output.partitionColumns,
    files,
  }
  const columns = [...new Set([...keys.columns, ...names])]
  const former = keys.columns.map((name, index) => `f.${quoteName(name)} = k.c${layout.unavailableColumn + 1 + index}`).join(' AND ')
  const values = names.map((name) => `f.${quoteName(name)}`)
  try {
    let made = false
    for (const scan of await scans(engine, set, columns)) {
      const sql = `SELECT k.rowid AS id, f.${fileColumn} AS file, f.file_row_number AS row, ${values.map((value, index) => `${value} AS n${index}`).join(', ')}
        FROM (${scan.sql}) f JOIN ${keys.table} k ON ${former} WHERE len(k.${lacking}) > 0`
      await engine.run(made ? `INSERT INTO ${old} ${sql}` : `CREATE TABLE ${old} AS ${sql}`)
      made = true
    }
    if (made) await dropMasked(engine, old, set, files, found)
    const present = made ? `rowid IN (SELECT id FROM ${old})` : 'false'
    const [missing] = await engine.rows(
      `SELECT ${keyText(keys)} AS key, array_to_string(${lacking}, ', ') AS names FROM ${keys.table} k WHERE ${isLacking} AND NOT (${present}) LIMIT 1`,
    )
    if (missing) {
      throw new DataError(
        `Table ${table.name}: the update of key ${String(missing['key'])} does not carry the unchanged columns ${String(missing['names'])}, and the table has no earlier row to take them from; ` +
          'set REPLICA IDENTITY FULL on the source table, or take a new snapshot of it',
      )
    }
    const filled = names.map((name, index) => {
      const column = `c${layout.fields.findIndex((field) => field.name === name)}`
      return `${column} = CASE WHEN list_contains(${lacking}, ${quoteText(name)}) THEN o.n${index} ELSE ${column} END`
    })
    // One statement: an update may move a row, and its rowid with it.
    await engine.run(`UPDATE ${keys.table} SET ${filled.join(', ')} FROM ${old} o WHERE ${keys.table}.rowid = o.id`)
  } finally {
    await engine.run(`DROP TABLE IF EXISTS ${old}`)
  }
}

/** Of the rows found by key, only one is alive; the others were masked before. */
async function dropMasked(
  engine: Engine,
  old: string,
  set: FileSet,
  files: readonly AddFile[],
  found: ReadonlyMap<string, readonly number[]>,
): Promise<void> {
  const alive = new Map([...found].map(([path, rows]) => [path, new Set(rows)]))
  const byName = filesByName(set, files)
  const dead: number[] = []
  for (const row of await engine.rows(`SELECT rowid AS place, file, "row" FROM ${old}`)) {
    if (!alive.get(byName(row['file']).path)?.has(Number(row['row']))) dead.push(Number(row['place']))
  }
  for (let at = 0; at < dead.length; at += 1000)
    await engine.run(`DELETE FROM ${old} WHERE rowid IN (${dead.slice(at, at + 1000).join(', ')})`)
}

async function lackingNames(engine: Engine, source: string, column: string): Promise<readonly string[]> {
  return (await engine.rows(`SELECT DISTINCT unnest(${column}) AS name FROM ${source} ORDER BY name`)).map((row) => String(row['name']))
}

function keyText(keys: KeyTable): string {
  const columns = [...keys.condition.matchAll(/k\.(c\d+)/g)].map((match) => `CAST(k.${match[1]} AS VARCHAR)`)
  return `concat_ws(', ', ${columns.join(', ')})`
}
