/**
 * What the runtime does depends on the class that is thrown, and on nothing else:
 *
 * | class            | meaning                          | runtime                                                             | REST         |
 * | ---------------- | -------------------------------- | ------------------------------------------------------------------- | ------------ |
 * | `ConfigError`    | the user's settings are wrong    | refuses to create; a running task is FAILED, never restarted        | 400 + issues |
 * | `RetriableError` | the world is briefly wrong       | backs off with jitter until `errors.retry.timeout`, then FAILED     | -            |
 * | `DataError`      | this record can never pass       | `errors.tolerance`: none -> FAILED, all -> dead letter              | -            |
 * | `GapError`       | the upstream lost what we need   | FAILED, never restarted by itself: only a person can choose         | -            |
 * | `NotFoundError`  | control plane: no such thing     | -                                                                   | 404          |
 * | `ConflictError`  | control plane: exists, or busy   | -                                                                   | 409          |
 * | `BadRequestError`| control plane: malformed         | -                                                                   | 400          |
 * | `FencedError`    | another writer took over         | the task starts again from what the sink says is committed          | -            |
 * | anything else    | a bug                            | FAILED with its trace, no retry                                     | 500          |
 */

/** One fault in a config: the key, its value as given (never a secret) and a sentence that says the way out. */
export interface ConfigIssue {
  readonly key: string
  readonly value?: string | null
  readonly message: string
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG'
  readonly issues: readonly ConfigIssue[]
  constructor(issues: readonly ConfigIssue[], options?: ErrorOptions) {
    super(issues.map((issue) => issue.message).join('\n'), options)
    this.issues = issues
  }
}

export class RetriableError extends Error {
  override readonly name = 'RetriableError'
  readonly code = 'RETRIABLE'
  /** Milliseconds that the far side asked to wait; undefined: the back-off decides. */
  readonly retryAfterMs: number | undefined
  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options)
    this.retryAfterMs = options?.retryAfterMs
  }
}

export class DataError extends Error {
  override readonly name = 'DataError'
  readonly code = 'DATA'
}

export class GapError extends Error {
  override readonly name = 'GapError'
  readonly code = 'GAP'
}

export class NotFoundError extends Error {
  override readonly name = 'NotFoundError'
  readonly code = 'NOT_FOUND'
}

export class ConflictError extends Error {
  override readonly name = 'ConflictError'
  readonly code = 'CONFLICT'
}

export class BadRequestError extends Error {
  override readonly name = 'BadRequestError'
  readonly code = 'BAD_REQUEST'
}

export class FencedError extends Error {
  override readonly name = 'FencedError'
  readonly code = 'FENCED'
}

/** One sentence for the operator, per error code. */
export const hints: Readonly<Record<string, string>> = {
  CONFIG: 'Correct the keys named above and PUT the config again.',
  RETRIABLE: 'The other side did not answer in time; it is tried again until errors.retry.timeout, then the task stops.',
  DATA: 'Correct the record at its source, or set errors.tolerance=all to send such records to the dead letter queue.',
  GAP: 'Changes are missing upstream; decide between a new snapshot and accepting the gap, then restart the connector.',
  FENCED: 'Another writer committed to the same table under the same name; the task starts again from its committed position.',
}
