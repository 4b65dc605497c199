import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { Worker } from 'node:worker_threads'

const root = resolve(import.meta.dirname, '../..')

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/**
 * A `millrace` for the worker at `url`, from source, in a thread: its own arguments, environment, output and exit code, at a fraction of
 * the start-up time of a process. Standard input is empty.
 */
export function commandFor(url: string, env: Readonly<Record<string, string>> = {}) {
  return async (...args: readonly string[]): Promise<Outcome> => {
    const thread = new Worker(resolve(root, 'cli/main.ts'), {
      argv: [...args],
      env: { ...process.env, MILLRACE_USER: '', ...env, MILLRACE_URL: url },
      stdout: true,
      stderr: true,
    })
    let [out, err] = ['', '']
    thread.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    thread.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const exit = once(thread, 'exit') as Promise<unknown> as Promise<[number]>
    const [[code]] = await Promise.all([exit, once(thread.stdout, 'end'), once(thread.stderr, 'end')])
    return { code, out, err }
  }
}

/** Runs `millrace` from source as a user does, without a terminal. */
export async function runCommand(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>>; readonly input?: string } = {},
): Promise<Outcome> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', resolve(root, 'bin/millrace.cjs'), ...args], {
    cwd: root,
    env: { ...process.env, MILLRACE_FROM_SOURCE: '1', MILLRACE_URL: '', MILLRACE_USER: '', ...options.env },
  })
  child.stdin.on('error', () => {}) // A command that does not read its input may be gone before it is written.
  child.stdin.end(options.input ?? '')
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}
