/** One benchmark's figures, beside its ceiling or peer measured in the same run. Printed as one JSON line. */
export interface Figures {
  readonly bench: string
  readonly records: number
  readonly seconds: number
  /** CPU of this process (its hosts included where it measures them itself), microseconds per record. */
  readonly cpuUsPerRecord: number
  readonly peakRssMb: number
  /** What it is measured against, in the same unit (records a second unless it says otherwise). */
  readonly ceiling?: { readonly name: string; readonly recordsPerSecond: number }
  readonly aim?: string
  readonly [more: string]: unknown
}

/** Prints the figures with the derived rate and ratio. */
export function report(figures: Figures): void {
  const rate = figures.records / figures.seconds
  const ratio = figures.ceiling ? { ratioToCeiling: round(rate / figures.ceiling.recordsPerSecond) } : {}
  const { ceiling, ...rest } = figures
  const line = {
    ...rest,
    seconds: round(figures.seconds),
    cpuUsPerRecord: round(figures.cpuUsPerRecord),
    recordsPerSecond: Math.round(rate),
    ...(ceiling ? { ceiling: { ...ceiling, recordsPerSecond: Math.round(ceiling.recordsPerSecond) } } : {}),
    ...ratio,
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Runs the work once and gives its wall time, this process's CPU time and peak RSS. */
export async function measure(
  work: () => Promise<void>,
): Promise<{ readonly seconds: number; readonly cpuSeconds: number; readonly peakRssMb: number }> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  await work()
  const seconds = (performance.now() - began) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return { seconds, cpuSeconds: (user + system) / 1e6, peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024) }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
