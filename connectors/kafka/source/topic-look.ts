/** How soon a topic is found that was not there yet, in milliseconds. */
const waitingMs = 1_000

/** Calls `look` every `maxAgeMs`, and every second while `waits`: a topic that a connector was made for should not be found half a minute late. */
export function lookRegularly(maxAgeMs: number, waits: () => boolean, look: () => void): NodeJS.Timeout {
  let lastMs = performance.now()
  return setInterval(
    () => {
      const now = performance.now()
      if (now - lastMs < maxAgeMs - waitingMs / 2 && !waits()) return
      lastMs = now
      look()
    },
    Math.min(maxAgeMs, waitingMs),
  )
}
