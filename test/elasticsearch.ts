import { spawnSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cached, downloadsSkip, javaProgram, run } from './downloads.ts'
import { freePort } from './postgres.ts'
import { callServer, countOf, documentsOf, type SearchServer } from './search-server.ts'
import { ServerProcess } from './server-process.ts'

/** 9.5.3 works, too, where JAVA_HOME is a JDK 21 or newer. */
const version = process.env['MILLRACE_TEST_ELASTICSEARCH'] || '8.19.21'
const artifact = `org.elasticsearch.distribution.integ-test-zip:elasticsearch:${version}:zip`
const dependencyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1'
/** Users of Debian's that own nothing. Elasticsearch refuses to run as root. */
const nobody = { uid: 65534, gid: 65534 }

/** Elasticsearch as its own integration tests have it: the genuine server with few modules. From Maven, 107 MB, once. */
function elasticsearchHome(): string {
  return cached(`elasticsearch/${version}`, (into) => {
    const flags = ['-q', '-B', '-Dstyle.color=never', '-Dtransitive=false']
    run('mvn', [...flags, `${dependencyPlugin}:copy`, `-Dartifact=${artifact}`, `-DoutputDirectory=${into}`])
    run('sh', ['-c', 'unzip -q *.zip && rm *.zip && mv elasticsearch-*/* . && rmdir elasticsearch-*', 'sh'], into)
  })
}

/** For `test(name, { skip: elasticsearchSkip() }, ...)`: why no Elasticsearch can be had here, or false. With CI set it throws instead. */
export function elasticsearchSkip(): string | false {
  return downloadsSkip(elasticsearchHome)
}

/** How the server is set up: users and their passwords (none: no security), TLS files as PEM, and settings of elasticsearch.yml. */
export interface ElasticsearchOptions {
  /** 400m by default, and then without the optimising compiler, which is slower and sooner ready. */
  readonly heap?: string
  readonly password?: string
  readonly tls?: { readonly key: string; readonly certificate: string; readonly ca: string }
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/** Starts a node with an empty store in a temporary folder, on a free loopback port; about 15 s. It ends with this process at the latest. */
export async function startElasticsearch(options: ElasticsearchOptions = {}): Promise<TestElasticsearch> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-elasticsearch-'))
  const server = new TestElasticsearch(folder, await freePort(), options)
  try {
    await server.start()
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  return server
}

/** A running node. */
export class TestElasticsearch implements SearchServer {
  readonly url: string
  readonly #folder: string
  readonly #port: number
  readonly #options: ElasticsearchOptions
  #server: ServerProcess | undefined

  constructor(folder: string, port: number, options: ElasticsearchOptions) {
    this.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${port}`
    this.#folder = folder
    this.#port = port
    this.#options = options
    this.#configure()
  }

  async start(): Promise<void> {
    const command = ['sh', '-c', 'exec "$1"/bin/elasticsearch -p "$2"', 'sh', elasticsearchHome(), join(this.#folder, 'pid')]
    const [program, ...args] = process.getuid?.() === 0 ? [...asNobody, ...command] : command
    const java = javaHome()
    this.#server = await ServerProcess.start({
      program: program!,
      args,
      folder: this.#folder,
      env: {
        ES_PATH_CONF: join(this.#folder, 'config'),
        ES_JAVA_HOME: java,
        ES_JAVA_OPTS: this.#options.heap
          ? `-Xms${this.#options.heap} -Xmx${this.#options.heap} -XX:+UseG1GC`
          : '-Xms400m -Xmx400m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
        ES_TMPDIR: join(this.#folder, 'tmp'),
        CLI_JAVA_OPTS: '-Xmx64m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC',
      },
      ready: (log) => log.includes('] started {') || log.includes('"started {'),
      timeoutMs: 120_000,
    })
  }

  /** Of the server itself, which a launcher started. */
  get pid(): number {
    return Number(readFileSync(join(this.#folder, 'pid'), 'utf8'))
  }

  async kill(): Promise<void> {
    const { pid } = this
    process.kill(pid, 'SIGKILL')
    await this.#server?.end('SIGKILL')
    while (lives(pid)) await sleep(10)
  }

  async stop(): Promise<void> {
    if (this.#server?.running) await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  get log(): string {
    return this.#server?.log ?? ''
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

  #configure(): void {
    const config = join(this.#folder, 'config')
    cpSync(join(elasticsearchHome(), 'config'), config, { recursive: true })
    const options = readFileSync(join(config, 'jvm.options'), 'utf8')
    // Logs of the collector would go into the shared folder; the module and the collector are not of every JDK.
    writeFileSync(join(config, 'jvm.options'), options.replaceAll(/^.*(jdk\.incubator\.vector|-Xlog:gc|-XX:\+UseG1GC).*$/gm, ''))
    const { tls, password, settings } = this.#options
    const all: Record<string, string | number | boolean> = {
      'network.host': '127.0.0.1',
      'http.port': this.#port,
      'transport.port': 0,
      'discovery.type': 'single-node',
      'path.data': join(this.#folder, 'data'),
      'path.logs': join(this.#folder, 'logs'),
      'xpack.security.enabled': tls !== undefined || password !== undefined,
      'cluster.routing.allocation.disk.threshold_enabled': false,
      ...(tls ? tlsSettings(config, tls) : {}),
      ...settings,
    }
    writeFileSync(
      join(config, 'elasticsearch.yml'),
      Object.entries(all)
        .map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`)
        .join(''),
    )
    for (const name of ['data', 'logs', 'tmp']) mkdirSync(join(this.#folder, name))
    if (password !== undefined) addUser(config, password)
    if (process.getuid?.() !== 0) return
    chmodSync(this.#folder, 0o755)
    spawnSync('chown', ['-R', `${nobody.uid}:${nobody.gid}`, this.#folder])
    chownSync(this.#folder, nobody.uid, nobody.gid)
  }
}

const asNobody = ['setpriv', `--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, '--clear-groups']

function tlsSettings(config: string, tls: { key: string; certificate: string; ca: string }): Record<string, string | boolean> {
  writeFileSync(join(config, 'http.key'), tls.key)
  writeFileSync(join(config, 'http.crt'), tls.certificate)
  writeFileSync(join(config, 'ca.crt'), tls.ca)
  const ssl = 'xpack.security.http.ssl'
  return {
    [`${ssl}.enabled`]: true,
    [`${ssl}.key`]: 'http.key',
    [`${ssl}.certificate`]: 'http.crt',
    [`${ssl}.certificate_authorities`]: 'ca.crt',
  }
}

/** A superuser `millrace` of the file realm, written as Elasticsearch's own tool writes it, which takes five seconds for that. */
function addUser(config: string, password: string): void {
  const salt = randomBytes(32)
  const hash = pbkdf2Sync(password, salt, 10_000, 32, 'sha512')
  writeFileSync(join(config, 'users'), `millrace:{PBKDF2}10000$${salt.toString('base64')}$${hash.toString('base64')}\n`)
  writeFileSync(join(config, 'users_roles'), 'superuser:millrace\n')
}

function javaHome(): string {
  if (process.env['JAVA_HOME'] !== undefined) return process.env['JAVA_HOME']
  const { stderr } = spawnSync(javaProgram, ['-XshowSettings:properties', '-version'], { encoding: 'utf8' })
  return resolve(/java\.home = (.+)/.exec(stderr)?.[1] ?? '/usr')
}

function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}`)
}
