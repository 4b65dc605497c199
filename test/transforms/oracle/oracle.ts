import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectRecord } from '../../../core/index.ts'
import { recordToWire } from './wire.ts'

/** A transform or predicate with its config, and records to give it. */
export interface OracleCase {
  readonly class: string
  readonly config: Readonly<Record<string, string>>
  readonly records: readonly ConnectRecord[]
  /** Whether Java gets them as a source's or a sink's records. */
  readonly kind: 'source' | 'sink'
}

/** What Java made of a case: a refusal of the config, or a result for each record. */
export type OracleAnswer = { readonly refused: string } | { readonly results: readonly OracleResult[] }

/** null: dropped. */
export type OracleResult = null | { readonly error: string } | { readonly test: boolean } | Readonly<Record<string, unknown>>

/** Why there is no oracle, for the message of a skipped test. */
export const oracleMissing = 'no JDK 17+ and Maven with access to Maven Central, so nothing can be compared with the Java transforms'

const cache = join(import.meta.dirname, '..', '..', '..', '.cache', 'oracle')
const jars = join(cache, 'jars')

/**
 * Asks Java's own transforms, all cases in one JVM. Undefined where Java or Maven are missing, for the reason above; in CI that throws.
 */
export async function askOracle(cases: readonly OracleCase[]): Promise<readonly OracleAnswer[] | undefined> {
  if (!fetchJars()) {
    if (process.env['CI']) throw new Error(`In CI the transforms must be compared with Java's, but there is ${oracleMissing}`)
    return undefined
  }
  const lines = cases.map((one) => JSON.stringify({ ...one, records: one.records.map(recordToWire) }))
  const text = await runJava(lines.join('\n') + '\n')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as OracleAnswer)
}

function runJava(input: string): Promise<string> {
  // One thread of the collector and the quick compiler alone: the whole run is a second or two.
  const flags = [
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-Xmx512m',
    '-Duser.language=en',
    '-Duser.country=US',
    '-Duser.timezone=Europe/Paris',
  ]
  const java = spawn('java', [...flags, '-cp', join(jars, '*'), join(import.meta.dirname, 'Oracle.java')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  java.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk))
  java.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr = (stderr + chunk).slice(-20_000)))
  return new Promise((resolve, reject) => {
    java.on('error', reject)
    java.on('close', (code) => (code === 0 ? resolve(stdout) : reject(new Error(`The oracle ended with ${String(code)}: ${stderr}`))))
    // A Java that has ended already says why on stderr, which 'close' reports.
    java.stdin.on('error', () => undefined)
    java.stdin.end(input)
  })
}

// The jars stay in the cache as long as the pom says the same.
function fetchJars(): boolean {
  const pom = join(import.meta.dirname, 'pom.xml')
  const mark = join(cache, 'pom.xml')
  const wanted = readFileSync(pom, 'utf8')
  try {
    execFileSync('javac', ['-version'], { stdio: 'ignore' })
    if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return true
    rmSync(jars, { recursive: true, force: true })
    mkdirSync(cache, { recursive: true })
    execFileSync('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`], {
      stdio: 'ignore',
      timeout: 300_000,
    })
    writeFileSync(mark, wanted)
    return true
  } catch {
    // No Java, no Maven or no network: the caller says so and skips.
    return false
  }
}
