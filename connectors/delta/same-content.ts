import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'

/** Whether a local file holds exactly these bytes. */
export async function holds(path: string, content: AsyncIterable<Uint8Array>): Promise<boolean> {
  const file = await open(path, 'r')
  try {
    let position = 0
    for await (const chunk of content) {
      const own = Buffer.allocUnsafe(chunk.length)
      const { bytesRead } = await file.read(own, 0, chunk.length, position)
      if (bytesRead !== chunk.length || !own.equals(chunk)) return false
      position += chunk.length
    }
    return position === (await file.stat()).size
  } finally {
    await file.close()
  }
}

/** Whether two local files hold the same bytes. */
export async function sameFiles(path: string, other: string): Promise<boolean> {
  return await holds(path, createReadStream(other) as AsyncIterable<Buffer>)
}
