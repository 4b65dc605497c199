import type { S3Config } from './config.ts'
import { S3Storage } from './storage.ts'

/** A check of a config waits no longer than this for the store. */
const checkMs = 5_000
/** One answer that is lost says nothing yet. */
const retryMs = 1_000

/** Why a store cannot be listed, for the check of a config; undefined: it can. */
export async function unreachable(path: string, config: S3Config): Promise<string | undefined> {
  const hasty: S3Config = {
    ...config,
    's3.request.timeout.ms': Math.min(checkMs, config['s3.request.timeout.ms']),
    's3.retry.timeout.ms': Math.min(retryMs, config['s3.retry.timeout.ms']),
  }
  try {
    await using storage = await S3Storage.open(path, hasty)
    await storage.list('_millrace')
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
