/** Bounds of one batch: whichever is reached first ends it. */
export interface BatchBounds<T> {
  /** Most items of a batch, at least 1. */
  readonly items: number
  /** Most bytes of a batch by `bytesOf`; one item that is larger makes a batch of its own. */
  readonly bytes?: number
  readonly bytesOf?: (item: T) => number
}

/** The items in their order, cut into batches within the bounds. No items: no batches. */
export function batches<T>(items: readonly T[], bounds: BatchBounds<T>): readonly (readonly T[])[] {
  const bytesMax = bounds.bytes ?? Infinity
  const cut: T[][] = []
  let bytes = 0
  for (const item of items) {
    const size = bounds.bytesOf?.(item) ?? 0
    const last = cut.at(-1)
    if (last && last.length < bounds.items && bytes + size <= bytesMax) {
      last.push(item)
      bytes += size
    } else {
      cut.push([item])
      bytes = size
    }
  }
  return cut
}
