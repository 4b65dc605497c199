/**
 * The 128-bit step of CRC-32C. In words of 16 bytes, x^(128*209) + x^(128*144) + x^(128*54) + x^(128*39) + x^(128*14) + 1 is a multiple of
 * the Castagnoli polynomial (found by search, 65 = 209 - 144 and so on below). So a word may be taken away where it is added to the words
 * 65, 155, 170, 195 and 209 places later, and the remainder stays the same: no table, no carry-less multiplication, 16 bytes a step.
 *
 * Assembled from:
 *   (memory (export "m") 2)
 *   (func (export "f") (param $at i32) (param $last i32) (local $word v128)
 *     (loop
 *       (local.set $word (v128.load (local.get $at)))
 *       ;; for each distance d of 65, 155, 170, 195, 209:
 *       (v128.store offset=d*16 (local.get $at) (v128.xor (v128.load offset=d*16 (local.get $at)) (local.get $word)))
 *       (br_if 0 (i32.le_u (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $last)))))
 */
const code =
  'AGFzbQEAAAABBgFgAn9/AAMCAQAFAwEAAgcJAgFtAgABZgAACncBdQEBewNAIAD9AAQAIQIgACAA/QAEkAggAv1R/QsEkAggACAA/QAEsBMgAv1R/QsEsBMgACAA/QAEoBUgAv1R/QsEoBUgACAA/QAEsBggAv1R/QsEsBggACAA/QAEkBogAv1R/QsEkBogAEEQaiIAIAFNDQALCw=='

/** Bytes that a fold reaches ahead; as many are left over at the end, and up to 15 more. */
const reachBytes = 209 * 16

/** Of the types of WebAssembly, which come with browsers' alone, what is used here. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

const { m, f } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(code, 'base64'))).exports as {
  readonly m: { readonly buffer: ArrayBuffer }
  readonly f: (at: number, last: number) => void
}

/** Where folding works: one for the process, as each use is over before another begins. */
export const foldBytes = new Uint8Array(m.buffer)

/**
 * Folds the first `size` bytes of `foldBytes`, `crc` being the remainder so far. What is left from the place returned on to `size` has, from
 * a remainder of 0, the remainder of all. `size` is more than 3,360.
 */
export function fold(crc: number, size: number): number {
  for (let n = 0; n < 4; n++) foldBytes[n]! ^= crc >>> (8 * n)
  const last = size - reachBytes - 16
  f(0, last)
  return ((last >>> 4) + 1) * 16
}
