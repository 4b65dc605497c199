import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { currentLsn } from '../mirror.ts'
import type { PostgresServer } from '../postgres.ts'
import { WorkerProcess } from '../worker-process.ts'
import { usageOf } from './process-usage.ts'

/** A worker with one connector, and what it costs. */
export class PipelineRun implements AsyncDisposable {
  readonly worker: WorkerProcess
  readonly folder: string
  #pid = 0

  private constructor(worker: WorkerProcess, folder: string) {
    this.worker = worker
    this.folder = folder
  }

  /** Postgres into Delta. */
  static async start(server: PostgresServer, extra: Readonly<Record<string, string>>): Promise<PipelineRun> {
    return PipelineRun.of((folder) => ({ ...capture(server), 'sink.class': 'delta', 'sink.path': join(folder, 'lake'), ...extra }))
  }

  /** Any connector, of a worker with these settings. The folder is the run's own. */
  static async of(
    config: (folder: string) => Readonly<Record<string, string>>,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<PipelineRun> {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
    const worker = await WorkerProcess.start(folder, settings)
    const run = new PipelineRun(worker, folder)
    try {
      await worker.call('POST', '/connectors', { name: 'bench', config: config(folder) })
    } catch (error) {
      await run[Symbol.asyncDispose]()
      throw error
    }
    return run
  }

  /** The same after its tasks were replaced: another process, counted from zero. */
  again(): PipelineRun {
    return new PipelineRun(this.worker, this.folder)
  }

  get lake(): string {
    return join(this.folder, 'lake')
  }

  /** The task's process. */
  async pid(): Promise<number> {
    while (this.#pid === 0) {
      const { tasks } = await this.worker.call('GET', '/connectors/bench/status').catch(() => ({ tasks: [] }))
      const failed = tasks.find((task: { state: string }) => task.state === 'FAILED')
      if (failed) throw new Error(failed.trace)
      const progress = await this.worker.call('GET', '/api/v1/connectors/bench/progress').catch(() => ({ tasks: [] }))
      this.#pid = progress.tasks[0]?.pid ?? 0
      if (this.#pid === 0) await sleep(10)
    }
    return this.#pid
  }

  /** CPU and memory of the task's process so far. */
  async usage(): Promise<{ readonly cpuSeconds: number; readonly peakRssMb: number; readonly rssMb: number }> {
    return usageOf(await this.pid()) ?? { cpuSeconds: 0, peakRssMb: 0, rssMb: 0, pssMb: 0 }
  }

  /** Waits until the connector's durable position has passed the server's present end of log. Seconds since `began` (performance.now). */
  async caughtUp(server: PostgresServer, began: number): Promise<number> {
    const target = await currentLsn(server)
    await this.worker.passed('bench', target, 600_000)
    return (performance.now() - began) / 1000
  }

  /** Waits until this many records were put durable. */
  async flushed(records: number): Promise<void> {
    for (;;) {
      const { tasks } = await this.worker.call('GET', '/api/v1/connectors/bench/progress')
      if (tasks[0]?.records.put >= records && tasks[0]?.lastFlushMs !== null) return
      if (tasks[0]?.state === 'FAILED') throw new Error((await this.worker.call('GET', '/connectors/bench/status')).tasks[0].trace)
      await sleep(5)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.kill('SIGTERM')
    await rm(this.folder, { recursive: true, force: true })
  }
}

/** The keys of a Postgres source that reads the benchmarks' table. */
export function capture(server: PostgresServer): Readonly<Record<string, string>> {
  return {
    'connector.class': 'postgres',
    ...server.connectorConfig(),
    'topic.prefix': 'bench',
    'schema.include.list': 'public',
    'slot.name': 'bench',
    'publication.name': 'bench',
    'publication.autocreate.mode': 'filtered',
  }
}
