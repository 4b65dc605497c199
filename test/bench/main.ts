import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Runs every benchmark of this folder in a process of its own, one after another, and prints one JSON line each. Arguments choose:
 * `npm run bench -- loop snapshot`. A benchmark whose peer is missing on this machine says so in its line.
 */
const folder = import.meta.dirname
const wanted = process.argv.slice(2)
const benches = readdirSync(folder).filter(
  (name) => name.endsWith('.bench.ts') && (wanted.length === 0 || wanted.some((part) => name.includes(part))),
)
process.stdout.write(`${JSON.stringify({ node: process.version, cpus: cpus().length, model: cpus()[0]?.model ?? 'unknown' })}\n`)
let failed = 0
for (const name of benches.sort()) {
  const { status } = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--expose-gc', join(folder, name)], {
    stdio: 'inherit',
  })
  if (status !== 0) failed++
}
process.exitCode = failed === 0 ? 0 : 1
