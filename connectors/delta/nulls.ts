import type duckdb from '@duckdb/node-bindings'
import type { Bindings } from './engine.ts'

/** DuckDB's validity mask: one bit a row, set = not NULL, in words of 64 bits. Makes the mask at the first NULL. */
export function markNull(nulls: Uint8Array | undefined, index: number, count: number): Uint8Array {
  const mask = nulls ?? new Uint8Array(Math.ceil(count / 64) * 8).fill(0xff)
  mask[index >> 3]! &= ~(1 << (index & 7))
  return mask
}

/** Puts the mask into the vector. */
export function writeNulls(bindings: Bindings, vector: duckdb.Vector, mask: Uint8Array): void {
  bindings.vector_ensure_validity_writable(vector)
  bindings.copy_data_to_vector_validity(vector, 0, mask.buffer as ArrayBuffer, mask.byteOffset, mask.byteLength)
}
