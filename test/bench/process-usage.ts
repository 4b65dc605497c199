import { readdirSync, readFileSync } from 'node:fs'

const ticksPerSecond = 100 // USER_HZ on every Linux that Node runs on.

/** CPU seconds and peak resident MB of a process, from /proc; undefined where there is no /proc or the process is gone. */
export function usageOf(
  pid: number,
): { readonly cpuSeconds: number; readonly peakRssMb: number; readonly rssMb: number; readonly pssMb: number } | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond,
      peakRssMb: Math.round(kilobytes('VmHWM') / 1024),
      rssMb: Math.round(kilobytes('VmRSS') / 1024),
      // Pages that processes share (Node's own code, 54 MB) are counted once among them.
      pssMb: Math.round(Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) / 1024),
    }
  } catch {
    return undefined
  }
}

/** CPU seconds of a server so far: of its first process, and of its children, living and gone. 0 where there is no /proc. */
export function serverCpuSeconds(pid: number): number {
  const fieldsOf = (one: number | string) => readFileSync(`/proc/${one}/stat`, 'utf8').split(') ')[1]!.split(' ')
  const ticks = (fields: readonly string[]) => fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  try {
    let sum = ticks(fieldsOf(pid))
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue
      try {
        const fields = fieldsOf(name)
        if (Number(fields[1]) === pid) sum += ticks(fields)
      } catch {
        // It ended meanwhile, and is part of the first process's children then.
      }
    }
    return sum / ticksPerSecond
  } catch {
    return 0
  }
}
