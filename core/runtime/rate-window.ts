/** How far back the rate looks, in milliseconds. */
const windowMs = 5_000

/** A rate over the last seconds, from a total that is told now and then. */
export class RateWindow {
  #samples: { readonly atMs: number; readonly total: number }[] = []

  add(total: number, nowMs = performance.now()): void {
    this.#samples.push({ atMs: nowMs, total })
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < nowMs - windowMs) this.#samples.shift()
  }

  /** Per second; 0 before there are two samples. */
  perSecond(): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (!first || !last || last.atMs === first.atMs) return 0
    return Math.max(0, ((last.total - first.total) * 1000) / (last.atMs - first.atMs))
  }
}
