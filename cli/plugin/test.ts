import { fork } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding } from '../../testing/law.ts'
import { FailedError } from '../exit.ts'
import { printJson, printLines } from '../output/print.ts'
import { paint } from '../output/terminal.ts'
import { authorText, describeModule } from './describe-module.ts'
import { staleParts } from './manifest.ts'
import { moduleOf, readOwnPackage, testFileOf, type OwnPackage } from './own-package.ts'
import type { FromTest } from './test-child.ts'

export interface TestOptions {
  readonly built: boolean
  readonly output: 'text' | 'json'
}

/** A process that is not heard for this long counts as blocked, in milliseconds; at the start it imports what may be large. */
const blockedMs = 20_000
/** The law without which no other can be tried. */
const importable = 'it can be imported'
/** How much of what the process writes to stderr is kept, in characters. */
const stderrMax = 4_000

/** Puts the plugin in a folder to the contract's laws, in a process of its own, and prints what came of it. Rejects with a FailedError where a law is broken. */
export async function testPlugin(folder: string, options: TestOptions): Promise<void> {
  const own = readOwnPackage(folder)
  const module = moduleOf(own, options)
  const testFile = testFileOf(own)
  const first = await manifestFinding(own, module)
  const found = first.law === importable ? [first] : [first, ...(await tryLaws(own, module, testFile))]
  const broken = found.filter(({ outcome }) => outcome === 'broken')
  if (options.output === 'json') printJson({ package: own.name, version: own.version, findings: found })
  else printLines(report(own, found, testFile))
  if (broken.length > 0)
    throw new FailedError(`${own.name}: ${broken.length} of ${found.length} laws ${broken.length === 1 ? 'is' : 'are'} broken`)
}

async function manifestFinding(own: OwnPackage, module: string): Promise<Finding> {
  const law = { part: `package ${own.name}`, law: 'its manifest says what its code offers' }
  try {
    const stale = staleParts(own, (await describeModule(module)).parts)
    if (stale === undefined) return { ...law, outcome: 'held' }
    return { ...law, outcome: 'broken', reason: stale, mend: 'Run "millrace plugin manifest".' }
  } catch (error) {
    const mend = 'The module must be importable on its own, with nothing running: connect in `create` or `open`, not when it is imported.'
    return { ...law, law: importable, outcome: 'broken', reason: authorText(error), mend }
  }
}

/** Never rejects: a process that died or hung is a finding about the law that was at work in it. */
function tryLaws(own: OwnPackage, module: string, testFile: string | undefined): Promise<readonly Finding[]> {
  const here = fileURLToPath(import.meta.url)
  const entry = fileURLToPath(new URL(`./test-child${extname(here)}`, import.meta.url))
  const child = fork(entry, [module, testFile ?? '', `package ${own.name}`], {
    cwd: own.folder,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 2, 'pipe', 'ipc'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  })
  let stderr = ''
  let at = { part: `package ${own.name}`, law: importable }
  let findings: readonly Finding[] | undefined
  let blocked = false
  const block = () => {
    blocked = true
    child.kill('SIGKILL')
  }
  let watch = setTimeout(block, blockedMs)
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-stderrMax)))
  child.on('message', (message: FromTest) => {
    clearTimeout(watch)
    if (message.type === 'findings') findings = message.findings
    else if (message.type === 'began') at = { part: message.part, law: message.law }
    watch = setTimeout(block, blockedMs)
  })
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(watch)
      resolve(findings ?? [{ ...at, outcome: 'broken', ...lost(blocked, code, signal, stderr) }])
    })
  })
}

function lost(blocked: boolean, code: number | null, signal: string | null, stderr: string): Pick<Finding, 'reason' | 'mend'> {
  const last = stderr.trim() === '' ? '' : `\n${stderr.trim()}`
  if (blocked) {
    const reason = `it blocked the process for ${blockedMs / 1000} s, which was ended; the laws after this one were not tried${last}`
    return { reason, mend: 'Break long computations and synchronous calls up: nothing else runs meanwhile, and a worker ends such a task.' }
  }
  const reason = `the process ended (${signal ?? `code ${code}`}) in the midst of it; the laws after this one were not tried${last}`
  return { reason, mend: 'Throw an error instead of ending the process.' }
}

function report(own: OwnPackage, found: readonly Finding[], testFile: string | undefined): readonly string[] {
  const parts = [...new Set(found.map(({ part }) => part))]
  const lines = parts.flatMap((part) => {
    const ofPart = found.filter((one) => one.part === part)
    return [paint(part, 'bold'), ...ofPart.flatMap(line)]
  })
  const held = found.filter(({ outcome }) => outcome === 'held').length
  const tried = found.filter(({ outcome }) => outcome !== 'untried').length
  const hint =
    testFile === undefined ? ['There is no millrace.test.ts: only what needs no upstream was tried ("millrace plugin new" shows one).'] : []
  return [...lines, ...hint, `${own.name} ${own.version}: ${held} of ${tried} laws hold.`]
}

function line({ law, outcome, reason = '', mend }: Finding): readonly string[] {
  const indented = (text: string) => text.split('\n').map((one) => `      ${one}`)
  if (outcome === 'held') return [`  ${paint('✓', 'green')} ${law}`]
  if (outcome === 'untried') return [`  ${paint('-', 'yellow')} ${law}: not tried`, ...indented(reason)]
  return [`  ${paint('✗', 'red')} ${law}`, ...indented(reason), ...(mend === undefined ? [] : indented(`To mend it: ${mend}`))]
}
