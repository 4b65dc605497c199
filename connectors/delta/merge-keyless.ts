import type { AddFile } from './actions.ts'
import { quoteName } from './delta-types.ts'
import { type FileSet, fileColumn, filesByName, scans } from './lookup.ts'
import { type MergeTarget, addMask, aliveFiles } from './merge.ts'
import { writeRows } from './partitions.ts'
import type { Segment } from './window.ts'

/**
 * Brings a segment of a table without a key into the window, by counting: of each distinct row, as many copies are added as were inserted more
 * often than deleted, or as many equal rows are masked as were deleted more often than inserted. Equal rows cannot be told apart, so which of
 * them goes does not matter.
 */
export async function mergeWithoutKey(target: MergeTarget, segment: Segment): Promise<void> {
  const { engine, output, staged } = target
  const columns = output.fields.map((_field, index) => `c${index}`)
  const net = engine.name('net')
  const deleted = `c${segment.layout.deletedColumn}`
  await engine.run(
    `CREATE TABLE ${net} AS SELECT ${columns.join(', ')}, sum(CASE WHEN ${deleted} THEN -1 ELSE 1 END)::BIGINT AS copies
     FROM ${segment.stage.table} GROUP BY ${columns.join(', ')} HAVING copies <> 0`,
  )
  try {
    const found = await findCopies(target, net)
    const adds = await writeRows(
      engine,
      target.write,
      `SELECT * EXCLUDE (copies) FROM ${net}, range(greatest(copies, 0)) AS repeated(n)`,
      output,
    )
    for (const [path, rows] of found) addMask(staged, path, rows)
    for (const add of adds) staged.adds.set(add.path, add)
  } finally {
    await engine.run(`DROP TABLE IF EXISTS ${net}`)
  }
}

/** For every row that is to go, so many alive rows that equal it, by path. */
async function findCopies(target: MergeTarget, net: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const { engine, output, table, staged } = target
  const files = aliveFiles(target)
  const found = new Map<string, number[]>()
  const left = new Map<number, number>()
  for (const row of await engine.rows(`SELECT rowid AS id, -copies AS wanted FROM ${net} WHERE copies < 0`))
    left.set(Number(row['id']), Number(row['wanted']))
  if (left.size === 0 || files.length === 0) return found
  const set: FileSet = {
    storage: target.storage,
    table: table.name,
    schema: output.schema,
    partitionColumns: output.partitionColumns,
    files,
  }
  const names = output.fields.map((field) => field.name)
  const condition = names.map((name, index) => `f.${quoteName(name)} IS NOT DISTINCT FROM k.c${index}`).join(' AND ')
  for (const scan of await scans(engine, set, names)) {
    const byName = filesByName(set, scan.files)
    const matches: { readonly id: number; readonly file: AddFile; readonly row: number }[] = []
    const sql = `SELECT k.rowid, f.${fileColumn}, f.file_row_number FROM (${scan.sql}) f JOIN ${net} k ON ${condition} AND k.copies < 0`
    await engine.stream(sql, ([ids, files_, rows]) => {
      for (let index = 0; index < ids!.length; index++) {
        matches.push({ id: Number(ids![index]), file: byName(files_![index]), row: Number(rows![index]) })
      }
    })
    for (const { id, file, row } of matches) {
      const wanted = left.get(id)!
      if (wanted === 0 || staged.masks.get(file.path)?.has(row)) continue
      if (!staged.adds.has(file.path) && (await table.masked(file))?.has(row)) continue
      left.set(id, wanted - 1)
      const rows = found.get(file.path)
      if (rows) rows.push(row)
      else found.set(file.path, [row])
    }
  }
  return found
}
