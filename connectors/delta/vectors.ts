import type duckdb from '@duckdb/node-bindings'
import { DataError, type Schema } from '../../core/index.ts'
import { type CellConversion, cellConversion } from './cells.ts'
import { type DeltaType, decimalOf } from './delta-types.ts'
import type { Bindings } from './engine.ts'
import { markNull, writeNulls } from './nulls.ts'
import { textWriter } from './text-vector.ts'
import { CellError, type VectorWriter } from './vector-writer.ts'

type Vector = duckdb.Vector

/**
 * The writer of values with the Connect schema `source` into a column of type `target`; `source` null: values are in the column's own form.
 * Numbers go in by one copy per column, since one native call per value would cost more than everything else; text needs a call per value.
 */
export function vectorWriter(bindings: Bindings, source: Schema | null, target: DeltaType): VectorWriter {
  if (typeof target === 'string') return primitiveWriter(bindings, target, source ? cellConversion(source, target) : undefined)
  switch (target.type) {
    case 'array': {
      const items = vectorWriter(bindings, source?.valueSchema ?? null, target.elementType)
      return listWriter(
        bindings,
        (value: readonly unknown[]) => value,
        (child, values, count) => items(child, values, count),
      )
    }
    case 'map': {
      const keys = vectorWriter(bindings, source?.keySchema ?? null, target.keyType)
      const values = vectorWriter(bindings, source?.valueSchema ?? null, target.valueType)
      // A map vector is a list of structs of key and value.
      return listWriter(bindings, mapEntries, (child, entries: ArrayLike<unknown>, count) => {
        const pairs = Array.from(entries as ArrayLike<readonly [unknown, unknown]>)
        keys(
          bindings.struct_vector_get_child(child, 0),
          pairs.map((pair) => pair[0]),
          count,
        )
        values(
          bindings.struct_vector_get_child(child, 1),
          pairs.map((pair) => pair[1]),
          count,
        )
      })
    }
    case 'struct':
      return structWriter(
        bindings,
        target.fields.map((field, index) => {
          const schema = source?.fields.find((one) => one.name === field.name)?.schema ?? null
          return { name: field.name, index, write: vectorWriter(bindings, schema, field.type) }
        }),
      )
    default:
      return target satisfies never
  }
}

function primitiveWriter(bindings: Bindings, target: string, convert: CellConversion | undefined): VectorWriter {
  const decimal = decimalOf(target)
  if (decimal) return decimalWriter(bindings, decimal.precision, convert)
  switch (target) {
    case 'string':
      return textWriter(bindings, convert)
    case 'binary':
      return bytesWriter(bindings)
    case 'boolean':
      return arrayWriter(bindings, Uint8Array, ((value: boolean) => (value ? 1 : 0)) as CellConversion)
    case 'byte':
      return arrayWriter(bindings, Int8Array, convert)
    case 'short':
      return arrayWriter(bindings, Int16Array, convert)
    case 'integer':
    case 'date':
      return arrayWriter(bindings, Int32Array, convert)
    case 'float':
      return arrayWriter(bindings, Float32Array, checkedNumber as CellConversion)
    case 'double':
      return arrayWriter(bindings, Float64Array, checkedNumber as CellConversion)
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return arrayWriter(bindings, BigInt64Array, convert)
    default:
      throw new Error(`Delta type "${target}" cannot be written`)
  }
}

function checkedNumber(value: number): number {
  if (typeof value !== 'number') throw new DataError(`${String(value)} is not a number`)
  return value
}

interface NumberArrayType {
  readonly BYTES_PER_ELEMENT: number
  new (length: number): { [index: number]: unknown; readonly length: number; readonly buffer: ArrayBuffer }
}

function arrayWriter(bindings: Bindings, type: unknown, convert: CellConversion | undefined): VectorWriter {
  const View = type as NumberArrayType
  const change = convert as ((value: unknown) => unknown) | undefined
  let scratch = new View(0)
  return (vector, values, count) => {
    if (scratch.length < count) scratch = new View(Math.max(count, 2048))
    const target = scratch
    let nulls: Uint8Array | undefined
    let index = 0
    try {
      for (; index < count; index++) {
        const value = values[index]
        if (value === null || value === undefined) nulls = markNull(nulls, index, count)
        else target[index] = change === undefined ? value : change(value)
      }
    } catch (error) {
      throw new CellError(index, error)
    }
    bindings.copy_data_to_vector(vector, 0, target.buffer, 0, count * View.BYTES_PER_ELEMENT)
    if (nulls) writeNulls(bindings, vector, nulls)
  }
}

