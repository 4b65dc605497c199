import { join } from 'node:path'
import { Loggers } from '../../core/runtime/loggers.ts'
import type { OrphanWatch } from '../../core/runtime/orphan-watch.ts'
import { Registry } from '../../core/runtime/registry.ts'
import { Worker } from '../../core/runtime/worker.ts'
import { SqliteStore } from '../../core/store/sqlite.ts'
import { faultyModule } from '../runtime/rig.ts'

/** A worker to be killed: `node worker-program.ts <directory> <connectors as JSON> <way>` says "ready" when its connectors run. */
const [directory, connectors, orphanWatch] = process.argv.slice(2) as [string, string, OrphanWatch | '']
const worker = new Worker({
  store: new SqliteStore(join(directory, 'store.db')),
  registry: new Registry([faultyModule]),
  loggers: new Loggers({ destination: { write: () => {} } }),
  hostOutput: 'ignore',
  ...(orphanWatch ? { orphanWatch } : {}),
})
await worker.start()
for (const [name, config] of Object.entries(JSON.parse(connectors) as Record<string, Record<string, string>>)) {
  if (!worker.find(name)) await worker.create(name, config, 'RUNNING')
}
process.on('SIGTERM', () => void worker.close().then(() => process.exit(0)))
const timer = setInterval(() => {
  const tasks = worker.connectors().flatMap((name) => worker.status(name).tasks)
  if (tasks.length === 0 || !tasks.every((task) => task.state === 'RUNNING')) return
  clearInterval(timer)
  process.stdout.write('ready\n')
}, 10)
