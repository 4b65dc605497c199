import type { PutObjectCommandInput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, RetriableError } from '../../../core/index.ts'
import type { S3Address } from './address.ts'
import type { S3Config } from './config.ts'

/** The SDK, loaded when a store is opened first: it takes a tenth of a second that other lakes need not pay. */
export type S3Sdk = typeof import('@aws-sdk/client-s3')

/** What a failed request came to: by the answer it surely was not carried out, or nobody knows. */
export type Verdict = 'absent' | 'taken' | 'conflict' | 'again' | 'denied' | 'final'

/** A request that takes its time is no task that hangs: its own time-out ends it. */
const beatMs = 2_000
const backoffMsMin = 50
const backoffMsMax = 5_000

/** One store, with patience: every request is repeated until its time is over. */
export class S3Calls {
  readonly sdk: S3Sdk
  readonly client: S3Client
  readonly address: S3Address
  readonly partBytes: number
  /** What every new object is given: encryption and access list. */
  readonly marks: Pick<PutObjectCommandInput, 'ServerSideEncryption' | 'SSEKMSKeyId' | 'ACL'>
  readonly #retryMs: number
  readonly #ended = new AbortController()
  readonly #alive: () => void

  private constructor(sdk: S3Sdk, client: S3Client, address: S3Address, config: S3Config, alive: () => void) {
    this.sdk = sdk
    this.client = client
    this.address = address
    this.partBytes = config['s3.part.size']
    this.marks = marksOf(config)
    this.#retryMs = config['s3.retry.timeout.ms']
    this.#alive = alive
  }

  /** Nothing is sent yet. `alive` is called every few seconds while requests are in flight. */
  static async open(address: S3Address, config: S3Config, alive: () => void): Promise<S3Calls> {
    const sdk = await import('@aws-sdk/client-s3')
    return new S3Calls(sdk, new sdk.S3Client(clientConfig(config)), address, config, alive)
  }

  /** The object's key. Throws for a name that would not stay below the prefix where others read it as a path. */
  key(name: string): string {
    if (name.includes('\0') || name.split('/').some((part) => part === '..' || part === '.' || part === '')) {
      throw new Error(`File name ${JSON.stringify(name)} cannot be kept in bucket ${this.address.bucket}`)
    }
    return this.address.prefix + name
  }

  /** Where a name is, for messages. */
  spell(name: string): string {
    return `s3://${this.address.bucket}/${this.address.prefix}${name}`
  }

  /**
   * Sends until it succeeds, `settle` answers for it, or the time is over: then it throws a RetriableError. `settle` is asked after each failure
   * and may throw; undefined: the verdict decides. The SDK itself never repeats a request: it would hide that an answer is about an earlier one.
   */
  async repeat<T>(
    what: string,
    send: (signal: AbortSignal) => Promise<T>,
    settle?: (verdict: Verdict) => Promise<T | undefined> | T | undefined,
  ): Promise<T> {
    const deadline = performance.now() + this.#retryMs
    for (let attempt = 0; ; attempt++) {
      this.#alive()
      const beat = setInterval(this.#alive, beatMs)
      let failure: unknown
      try {
        return await send(this.#ended.signal)
      } catch (error) {
        failure = error
      } finally {
        clearInterval(beat)
      }
      const verdict = verdictOf(failure)
      const settled = await settle?.(verdict)
      if (settled !== undefined) return settled
      if (verdict === 'denied') throw denied(what, failure)
      if (verdict !== 'again' && verdict !== 'conflict') throw new Error(`${what} failed: ${reason(failure)}`, { cause: failure })
      const wait = Math.min(backoffMsMax, backoffMsMin * 2 ** attempt) * (0.5 + Math.random() / 2)
      if (this.#ended.signal.aborted || performance.now() + wait > deadline) {
        throw new RetriableError(`${what} failed, the last of ${attempt + 1} times with: ${reason(failure)}`, { cause: failure })
      }
      await sleep(wait)
    }
  }

  /** Requests in flight are given up. */
  end(): void {
    this.#ended.abort()
    this.client.destroy()
  }
}

function marksOf(config: S3Config): S3Calls['marks'] {
  const { 's3.ssea.name': encryption, 's3.sse.kms.key.id': SSEKMSKeyId, 's3.acl.canned': ACL } = config
  return {
    ...(encryption === '' ? {} : { ServerSideEncryption: encryption }),
    ...(SSEKMSKeyId === undefined ? {} : { SSEKMSKeyId }),
    ...(ACL === undefined ? {} : { ACL }),
  }
}

function clientConfig(config: S3Config): S3ClientConfig {
  const endpoint = config['s3.endpoint']
  const region = config['s3.region'] ?? (endpoint === undefined ? undefined : (process.env['AWS_REGION'] ?? 'us-east-1'))
  const accessKeyId = config['aws.access.key.id']
  const sessionToken = config['aws.session.token']
  const requestTimeout = config['s3.request.timeout.ms']
  return {
    forcePathStyle: config['s3.path.style'] ?? endpoint !== undefined,
    useAccelerateEndpoint: config['s3.wan.mode'],
    maxAttempts: 1,
    // Compatible stores do not know the newer checksums; the signature covers the content.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { requestTimeout, connectionTimeout: Math.min(requestTimeout, 10_000), throwOnRequestTimeout: true },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(accessKeyId === undefined
      ? {}
      : {
          credentials: {
            accessKeyId,
            secretAccessKey: config['aws.secret.access.key'] ?? '',
            ...(sessionToken === undefined ? {} : { sessionToken }),
          },
        }),
  }
}

interface Failure {
  readonly name?: string
  readonly message?: string
  readonly code?: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

const credentialFaults = new Set([
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidToken',
  'NoSuchBucket',
  'CredentialsProviderError',
])
const passing = new Set(['RequestTimeout', 'SlowDown', 'Throttling', 'ThrottlingException', 'RequestTimeTooSkewed', 'ExpiredToken'])

function verdictOf(error: unknown): Verdict {
  const { name, message, $metadata } = error as Failure
  const status = $metadata?.httpStatusCode
  if (name !== undefined && passing.has(name)) return 'again'
  if ((name !== undefined && credentialFaults.has(name)) || message === 'Region is missing') return 'denied'
  if (status === 404) return 'absent'
  if (status === 412) return 'taken'
  if (status === 409) return 'conflict'
  if (status === 401 || status === 403) return 'denied'
  // No answer, an answer cut short, or the store's own fault: nobody knows what became of the request.
  if (status === undefined || status < 400 || status >= 500 || status === 408 || status === 429) return 'again'
  return 'final'
}

function reason(error: unknown): string {
  const { name, message, code, $metadata } = error as Failure
  const status = $metadata?.httpStatusCode
  const text = [name, code, message]
    .filter((part, index, all) => part !== undefined && part !== '' && all.indexOf(part) === index)
    .join(': ')
  return status === undefined ? text : `${status} ${text}`
}

function denied(what: string, error: unknown): Error {
  const { name } = error as Failure
  if (name === 'NoSuchBucket') {
    const message = `${what} failed: there is no such bucket; make it, or correct the path`
    return new ConfigError([{ key: 'path', message }], { cause: error })
  }
  return new Error(
    `${what} was refused (${reason(error)}); check aws.access.key.id, aws.secret.access.key, s3.region and the rights of that key in the bucket`,
    { cause: error },
  )
}
