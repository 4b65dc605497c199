import type { DeltaConfig } from './config.ts'
import { s3Address, s3AddressFault } from './s3/address.ts'
import type { S3Config } from './s3/config.ts'
import { LocalStorage, type Storage } from './storage.ts'

/** The store that the lake's `path` names. Throws a ConfigError where there can be none. */
export async function openStorage(config: DeltaConfig, alive: () => void): Promise<Storage> {
  return await openPlace(config.path, config, alive)
}

/** The store at a path: a folder, or `s3://bucket/prefix`. Throws a ConfigError where there can be none. */
export async function openPlace(path: string, config: S3Config, alive: () => void): Promise<Storage> {
  if (s3Address(path) === undefined && s3AddressFault(path) === undefined) return await LocalStorage.open(path)
  const { S3Storage } = await import('./s3/storage.ts')
  return await S3Storage.open(path, config, alive)
}
