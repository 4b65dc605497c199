import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { DataError } from '../../../core/index.ts'
import { CodecError } from './codec-error.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import type { Compression, DecodeLimits } from './record-set.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'

/** By their number in a batch's attributes. */
export const compressions: readonly Compression[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** A batch that comes to no more than this is decompressed whatever its ratio: a few repeated bytes shrink a thousandfold. */
const ratioFloorBytes = 1 << 20

/** Levels as Kafka's Java client names them (`compression.gzip.level`, `compression.zstd.level`, `compression.lz4.level`). */
export interface CompressOptions {
  readonly level?: number
}

/** Compresses a batch's records so that every Kafka client reads them. lz4 and snappy have one level. */
export function compress(compression: Exclude<Compression, 'none'>, bytes: Uint8Array, options: CompressOptions = {}): Uint8Array {
  switch (compression) {
    case 'gzip':
      return gzipSync(bytes, options.level === undefined ? {} : { level: options.level })
    case 'zstd':
      return zstdCompressSync(bytes, options.level === undefined ? {} : { params: { [zstdLevel]: options.level } })
    case 'snappy':
      return compressSnappy(bytes)
    case 'lz4':
      return compressLz4(bytes)
    default:
      return compression satisfies never
  }
}

/** ZSTD_c_compressionLevel. */
const zstdLevel = 100

/**
 * Decompresses a batch's records. The limits hold before memory is spent: none of the decoders makes more than the most that is allowed.
 * Throws a DataError that names the offset for more than that, and for bytes that are not of this compression or are cut short.
 */
export function decompress(compression: Exclude<Compression, 'none'>, bytes: Buffer, limits: DecodeLimits, baseOffset: number): Buffer {
  const most = Math.min(limits.batchMaxBytes, Math.max(ratioFloorBytes, bytes.length * limits.ratioMax))
  try {
    switch (compression) {
      case 'gzip':
        return gunzipSync(bytes, { maxOutputLength: most })
      case 'zstd':
        return decompressZstd(bytes, most)
      case 'snappy':
        return decompressSnappy(bytes, most)
      case 'lz4':
        return decompressLz4(bytes, most)
      default:
        return compression satisfies never
    }
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (!(cause instanceof CodecError) && code === undefined) throw cause
    const tooLarge = code === 'ERR_BUFFER_TOO_LARGE' || (cause instanceof CodecError && cause.tooLarge)
    const fault = tooLarge
      ? `comes to more than ${most} bytes from ${bytes.length}; raise the limit if its producer is trusted`
      : `cannot be decompressed: ${(cause as Error).message}`
    throw new DataError(`The ${compression} record batch at offset ${baseOffset} ${fault}`, { cause })
  }
}

/** Frames that one zstd stream may have: Kafka's writers make one, and each costs a decoder. */
const zstdFramesMax = 256

/** A stream may be several frames (RFC 8878, 3.1), of which Node's decoder reads the first alone. */
function decompressZstd(bytes: Buffer, most: number): Buffer {
  const frames: Buffer[] = []
  let left = most
  for (let at = 0; at < bytes.length || frames.length === 0;) {
    const { buffer, engine } = zstdDecompressSync(bytes.subarray(at), { maxOutputLength: Math.max(left, 1), info: true }) as unknown as {
      readonly buffer: Buffer
      readonly engine: { readonly bytesWritten: number }
    }
    if (engine.bytesWritten === 0) throw new CodecError('it is cut short')
    frames.push(buffer)
    if (frames.length > zstdFramesMax) throw new CodecError(`it has more than ${zstdFramesMax} zstd frames`)
    left -= buffer.length
    if (left < 0) throw new CodecError(`its frames hold more than ${most} bytes`, true)
    at += engine.bytesWritten
  }
  return frames.length === 1 ? frames[0]! : Buffer.concat(frames)
}
