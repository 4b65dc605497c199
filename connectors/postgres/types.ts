import { primitive, type Schema } from '../../core/index.ts'
import type { Catalog } from './catalog.ts'
import type { ValueSettings } from './settings.ts'
import { textCodec } from './text.ts'
import type { ColumnCodec } from './tuple.ts'

/** What a column's type comes to under the settings. */
export interface ColumnType {
  /** Not optional; the shape decides that. */
  readonly schema: Schema
  readonly codec: ColumnCodec
  /** Stands for an unchanged TOAST value; null: nothing fits the type. */
  readonly placeholder: unknown
}

/** The type of a column; undefined: left out, by `include.unknown.datatypes=false`. */
export function columnType(
  oid: number,
  modifier: number,
  dimensions: number,
  catalog: Catalog,
  settings: ValueSettings,
): ColumnType | undefined {
  void [oid, modifier, dimensions, catalog]
  return { schema: primitive('string'), codec: textCodec, placeholder: settings.placeholder }
}
