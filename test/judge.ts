import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** One row as delta-rs reads it: 64-bit integers beyond 2^53, decimals and times as exact text, bytes as `{hex}`, NaN and infinities as text. */
export type JudgedRow = Readonly<Record<string, unknown>>

/**
 * Reads lakes with delta-rs (PyPI `deltalake`), a reader that shares no code with the writer and knows deletion vectors and column mapping.
 * One Python process answers all questions of a test file; dispose it at the end.
 */
export class Judge implements AsyncDisposable {
  readonly #process: ChildProcess
  readonly #waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  #stderr = ''

  private constructor(python: string) {
    this.#process = spawn(python, [join(import.meta.dirname, 'judge.py')], { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: this.#process.stdout! }).on('line', (line) => {
      const reply = JSON.parse(line) as { ok?: unknown; error?: string }
      const next = this.#waiting.shift()
      if (reply.error === undefined) next?.resolve(reply.ok)
      else next?.reject(new Error(reply.error))
    })
    this.#process.stderr!.on('data', (text: Buffer) => (this.#stderr += text.toString()))
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`The judge ended with ${String(code)}: ${this.#stderr}`))
    })
  }

  /** Undefined where Python or the package is missing; `judgeMissing` says why. In CI that throws: nothing may go unjudged there. */
  static open(): Judge | undefined {
    const python = findPython()
    return python === undefined ? undefined : new Judge(python)
  }

  /** All rows, in no order unless `sql` (over the table `t`) says so. */
  async readTable(path: string, options: { readonly version?: number; readonly sql?: string } = {}): Promise<readonly JudgedRow[]> {
    return (await this.#ask({ do: 'read', path, ...options })) as readonly JudgedRow[]
  }

  /** The newest version of an application id; null: none. */
  async transactionVersion(path: string, appId: string): Promise<number | null> {
    return (await this.#ask({ do: 'transaction', path, appId })) as number | null
  }

  async version(path: string): Promise<number> {
    return (await this.#ask({ do: 'version', path })) as number
  }

  /** The table's schema in Delta's JSON form. */
  async schema(path: string): Promise<unknown> {
    return await this.#ask({ do: 'schema', path })
  }

  /** Writes as another user of the table: appends rows, deletes by a predicate, compacts, or writes a checkpoint. */
  async append(path: string, rows: readonly JudgedRow[]): Promise<void> {
    await this.#ask({ do: 'append', path, rows })
  }

  async delete(path: string, predicate: string): Promise<void> {
    await this.#ask({ do: 'delete', path, predicate })
  }

  async optimize(path: string): Promise<void> {
    await this.#ask({ do: 'optimize', path })
  }

  async checkpoint(path: string): Promise<void> {
    await this.#ask({ do: 'checkpoint', path })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.stdin!.end()
    await ended
  }

  #ask(request: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#process.stdin!.write(`${JSON.stringify(request)}\n`)
    })
  }
}

/** Why there is no judge, for the message of a skipped test. */
export const judgeMissing = 'no Python 3.10+ with pip and PyPI access, so no lake can be read back by delta-rs'

const packages = ['deltalake==1.6.6', 'pyarrow>=20']
const venv = join(import.meta.dirname, '..', '.cache', 'venv')

let found: string | undefined | null = null

function findPython(): string | undefined {
  if (found === null) found = makePython()
  if (found === undefined && process.env['CI']) throw new Error(`In CI the lake must be judged, but there is ${judgeMissing}`)
  return found
}

function makePython(): string | undefined {
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  const works = (): boolean => {
    try {
      execFileSync(python, ['-c', 'import deltalake, pyarrow'], { stdio: 'ignore' })
      return true
    } catch {
      // Not there, or half installed by a run that was interrupted: it is made anew.
      return false
    }
  }
  if (existsSync(python) && works()) return python
  try {
    execFileSync('python3', ['-m', 'venv', venv], { stdio: 'ignore' })
    execFileSync(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages], {
      stdio: 'ignore',
      timeout: 300_000,
    })
  } catch {
    // No Python, no pip or no network: the caller says so and skips.
    return undefined
  }
  return works() ? python : undefined
}
