import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ConfigError } from '../../../core/index.ts'
import { holds } from '../same-content.ts'
import type { Marks, Storage } from '../storage.ts'
import { s3Address, s3AddressFault } from './address.ts'
import { S3Calls } from './calls.ts'
import type { S3Config } from './config.ts'
import { LocalCopies } from './local-copies.ts'
import { claimKey, putWhole, upload, uploadOnce } from './upload.ts'

/** The claim of an object that nobody undoes. */
const noClaim = 'none'

/** Files fetched at once. */
const fetchesMax = 4

/**
 * A lake in an S3 store. A new commit is a conditional put (`If-None-Match: *`); whenever an answer is lost, the object is read back and compared
 * before anything is said or sent again. The store must honour that condition, as Amazon's, MinIO and versitygw do.
 */
export class S3Storage implements Storage, AsyncDisposable {
  readonly #calls: S3Calls
  readonly #copies: LocalCopies
  /** Folders of tables of which a commit may or may not have been written: their files may be in the log, so none is deleted. */
  readonly #uncertain = new Set<string>()

  private constructor(calls: S3Calls, copies: LocalCopies) {
    this.#calls = calls
    this.#copies = copies
  }

  /** Nothing is sent yet. Throws a ConfigError for a path that names no bucket. */
  static async open(path: string, config: S3Config, alive: () => void = () => {}): Promise<S3Storage> {
    const fault = s3AddressFault(path)
    if (fault !== undefined) throw new ConfigError([{ key: 'path', value: path, message: `path "${path}" ${fault}` }])
    const calls = await S3Calls.open(s3Address(path)!, config, alive)
    return new S3Storage(calls, await LocalCopies.open(config['s3.cache.bytes']))
  }

  async list(folder: string): Promise<readonly string[]> {
    const calls = this.#calls
    const prefix = `${calls.key(folder)}/`
    const names: string[] = []
    for (let token: string | undefined; ;) {
      const page = new calls.sdk.ListObjectsV2Command({
        Bucket: calls.address.bucket,
        Prefix: prefix,
        Delimiter: '/',
        ...(token === undefined ? {} : { ContinuationToken: token }),
      })
      const listed = await calls.repeat(`Listing ${calls.spell(folder)}`, (abortSignal) => calls.client.send(page, { abortSignal }))
      for (const { Key } of listed.Contents ?? []) if (Key !== undefined && Key !== prefix) names.push(Key.slice(prefix.length))
      for (const { Prefix } of listed.CommonPrefixes ?? []) if (Prefix !== undefined) names.push(Prefix.slice(prefix.length, -1))
      token = listed.NextContinuationToken
      if (!listed.IsTruncated || token === undefined) return names
    }
  }

  async read(name: string): Promise<Buffer | undefined> {
    const calls = this.#calls
    const get = new calls.sdk.GetObjectCommand({ Bucket: calls.address.bucket, Key: calls.key(name) })
    const found = await calls.repeat<Buffer | 'absent'>(
      `Reading ${calls.spell(name)}`,
      async (abortSignal) => {
        const { Body, ContentLength } = await calls.client.send(get, { abortSignal })
        const content = Buffer.from(await Body!.transformToByteArray())
        checkLength(content.length, ContentLength)
        return content
      },
      (verdict) => (verdict === 'absent' ? 'absent' : undefined),
    )
    return found === 'absent' ? undefined : found
  }

  async putIfAbsent(name: string, content: string | Uint8Array): Promise<boolean> {
    const calls = this.#calls
    const body = Buffer.from(content)
    const put = new calls.sdk.PutObjectCommand({
      Bucket: calls.address.bucket,
      Key: calls.key(name),
      ...calls.marks,
      Body: body,
      ContentLength: body.length,
      IfNoneMatch: '*',
    })
    const table = name.split('/_delta_log/')[0]!
    let isUncertain = false
    try {
      const won = await calls.repeat<boolean>(
        `Writing ${calls.spell(name)}`,
        async (abortSignal) => {
          await calls.client.send(put, { abortSignal })
          return true
        },
        async (verdict) => {
          if (verdict === 'again') isUncertain = true
          if (verdict !== 'again' && verdict !== 'taken') return undefined
          // Whose object it is: an earlier attempt of ours may have been carried out though its answer was lost.
          const present = await this.read(name)
          if (present === undefined) return verdict === 'taken' ? false : undefined
          return present.equals(body)
        },
      )
      isUncertain = false
      return won
    } finally {
      if (isUncertain) this.#uncertain.add(table)
    }
  }

