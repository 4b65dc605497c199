/**
 * Waits inside `poll`, `put` or `flush` without outliving them. Resolves to true after `ms` milliseconds, to false as soon as the signal aborts;
 * never rejects and leaves no timer behind.
 */
export function wait(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', over)
      resolve(true)
    }, ms)
    signal.addEventListener('abort', over, { once: true })
  })
}
