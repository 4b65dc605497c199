import { basename, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { RunningWorker } from '../../config/main.ts'
import { readConnectorFile } from '../../config/settings.ts'
import type { PartManifest } from '../../core/index.ts'
import { connectorNames, connectorPath, statusOf } from '../answers.ts'
import { paint } from '../output/terminal.ts'
import { restClient, segment, type RestClient } from '../rest-client.ts'
import { authorText, describeModule } from './describe-module.ts'
import type { OwnPackage } from './own-package.ts'

/** A restarted connector is waited for this long, in milliseconds. */
const restartMs = 20_000
/** How often the count of records is told while nothing else happens, in milliseconds. */
const countMs = 5_000
/** Lines of a failed task's trace that are shown. */
const traceLinesMax = 12

/** What happens between saves: one thing at a time, in the order of the saves. */
export class DevSession {
  readonly #own: OwnPackage
  readonly #module: string
  readonly #file: string | undefined
  #worker: RunningWorker | undefined
  #client: RestClient | undefined
  #parts: readonly PartManifest[] | undefined
  #turn: Promise<void> = Promise.resolve()
  readonly #told = new Map<string, { readonly state: string; readonly put: number; readonly atMs: number }>()
  #open: (() => Promise<RunningWorker>) | undefined

  constructor(own: OwnPackage, module: string, file: string | undefined) {
    this.#own = own
    this.#module = module
    this.#file = file
  }

  /** Starts the worker as soon as the code can be imported. Rejects where the worker cannot start. */
  async begin(open: () => Promise<RunningWorker>): Promise<void> {
    this.#open = open
    if (await this.#import('Waiting until it is mended.')) await this.#start()
  }

  saved(paths: readonly string[]): void {
    this.#turn = this.#turn.then(() => this.#reload(paths)).catch((error: unknown) => fault(authorText(error)))
  }

  /** Tells what changed at the connectors since the last look. */
  async look(): Promise<void> {
    const client = this.#client
    if (!client) return
    this.#turn = this.#turn.then(async () => {
      for (const name of await connectorNames(client)) await this.#tell(client, name)
    })
    await this.#turn.catch((error: unknown) => fault(authorText(error)))
  }

  async end(): Promise<void> {
    await this.#worker?.close()
  }

  async #start(): Promise<void> {
    this.#worker = await this.#open!()
    const [url] = this.#worker.urls
    this.#client = restClient(url!)
    say(`${this.#own.name} runs in a worker at ${url}. Saving a file runs the new code; Ctrl-C ends it.`)
    if (this.#file) await this.#apply(this.#file)
    else say('There is no connector.json: create a connector over the REST API, or name a config file.')
  }

  async #reload(paths: readonly string[]): Promise<void> {
    const isConfig = (path: string) => path === this.#file
    const code = paths.filter((path) => !isConfig(path) && /\.(ts|mts|js|mjs|json)$/.test(path) && basename(path) !== 'package-lock.json')
    if (code.length > 0) {
      say(`Saved ${code.map((path) => relative(this.#own.folder, path)).join(', ')}`)
      const before = this.#parts
      if (!(await this.#import(this.#client ? 'The code before it goes on.' : 'Waiting until it is mended.'))) return
      if (!this.#client) return this.#start()
      if (!isDeepStrictEqual(before, this.#parts)) await this.#client.call('POST', '/api/v1/plugins/refresh')
      await this.#restart(this.#client)
    }
    if (this.#client && this.#file && (paths.some(isConfig) || !(await this.#isThere(this.#client)))) await this.#apply(this.#file)
  }

  /** Whether the code can be imported; what it offers is kept. */
  async #import(otherwise: string): Promise<boolean> {
    try {
      this.#parts = (await describeModule(this.#module)).parts
      return true
    } catch (error) {
      fault(`${relative(this.#own.folder, fileURLToPath(this.#module))} cannot be imported. ${otherwise}\n${authorText(error)}`)
      return false
    }
  }

  async #apply(file: string): Promise<void> {
    try {
      const { name, config } = readConnectorFile(file)
      await this.#client!.call('PUT', connectorPath(name, '/config'), config)
      say(`Connector ${name} has the config of ${relative(this.#own.folder, file)}`)
    } catch (error) {
      fault(`The connector of ${relative(this.#own.folder, file)} was not taken; save it or the code to try again.\n${authorText(error)}`)
    }
  }

  async #restart(client: RestClient): Promise<void> {
    for (const name of await connectorNames(client)) {
      const config = (await client.call('GET', connectorPath(name, '/config'))) as Record<string, string>
      if (!usesAny(config, this.#parts ?? [])) continue
      if ((await statusOf(client, name)).connector.state === 'STOPPED') {
        say(`Connector ${name} is STOPPED: "millrace resume ${name} --url ${client.url}" runs it with the new code.`)
        continue
      }
      this.#told.delete(name)
      await client.call('POST', connectorPath(name, '/restart?includeTasks=true'))
      const deadline = Date.now() + restartMs
      for (;;) {
        await sleep(100)
        const { tasks } = await statusOf(client, name)
        const settled = tasks.every(({ state }) => state !== 'RESTARTING' && state !== 'UNASSIGNED')
        if ((tasks.length > 0 && settled) || Date.now() > deadline) break
      }
      await this.#tell(client, name, 'restarted with the new code')
    }
  }

  async #isThere(client: RestClient): Promise<boolean> {
    const names = await connectorNames(client)
    return names.includes(readConnectorFile(this.#file!).name)
  }

  async #tell(client: RestClient, name: string, event?: string): Promise<void> {
    const { connector, tasks } = await statusOf(client, name)
    const failed = [connector, ...tasks].find(({ state }) => state === 'FAILED')
    const state = failed ? `FAILED\n${firstLines(failed.trace)}` : (tasks[0]?.state ?? connector.state)
    const passing = state === 'UNASSIGNED' || state === 'RESTARTING'
    const progress = (await client.call('GET', `/api/v1/connectors/${segment(name)}/progress`)) as Progress
    const put = progress.tasks.reduce((sum, { records }) => sum + records.put, 0)
    const told = this.#told.get(name)
    const counted = told?.put !== put && Date.now() - (told?.atMs ?? 0) >= countMs
    if (event === undefined && (passing || (told?.state === state && !counted))) return
    this.#told.set(name, { state, put, atMs: Date.now() })
    const line = `Connector ${name}${event === undefined ? '' : ` ${event}`}: ${state}`
    if (failed) fault(line)
    else say(`${line}, ${put} records written since it was started`)
  }
}

/** The part of /api/v1's progress that is told. */
interface Progress {
  readonly tasks: readonly { readonly records: { readonly put: number } }[]
}

/** Whether a config names one of the parts, by class or alias, wherever it stands. */
function usesAny(config: Readonly<Record<string, string>>, parts: readonly PartManifest[]): boolean {
  const names = new Set(parts.flatMap(({ class: name, aliases = [] }) => [name, ...aliases]))
  return Object.entries(config).some(([key, value]) => /(^|\.)(class|type|converter)$/.test(key) && names.has(value))
}

function firstLines(trace: string): string {
  return trace.split('\n').slice(0, traceLinesMax).join('\n')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function fault(text: string): void {
  process.stdout.write(`${paint(text, 'red')}\n`)
}
