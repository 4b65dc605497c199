import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cached, downloadsSkip, javaProgram, run } from './downloads.ts'
import { freePort } from './postgres.ts'
import { callServer, countOf, documentsOf, type SearchServer } from './search-server.ts'
import { ServerProcess } from './server-process.ts'

const fixtures = join(import.meta.dirname, 'fixtures', 'opensearch')

/** Jars of OpenSearch 2.19.1, and the compiled program that starts it. From Maven, 53 MB, once. */
function openSearchClassPath(): string {
  const folder = cached('opensearch/2.19.1', (into) => {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'
    run('mvn', ['-q', '-B', '-Dstyle.color=never', '-f', join(fixtures, 'pom.xml'), goal, `-DoutputDirectory=${into}`])
    run('javac', ['-cp', join(into, '*'), '-d', into, join(fixtures, 'OpenSearchServer.java')])
  })
  return `${folder}:${join(folder, '*')}`
}

/** For `test(name, { skip: openSearchSkip() }, ...)`: why no OpenSearch can be had here, or false. With CI set it throws instead. */
export function openSearchSkip(): string | false {
  return downloadsSkip(openSearchClassPath)
}

/** Starts a node with an empty store in a temporary folder, on a free loopback port; about 10 s. It ends with this process at the latest. */
export async function startOpenSearch(): Promise<TestOpenSearch> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-opensearch-'))
  const server = new TestOpenSearch(folder, await freePort())
  try {
    await server.start()
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return server
}

/** A running node without security. */
export class TestOpenSearch implements SearchServer {
  readonly url: string
  readonly #folder: string
  readonly #port: number
  #server: ServerProcess | undefined

  constructor(folder: string, port: number) {
    this.url = `http://127.0.0.1:${port}`
    this.#folder = folder
    this.#port = port
  }

  async start(): Promise<void> {
    const jit = ['-Xms400m', '-Xmx400m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
    const program = ['-cp', openSearchClassPath(), 'OpenSearchServer', join(this.#folder, 'node'), String(this.#port)]
    this.#server = await ServerProcess.start({
      program: javaProgram,
      args: [...jit, `-Djava.io.tmpdir=${this.#folder}`, ...program],
      folder: this.#folder,
      ready: (log) => log.includes('OpenSearch takes requests'),
      timeoutMs: 120_000,
    })
  }

  async kill(): Promise<void> {
    await this.#server?.end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  call(method: string, path: string, body?: object): Promise<Record<string, any>> {
    return callServer(this.url, method, path, body)
  }

  documents(index: string): Promise<Map<string, any>> {
    return documentsOf(this.url, index)
  }

  count(index: string): Promise<number> {
    return countOf(this.url, index)
  }
}
