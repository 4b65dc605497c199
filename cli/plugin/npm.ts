import { spawn } from 'node:child_process'
import { dirname, join } from 'node:path'
import { FailedError } from '../exit.ts'

/** Longest time that npm may take, in milliseconds: large native packages over a slow line. */
const timeoutMs = 600_000
/** How much of what npm says is kept, in characters. */
const outputMax = 16_384

/**
 * Flags of every install. No script of any package runs; nothing is fetched from anywhere but the registry (what is given on this machine
 * aside); and what npm's own configuration or an outer npm says of another folder does not count.
 */
const flags = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--omit=dev',
  '--install-strategy=hoisted',
  '--no-bin-links',
  '--no-update-notifier',
  '--package-lock',
  '--save',
  '--no-global',
  '--no-workspaces',
  '--no-dry-run',
  '--no-legacy-peer-deps',
  '--no-install-links',
  '--allow-git=none',
  '--allow-remote=none',
  '--loglevel=error',
] as const

/**
 * Installs what the folder's package.json asks for, and these specs, into the folder. npm is started with arguments alone, never by a shell.
 * Rejects with a FailedError that has the last of what npm said.
 */
export async function npmInstall(
  folder: string,
  specs: readonly string[],
  options: { readonly registry?: string | undefined; readonly signal: AbortSignal },
): Promise<void> {
  const registry = options.registry === undefined ? [] : [`--registry=${options.registry}`]
  const args = ['install', `--prefix=${folder}`, ...flags, ...registry, '--', ...specs]
  // Windows has npm as a script of its shell, which would read the arguments anew; its program is called instead.
  const [command, first] =
    process.platform === 'win32' ? [process.execPath, [join(dirname(process.execPath), 'node_modules/npm/bin/npm-cli.js')]] : ['npm', []]
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let output = ''
  const child = spawn(command, [...first, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: options.signal,
    killSignal: 'SIGKILL',
    timeout: timeoutMs,
  })
  const keep = (text: string) => (output = (output + text).slice(-outputMax))
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  child.on('error', (error: NodeJS.ErrnoException) => {
    const text = error.code === 'ENOENT' ? 'npm was not found: install it (it comes with Node), or put it on the PATH.' : error.message
    reject(new FailedError(options.signal.aborted ? 'It was interrupted, and nothing was installed.' : text, { cause: error }))
  })
  child.on('close', (code, signal) => {
    if (code === 0) return resolve()
    const conflict = peerConflict(output)
    if (conflict) return reject(new FailedError(`Nothing was installed: ${conflict}`))
    const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`
    reject(new FailedError(`Nothing was installed, since npm ${how}:\n${said(output)}`))
  })
  return promise
}

/** A package that works with other versions of Millrace only, in fewer words than npm's. */
function peerConflict(output: string): string | undefined {
  const [, wanted, by] = /peer millrace@"([^"]+)" from (\S+)/.exec(output) ?? []
  const own = /Found: millrace@(\S+)/.exec(output)?.[1]
  if (!output.includes('ERESOLVE') || wanted === undefined) return undefined
  return `${by} works with Millrace ${wanted}, and this is ${own ?? 'another'}. Install another version of it, or of Millrace.`
}

/** npm's own words, without its advice where to find a log of them. */
function said(output: string): string {
  const lines = output.split('\n').filter((line) => !/A complete log of this run|^npm (error|ERR!)\s*$|_logs/.test(line))
  return lines.join('\n').trim() || '(it said nothing)'
}
