import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import delta from '../../../../connectors/delta/index.ts'
import { record } from '../../../../core/index.ts'
import { sinkLaws, sinkOf, taskContext } from '../../../../testing/index.ts'

sinkLaws(
  'files',
  async () => {
    const path = mkdtempSync(join(tmpdir(), 'files-laws-'))
    const written = (): readonly string[] =>
      readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.startsWith('topics/') && name.endsWith('.json'))
    return {
      task: (generation) => sinkOf(delta, 'files', { path }, taskContext({ generation })),
      read: async () =>
        written()
          .flatMap((name) => readFileSync(join(path, name), 'utf8').split('\n').filter(Boolean))
          .map((line) => (JSON.parse(line) as { n: number }).n),
      record: (n, partition) => record('t', { n }, { origin: { partition, position: n, seq: 0 } }),
      [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }),
    }
  },
  { dropsReplays: false },
)
