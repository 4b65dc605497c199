import type { CompletedPart, PutObjectCommandInput } from '@aws-sdk/client-s3'
import { type FileHandle, open } from 'node:fs/promises'
import type { Marks } from '../storage.ts'
import type { S3Calls } from './calls.ts'

/** Where an object's metadata has its claim. */
export const claimKey = 'millrace-claim'

/** Stores allow this many parts of a file. */
const partsMax = 10_000

/** Puts a local file under `name`, in several parts where it is larger than one; resolves to its size in bytes when it is durable. Nothing is left of a failed one. */
export async function upload(calls: S3Calls, localPath: string, name: string, marks?: Marks): Promise<number> {
  const file = await open(localPath, 'r')
  try {
    const { size } = await file.stat()
    if (size <= calls.partBytes) await putWhole(calls, name, await slice(file, 0, size), marks)
    else await putParts(calls, file, size, name, marks, false)
    return size
  } finally {
    await file.close()
  }
}

/** As `upload`, but where the name is taken it writes nothing and resolves to false: by another writer, or by an attempt whose answer was lost. */
export async function uploadOnce(calls: S3Calls, localPath: string, name: string, marks: Marks): Promise<boolean> {
  const file = await open(localPath, 'r')
  try {
    const { size } = await file.stat()
    if (size > calls.partBytes) {
      // Spares the parts, and serves stores that take no condition where an upload of parts is completed.
      return (await sizeOf(calls, name)) === undefined && (await putParts(calls, file, size, name, marks, true))
    }
    const content = await slice(file, 0, size)
    const put = { ...newObject(calls, name, marks), Body: content, ContentLength: content.length, IfNoneMatch: '*' }
    const { PutObjectCommand } = calls.sdk
    return await calls.repeat<boolean>(
      `Writing ${calls.spell(name)}`,
      async (abortSignal) => {
        await calls.client.send(new PutObjectCommand(put), { abortSignal })
        return true
      },
      (verdict) => (verdict === 'taken' ? false : undefined),
    )
  } finally {
    await file.close()
  }
}

/** Writes or replaces an object by one request. */
export async function putWhole(calls: S3Calls, name: string, content: Uint8Array, marks?: Marks): Promise<void> {
  const { PutObjectCommand } = calls.sdk
  const put = { ...newObject(calls, name, marks), Body: content, ContentLength: content.length }
  await calls.repeat(`Writing ${calls.spell(name)}`, (abortSignal) => calls.client.send(new PutObjectCommand(put), { abortSignal }))
}

/** False: the name was taken, nothing was written; asked for only with `once`. */
async function putParts(
  calls: S3Calls,
  file: FileHandle,
  size: number,
  name: string,
  marks: Marks | undefined,
  once: boolean,
): Promise<boolean> {
  const { CreateMultipartUploadCommand, UploadPartCommand, CompleteMultipartUploadCommand, AbortMultipartUploadCommand } = calls.sdk
  const { client } = calls
  const object = objectOf(calls, name)
  const what = `Writing ${calls.spell(name)}`
  const create = new CreateMultipartUploadCommand(newObject(calls, name, marks))
  const partBytes = Math.max(calls.partBytes, Math.ceil(size / partsMax))
  const { UploadId } = await calls.repeat(what, (abortSignal) => client.send(create, { abortSignal }))
  const upload = { ...object, UploadId }
  try {
    const parts: CompletedPart[] = []
    for (let at = 0; at < size; at += partBytes) {
      const Body = await slice(file, at, Math.min(partBytes, size - at))
      const PartNumber = parts.length + 1
      const part = { ...upload, PartNumber, Body, ContentLength: Body.length }
      const { ETag } = await calls.repeat(what, (abortSignal) => client.send(new UploadPartCommand(part), { abortSignal }))
      parts.push({ PartNumber, ETag })
    }
    const condition = once ? { IfNoneMatch: '*' } : {}
    const complete = new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts }, ...condition })
    const isDone = await calls.repeat<boolean>(
      what,
      async (abortSignal) => {
        await client.send(complete, { abortSignal })
        return true
      },
      async (verdict) => {
        if (once && verdict === 'taken') return false
        // An upload that is gone was completed by an attempt whose answer was lost, or (where names come again) by another writer.
        return verdict === 'absent' && (await sizeOf(calls, name)) === size ? !once : undefined
      },
    )
    if (!isDone) await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {}) // The bucket's rule clears what stays.
    return isDone
  } catch (error) {
    try {
      await client.send(new AbortMultipartUploadCommand(upload))
    } catch {
      // The upload's failure is what matters; the bucket's rule for incomplete uploads clears this one.
    }
    throw error
  }
}

function newObject(calls: S3Calls, name: string, marks?: Marks): PutObjectCommandInput {
  const Tagging = new URLSearchParams(marks?.tags).toString()
  const Metadata = marks && { [claimKey]: marks.claim }
  return { ...objectOf(calls, name), ...calls.marks, ...(Tagging === '' ? {} : { Tagging }), ...(Metadata ? { Metadata } : {}) }
}

function objectOf(calls: S3Calls, name: string): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: calls.address.bucket, Key: calls.key(name) }
}

/** Bytes of an object; undefined where there is none. */
async function sizeOf(calls: S3Calls, name: string): Promise<number | undefined> {
  const head = new calls.sdk.HeadObjectCommand({ Bucket: calls.address.bucket, Key: calls.key(name) })
  const size = await calls.repeat<number>(
    `Looking for ${calls.spell(name)}`,
    async (abortSignal) => (await calls.client.send(head, { abortSignal })).ContentLength ?? -1,
    (verdict) => (verdict === 'absent' ? -1 : undefined),
  )
  return size < 0 ? undefined : size
}

async function slice(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled)
    if (bytesRead === 0) throw new Error('A file became shorter while it was read for its upload')
    filled += bytesRead
  }
  return buffer
}