function bytesWriter(bindings: Bindings): VectorWriter {
  return (vector, values, count) => {
    let nulls: Uint8Array | undefined
    for (let index = 0; index < count; index++) {
      const value = values[index]
      if (value === null || value === undefined) nulls = markNull(nulls, index, count)
      else if (value instanceof Uint8Array) bindings.vector_assign_string_element_len(vector, index, value)
      else throw new CellError(index, new DataError(`${String(value)} is not bytes`))
    }
    if (nulls) writeNulls(bindings, vector, nulls)
  }
}

/** DuckDB keeps decimals of up to 4, 9, 18 and 38 digits in 2, 4, 8 and 16 bytes. */
function decimalWriter(bindings: Bindings, precision: number, convert: CellConversion | undefined): VectorWriter {
  const unscaled = (convert ?? ((value: bigint) => value)) as (value: unknown) => bigint
  if (precision <= 4) return arrayWriter(bindings, Int16Array, ((value: unknown) => Number(unscaled(value))) as CellConversion)
  if (precision <= 9) return arrayWriter(bindings, Int32Array, ((value: unknown) => Number(unscaled(value))) as CellConversion)
  if (precision <= 18) return arrayWriter(bindings, BigInt64Array, convert)
  let scratch = new BigInt64Array(0)
  return (vector, values, count) => {
    if (scratch.length < count * 2) scratch = new BigInt64Array(Math.max(count, 2048) * 2)
    const target = scratch
    let nulls: Uint8Array | undefined
    for (let index = 0; index < count; index++) {
      const value = values[index]
      if (value === null || value === undefined) {
        nulls = markNull(nulls, index, count)
        continue
      }
      try {
        const wide = unscaled(value)
        target[index * 2] = BigInt.asIntN(64, wide)
        target[index * 2 + 1] = wide >> 64n
      } catch (error) {
        throw new CellError(index, error)
      }
    }
    bindings.copy_data_to_vector(vector, 0, target.buffer, 0, count * 16)
    if (nulls) writeNulls(bindings, vector, nulls)
  }
}

function listWriter<T>(
  bindings: Bindings,
  items: (value: T) => ArrayLike<unknown>,
  write: (child: Vector, values: ArrayLike<unknown>, count: number) => void,
): VectorWriter {
  return (vector, values, count) => {
    const entries = new BigUint64Array(count * 2)
    const flat: unknown[] = []
    const owners: number[] = []
    let nulls: Uint8Array | undefined
    for (let index = 0; index < count; index++) {
      const value = values[index]
      entries[index * 2] = BigInt(flat.length)
      entries[index * 2 + 1] = 0n
      if (value === null || value === undefined) {
        nulls = markNull(nulls, index, count)
        continue
      }
      const list = items(value as T)
      entries[index * 2 + 1] = BigInt(list.length)
      for (let item = 0; item < list.length; item++) {
        flat.push(list[item])
        owners.push(index)
      }
    }
    bindings.copy_data_to_vector(vector, 0, entries.buffer, 0, entries.byteLength)
    bindings.list_vector_reserve(vector, flat.length)
    bindings.list_vector_set_size(vector, flat.length)
    try {
      if (flat.length > 0) write(bindings.list_vector_get_child(vector), flat, flat.length)
    } catch (error) {
      throw error instanceof CellError ? new CellError(owners[error.index]!, error.cause) : error
    }
    if (nulls) writeNulls(bindings, vector, nulls)
  }
}

function mapEntries(value: unknown): readonly (readonly [unknown, unknown])[] {
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)]
  throw new DataError(`${String(value)} is not a map`)
}

function structWriter(bindings: Bindings, fields: readonly { name: string; index: number; write: VectorWriter }[]): VectorWriter {
  return (vector, values, count) => {
    let nulls: Uint8Array | undefined
    for (let index = 0; index < count; index++)
      if (values[index] === null || values[index] === undefined) nulls = markNull(nulls, index, count)
    const parts: unknown[] = []
    for (const field of fields) {
      for (let index = 0; index < count; index++) {
        const value = values[index] as Readonly<Record<string, unknown>> | null | undefined
        parts[index] = value === null || value === undefined ? null : value[field.name]
      }
      field.write(bindings.struct_vector_get_child(vector, field.index), parts, count)
    }
    if (nulls) writeNulls(bindings, vector, nulls)
  }
}
