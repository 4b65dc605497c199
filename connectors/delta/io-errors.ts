import { RetriableError } from '../../core/index.ts'

/** Faults of the disk or the system that may pass. */
const passing = new Set(['ENOSPC', 'EDQUOT', 'EIO', 'EAGAIN', 'EBUSY', 'EMFILE', 'ENFILE', 'ENOMEM', 'ESTALE', 'ETIMEDOUT'])

/** The error as the runtime is to see it: a fault of the disk, from Node or from DuckDB, is worth another attempt; everything staged is still there. */
export function withRetry(error: unknown, path: string): unknown {
  if (!(error instanceof Error)) return error
  const code = (error as NodeJS.ErrnoException).code
  const isPassing =
    (code !== undefined && passing.has(code)) ||
    /^IO Error: .*(No space left|Disk quota|Input\/output error|Too many open files)/s.test(error.message)
  return isPassing ? new RetriableError(`The lake ${path} could not be written: ${error.message}`, { cause: error }) : error
}
