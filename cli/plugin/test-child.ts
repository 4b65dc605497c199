import type { Plugin } from '../../core/index.ts'
import { serveOwnPackage } from '../../core/runtime/own-package.ts'
import { checkPlugin, type Finding, type PluginTest } from '../../testing/index.ts'

/** What the process that tries a plugin tells the command. */
export type FromTest =
  | { readonly type: 'alive' }
  | { readonly type: 'began'; readonly part: string; readonly law: string }
  | { readonly type: 'findings'; readonly findings: readonly Finding[] }

/**
 * The main module of the process in which a plugin is put to its laws: whatever its code does (it ends the process, it spins) costs this process
 * alone, and the command knows by the last `began` which law was at work. Arguments: the plugin's module and the test's, file URLs (the second may be empty), and
 * what findings about the whole are said of.
 */
const [, , module, testModule, whole] = process.argv as unknown as readonly [string, string, string, string, string]
let at = { part: whole, law: 'it can be imported' }
const behind: Finding[] = []
/** How often the process says that it is alive, in milliseconds. */
const aliveMs = 500

for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
  process.on(event, (error: unknown) => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const mend =
      'Await every promise, or catch it where it is made; give every emitter and timer its own error path. In a worker this ends the task.'
    behind.push({ ...at, law: `nothing fails behind its back (while: ${at.law})`, outcome: 'broken', reason, mend })
  })
}

const began = (part: string, law: string) => {
  at = { part, law }
  tell({ type: 'began', part, law })
}

// Whoever blocks the process is found by this falling silent.
setInterval(() => tell({ type: 'alive' }), aliveMs).unref()
serveOwnPackage()
try {
  began(whole, at.law)
  const { default: plugin } = (await import(module)) as { default?: Plugin }
  if (plugin?.api === undefined) throw new Error('Its module has no default export made by definePlugin')
  if (testModule !== '') began(whole, 'its test can be imported')
  const { default: test = {} } = testModule === '' ? {} : ((await import(testModule)) as { default?: PluginTest })
  const findings = await checkPlugin(plugin, test, began)
  tell({ type: 'findings', findings: [...findings, ...behind] }, () => process.exit(0))
} catch (error) {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
  tell({ type: 'findings', findings: [{ ...at, outcome: 'broken', reason }] }, () => process.exit(0))
}

function tell(message: FromTest, done: () => void = () => {}): void {
  process.send!(message, undefined, undefined, done)
}