  async put(name: string, content: string | Uint8Array): Promise<void> {
    await putWhole(this.#calls, name, Buffer.from(content))
  }

  async create(name: string, write: (localPath: string) => Promise<void>): Promise<number> {
    const path = await this.#copies.newPath(name)
    try {
      await write(path)
      const size = await upload(this.#calls, path, name)
      await this.#copies.keep(name, path)
      return size
    } finally {
      await rm(path, { force: true })
    }
  }

  async createOnce(name: string, write: (localPath: string) => Promise<void>, marks: Marks): Promise<boolean> {
    const path = await this.#copies.newPath(name)
    try {
      await write(path)
      if (await uploadOnce(this.#calls, path, name, marks)) return true
      const claim = await this.#claimOfSame(name, path)
      if (claim === undefined) return false
      // The same again, without a claim: whoever made it first would remove it where its flush is undone.
      if (claim !== marks.claim && claim !== noClaim) await upload(this.#calls, path, name, { ...marks, claim: noClaim })
      return true
    } finally {
      await rm(path, { force: true })
    }
  }

  async deleteClaimed(name: string, claim: string): Promise<void> {
    const calls = this.#calls
    const head = new calls.sdk.HeadObjectCommand({ Bucket: calls.address.bucket, Key: calls.key(name) })
    const claimed = await calls.repeat<string>(
      `Looking for ${calls.spell(name)}`,
      async (abortSignal) => (await calls.client.send(head, { abortSignal })).Metadata?.[claimKey] ?? noClaim,
      (verdict) => (verdict === 'absent' ? noClaim : undefined),
    )
    if (claimed === claim) await this.delete(name)
  }

  readable(name: string): string {
    return this.#copies.path(name)
  }

  async fetch(names: readonly string[]): Promise<void> {
    const left = [...names]
    const lane = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        const wanted = name
        await this.#copies.need(wanted, (path) => this.#download(wanted, path))
      }
    }
    await Promise.all(Array.from({ length: fetchesMax }, lane))
  }

  async tidy(): Promise<void> {
    await this.#copies.trim()
  }

  async delete(name: string): Promise<void> {
    await this.#copies.drop(name)
    if ([...this.#uncertain].some((table) => name.startsWith(`${table}/`))) return
    const calls = this.#calls
    const remove = new calls.sdk.DeleteObjectCommand({ Bucket: calls.address.bucket, Key: calls.key(name) })
    await calls.repeat<unknown>(
      `Deleting ${calls.spell(name)}`,
      (abortSignal) => calls.client.send(remove, { abortSignal }),
      (verdict) => (verdict === 'absent' ? true : undefined),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.end()
    await this.#copies[Symbol.asyncDispose]()
  }

  /** The claim of an object that holds what the local file does: an earlier attempt wrote it, or another task; undefined: it holds something else. */
  async #claimOfSame(name: string, path: string): Promise<string | undefined> {
    const calls = this.#calls
    const get = new calls.sdk.GetObjectCommand({ Bucket: calls.address.bucket, Key: calls.key(name) })
    const found = await calls.repeat<{ readonly claim: string | undefined }>(`Reading ${calls.spell(name)}`, async (abortSignal) => {
      const { Body, ContentLength, Metadata } = await calls.client.send(get, { abortSignal })
      if (ContentLength !== undefined && ContentLength !== (await stat(path)).size) {
        ;(Body as Readable).destroy()
        return { claim: undefined }
      }
      return { claim: (await holds(path, Body as AsyncIterable<Uint8Array>)) ? (Metadata?.[claimKey] ?? noClaim) : undefined }
    })
    return found.claim
  }

  async #download(name: string, path: string): Promise<void> {
    const calls = this.#calls
    const get = new calls.sdk.GetObjectCommand({ Bucket: calls.address.bucket, Key: calls.key(name) })
    await calls.repeat(`Reading ${calls.spell(name)}`, async (abortSignal) => {
      const { Body, ContentLength } = await calls.client.send(get, { abortSignal })
      const file = createWriteStream(path)
      await pipeline(Body as Readable, file)
      checkLength(file.bytesWritten, ContentLength)
    })
  }
}

/** A connection that breaks in the middle must not pass for the end. */
function checkLength(length: number, expected: number | undefined): void {
  if (expected !== undefined && length !== expected) throw new Error(`The answer ended after ${length} of ${expected} bytes`)
}
