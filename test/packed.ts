import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const root = resolve(import.meta.dirname, '..')
const run = promisify(execFile)

/** A package as `npm pack` makes it. */
export interface Packed {
  readonly tarball: string
  /** Paths in it. */
  readonly files: readonly string[]
  readonly bytes: number
  readonly unpackedBytes: number
}

/** Builds this checkout into the folder as it would be published, without touching its `dist`: other tests may run from there. */
export async function buildMillrace(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  // Types are checked by `npm run check`.
  await command('tsc', ['-p', join(root, 'tsconfig.build.json'), '--noCheck', '--outDir', join(folder, 'dist')], root)
  for (const part of [
    'package.json',
    'bin',
    'docs',
    'templates',
    'config/examples',
    'scripts/prepare.cjs',
    'README.md',
    'ARCHITECTURE.md',
    'CHANGELOG.md',
  ]) {
    cpSync(join(root, part), join(folder, part), { recursive: true })
  }
}

/** Builds and packs this checkout. */
export async function packMillrace(folder: string): Promise<Packed> {
  const stage = join(folder, 'millrace-build')
  await buildMillrace(stage)
  // What must not be packed is there to be left out.
  for (const room of ['test', 'scripts', 'core']) {
    mkdirSync(join(stage, room), { recursive: true })
    writeFileSync(join(stage, room, 'left-out.ts'), '')
  }
  return pack(stage, folder)
}

/** `npm pack` of a folder, without its scripts. */
export async function pack(folder: string, into: string): Promise<Packed> {
  const { stdout } = await command('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], folder)
  const parsed = JSON.parse(stdout) as PackReport[] | Readonly<Record<string, PackReport>>
  const report = Array.isArray(parsed) ? parsed[0]! : Object.values(parsed)[0]!
  return {
    tarball: join(into, report.filename.replace('@', '').replace('/', '-')),
    files: report.files.map(({ path }) => path),
    bytes: report.size,
    unpackedBytes: report.unpackedSize,
  }
}

interface PackReport {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

/** Runs a program to its end with this checkout's programs on the PATH; rejects with what it said. */
export async function command(
  program: string,
  args: readonly string[],
  cwd: string,
  timeoutMs = 120_000,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  // Neither npm's settings of the run around this one nor the test runner's own channel are the program's business.
  const outer = Object.entries(process.env).filter(
    ([key]) => !/^npm_/i.test(key) && key !== 'NODE_TEST_CONTEXT' && key !== 'MILLRACE_FROM_SOURCE',
  )
  const env = { ...Object.fromEntries(outer), PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` }
  try {
    return await run(program, args, { cwd, env, timeout: timeoutMs, maxBuffer: 32 * 1024 * 1024 })
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string }
    throw new Error(`${program} ${args.join(' ')} failed: ${(error as Error).message}\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error })
  }
}
