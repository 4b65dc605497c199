import type { DecodedBatch } from './record-set.ts'

/**
 * What a consumer with `read_committed` sees of fetched batches: without those of aborted transactions and without markers. `aborted` comes
 * with the fetch; the batches must be all of it, in order. Kafka's own way: a transaction is aborted from its first offset to the abort
 * marker of its producer.
 */
export function filterAborted(
  batches: readonly DecodedBatch[],
  aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[],
): readonly DecodedBatch[] {
  const begun = new Set<bigint>()
  const pending = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  let next = 0
  return batches.filter((batch) => {
    while (next < pending.length && pending[next]!.firstOffset <= batch.lastOffset) begun.add(pending[next++]!.producerId)
    if (batch.aborts) begun.delete(batch.producerId)
    return !batch.control && !(batch.transactional && begun.has(batch.producerId))
  })
}
