import { rm, writeFile } from 'node:fs/promises'
import type { Action } from './actions.ts'
import { commitText } from './actions.ts'
import { quoteText } from './delta-types.ts'
import type { Engine } from './engine.ts'
import type { TableState } from './log.ts'
import type { Storage } from './storage.ts'

/** Tombstones older than this leave the checkpoint (PROTOCOL.md: `delta.deletedFileRetentionDuration`, one week by default). */
const tombstoneMs = 7 * 24 * 3600_000

/** A checkpoint waits until this many times its own duration have passed since the last one. */
const paceFactor = 20

/** When a table's checkpoints are written: every so many commits, but a large table's less often, so that they never take more than a small part of the time. */
export class Checkpoints {
  #version: number | undefined
  #notBefore = 0

  /** Writes one if it is due. A failure is the caller's to log: the commits are durable without it. */
  async keep(storage: Storage, engine: Engine, table: string, state: TableState, interval: number): Promise<void> {
    this.#version ??= Math.floor(Math.max(state.version - 1, 0) / interval) * interval
    const began = performance.now()
    if (state.version - this.#version < interval || began < this.#notBefore) return
    try {
      await writeCheckpoint(storage, engine, table, state)
      this.#version = state.version
    } finally {
      const now = performance.now()
      this.#notBefore = now + (now - began) * paceFactor
    }
  }
}

/**
 * Writes a classic (V1, one part) checkpoint of `state` and the `_last_checkpoint` hint. The commit that it stands on is durable already,
 * so a failure costs readers time and nothing else: the caller logs it and goes on.
 */
export async function writeCheckpoint(storage: Storage, engine: Engine, table: string, state: TableState): Promise<void> {
  const actions = checkpointActions(state)
  const name = `${table}/_delta_log/${String(state.version).padStart(20, '0')}.checkpoint.parquet`
  const text = commitText(actions)
  const columns = Object.entries(columnTypes)
    .map(([column, type]) => `${column}: ${quoteText(type)}`)
    .join(', ')
  const size = await storage.create(name, async (target) => {
    const lines = `${target}.ndjson`
    await writeFile(lines, text)
    try {
      await engine.run(
        `COPY (SELECT * FROM read_json(${quoteText(lines)}, format = 'newline_delimited', maximum_object_size = ${objectBytes(text)}, columns = {${columns}}))
         TO ${quoteText(target)} (FORMAT parquet, CODEC snappy)`,
      )
    } finally {
      await rm(lines, { force: true })
    }
  })
  const hint = { version: state.version, size: actions.length, sizeInBytes: size, numOfAddFiles: state.files.size }
  await storage.put(`${table}/_delta_log/_last_checkpoint`, JSON.stringify(hint))
}

/** DuckDB reserves twice the size of the largest object it is told of: the metadata of a table with thousands of columns may have megabytes. */
function objectBytes(text: string): number {
  let longest = 0
  for (let start = 0, end = text.indexOf('\n'); end >= 0; start = end + 1, end = text.indexOf('\n', start))
    longest = Math.max(longest, end - start)
  return Math.max(1024 * 1024, longest * 4)
}

function checkpointActions(state: TableState): readonly Action[] {
  const oldest = Date.now() - tombstoneMs
  for (const [path, remove] of state.tombstones) if ((remove.deletionTimestamp ?? 0) <= oldest) state.tombstones.delete(path)
  return [
    { protocol: state.protocol! },
    { metaData: state.metaData! },
    ...Array.from(state.transactions, ([appId, version]) => ({ txn: { appId, version } })),
    ...Array.from(state.files.values(), (add) => ({ add: { ...add, dataChange: false } })),
    ...Array.from(state.tombstones.values(), (remove) => ({ remove: { ...remove, dataChange: false } })),
  ]
}

const vector = 'STRUCT(storageType VARCHAR, pathOrInlineDv VARCHAR, "offset" INTEGER, sizeInBytes INTEGER, cardinality BIGINT)'
const texts = 'MAP(VARCHAR, VARCHAR)'

/** The checkpoint's columns (PROTOCOL.md, "Checkpoint Schema"). */
const columnTypes: Readonly<Record<string, string>> = {
  txn: 'STRUCT(appId VARCHAR, version BIGINT, lastUpdated BIGINT)',
  add: `STRUCT(path VARCHAR, partitionValues ${texts}, size BIGINT, modificationTime BIGINT, dataChange BOOLEAN, stats VARCHAR, tags ${texts}, deletionVector ${vector}, baseRowId BIGINT, defaultRowCommitVersion BIGINT)`,
  remove: `STRUCT(path VARCHAR, deletionTimestamp BIGINT, dataChange BOOLEAN, extendedFileMetadata BOOLEAN, partitionValues ${texts}, size BIGINT, deletionVector ${vector})`,
  metaData: `STRUCT(id VARCHAR, name VARCHAR, description VARCHAR, format STRUCT(provider VARCHAR, options ${texts}), schemaString VARCHAR, partitionColumns VARCHAR[], configuration ${texts}, createdTime BIGINT)`,
  protocol: 'STRUCT(minReaderVersion INTEGER, minWriterVersion INTEGER, readerFeatures VARCHAR[], writerFeatures VARCHAR[])',
}
