import type { DeltaConfig } from './config.ts'
import { s3Address, s3AddressFault } from './s3/address.ts'
import { LocalStorage, type Storage } from './storage.ts'

/** The store that the config's `path` names. Throws a ConfigError where there can be none. */
export async function openStorage(config: DeltaConfig, alive: () => void): Promise<Storage> {
  const { path } = config
  if (s3Address(path) === undefined && s3AddressFault(path) === undefined) return await LocalStorage.open(path)
  const { S3Storage } = await import('./s3/storage.ts')
  return await S3Storage.open(path, config, alive)
}
