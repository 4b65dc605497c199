import { readFile } from 'node:fs/promises'
import type { Logger } from '../contract/context.ts'
import type { WorkerStore } from '../store/store.ts'
import { failure, RemoteError, type Failure } from './failure.ts'
import type { RuntimeSettings } from './framework-config.ts'
import { exitCodes, hostDescriptors } from './host-channel.ts'
import { isFromHost } from './host-message.ts'
import type { HostEnd, HostLink, OpenHost } from './hosting.ts'
import { identify } from './process-identity.ts'
import type { Beat, CallAnswer, CallRequest, FromHost, TaskEnd, TaskSpec, ToHost } from './protocol.ts'
import { redactor } from './secrets.ts'

export interface TaskListener {
  state(state: 'RUNNING' | 'PAUSED'): void
  beat(beat: Beat, residentBytes: number): void
  topics(topics: readonly string[]): void
  /** The last call. */
  ended(end: TaskEnd): void
}

export interface HostLimits {
  readonly heapMaxMb: number
  /** 0: none. */
  readonly memoryMaxBytes: number
  readonly heartbeatTimeoutMs: number
}

/** The limits that a config sets for the host of its task. */
export function hostLimits(settings: RuntimeSettings): HostLimits {
  return {
    heapMaxMb: settings['task.heap.max.mb'],
    memoryMaxBytes: settings['task.memory.max.bytes'],
    heartbeatTimeoutMs: settings['task.heartbeat.timeout.ms'],
  }
}

/** How often the worker looks at a host, in milliseconds. */
const watchMs = 500
/** A machine that starts many processes at once is slow: how long a host may take until it is heard for the first time, in milliseconds. */
const startTimeoutMs = 60_000
/** How long a host that was asked to leave may take, in milliseconds. */
const leaveMs = 1_000
const pageBytes = 4096

interface Running {
  readonly spec: TaskSpec
  readonly listener: TaskListener
  /** Set when the host said that the task is over: it is told on once nothing of it can run any more. */
  over: { readonly end: TaskEnd } | undefined
}

interface WaitingCall {
  readonly resolve: (answer: CallAnswer) => void
  readonly reject: (error: Error) => void
  /** What is at work in it now. */
  place: string
}

/** The worker's view of one host: passes messages on, answers for the store, and watches it from outside. */
export class TaskHost {
  readonly #link: HostLink
  readonly #store: WorkerStore
  readonly #limits: HostLimits
  readonly #log: Logger
  /** It has one task and goes with it. */
  readonly #exclusive: boolean
  readonly #running = new Map<number, Running>()
  readonly #calls = new Map<number, WaitingCall>()
  readonly #watch: NodeJS.Timeout
  readonly #onReady: () => void
  readonly #onGone: () => void
  #lastBeatMs = performance.now()
  #lastWatchMs = performance.now()
  #heard = false
  #reason: Failure | undefined
  #leaving = false
  #gone = false
  #residentBytes: number | null = null
  #callCount = 0

  constructor(
    open: OpenHost,
    parts: {
      readonly store: WorkerStore
      readonly limits: HostLimits
      readonly log: Logger
      readonly exclusive: boolean
      /** It answered for the first time, or ended before it could. */
      readonly onReady: () => void
      readonly onGone: () => void
    },
  ) {
    this.#store = parts.store
    this.#limits = parts.limits
    this.#log = parts.log
    this.#exclusive = parts.exclusive
    this.#onReady = parts.onReady
    this.#onGone = parts.onGone
    this.#link = open(parts.limits.heapMaxMb, {
      message: (message) => this.#receive(message),
      printed: (stream, line, left) => this.#printed(stream, line, left),
      ended: (end) => void this.#ended(end),
    })
    const identity = this.#link.pid === null ? undefined : identify(this.#link.pid)
    if (identity) this.#store.addHost(identity).catch((error) => this.#log.error({ err: error }, 'A host could not be noted in the store'))
    this.#watch = setInterval(() => void this.#look(), watchMs)
  }

  get pid(): number | null {
    return this.#link.pid
  }
  get residentBytes(): number | null {
    return this.#residentBytes
  }
  get tasks(): number {
    return this.#running.size
  }
  /** False: it takes no more tasks. */
  get usable(): boolean {
    return !this.#gone && !this.#leaving && this.#reason === undefined
  }

  run(id: number, spec: TaskSpec, listener: TaskListener): void {
    this.#running.set(id, { spec, listener, over: undefined })
    this.#link.send({ type: 'start', id, spec })
  }

  tell(message: Extract<ToHost, { id: number }>): void {
    this.#link.send(message)
  }

  /** Runs a short piece of plugin code; rejects with a RemoteError where it throws, dies or takes longer than `timeoutMs`. */
  call(request: CallRequest, secrets: readonly string[], timeoutMs: number): Promise<CallAnswer> {
    const call = ++this.#callCount
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.fail(failure('STALL', `${this.#calls.get(call)?.place ?? callText(request)} did not answer within ${timeoutMs} ms`))
      }, timeoutMs)
      const settle =
        <T>(go: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer)
          this.#calls.delete(call)
          go(value)
        }
      this.#calls.set(call, { resolve: settle(resolve), reject: settle(reject), place: callText(request) })
      this.#link.send({ type: 'call', call, request, secrets })
    })
  }

  /** Ends the host at once; all its tasks fail for this reason. */
  fail(reason: Failure): void {
    this.#reason ??= reason
    this.#link.kill()
  }

  /** Lets it go when it has nothing to do. */
  leave(): void {
    if (this.#leaving || this.#gone) return
    this.#leaving = true
    this.#link.send({ type: 'leave' })
    setTimeout(() => {
      if (!this.#gone) this.#link.kill()
    }, leaveMs).unref()
  }

  #receive(message: FromHost): void {
    if (!isFromHost(message)) return this.fail(failure('CRASH', "The task's process sent a message that is none, and was ended"))
    this.#lastBeatMs = performance.now()
    this.#ready()
    switch (message.type) {
      case 'ready':
        return
      case 'state':
        return this.#running.get(message.id)?.listener.state(message.state)
      case 'beat':
        this.#residentBytes = message.residentBytes
        for (const beat of message.beats) this.#running.get(beat.id)?.listener.beat(beat, this.#residentBytes)
        return
      case 'topics':
        return this.#running.get(message.id)?.listener.topics(message.topics)
      case 'ended':
        return this.#taskOver(message.id, message.end)
      case 'fatal':
        this.#reason ??= message.failure
        return
      case 'load':
        return this.#answerOffsets(
          message.call,
          this.#owns(message.connector, () => this.#store.offsets.load(message.connector)),
        )
      case 'save':
        return this.#answerOffsets(
          message.call,
          this.#owns(message.connector, () => this.#store.offsets.save(message.connector, message.offsets)),
        )
      case 'at': {
        const call = this.#calls.get(message.call)
        if (call) call.place = message.place
        return
      }
      case 'answer':
        if (message.failure) this.#calls.get(message.call)?.reject(new RemoteError(message.failure))
        else this.#calls.get(message.call)?.resolve(message.answer ?? null)
        return
      default:
        return message satisfies never
    }
  }

  #ready(): void {
    if (this.#heard) return
    this.#heard = true
    this.#onReady()
  }

  /** A host reads and writes the offsets of its own connectors alone. */
  async #owns<T>(connector: string, work: () => Promise<T>): Promise<T> {
    const runs = [...this.#running.values()].some(({ spec }) => spec.connector === connector)
    if (!runs) throw new Error(`this process runs no task of ${connector}`)
    return work()
  }

  #answerOffsets(call: number, work: Promise<unknown>): void {
    work.then(
      (offsets) => this.#link.send({ type: 'offsets', call, offsets: offsets as never }),
      (error: unknown) => this.#link.send({ type: 'offsets', call, error: error instanceof Error ? error.message : String(error) }),
    )
  }

  // A process that ran one task is ended before anybody hears of it: what the task left behind in it cannot write any more.
  #taskOver(id: number, end: TaskEnd): void {
    const running = this.#running.get(id)
    if (!running) return
    running.over = { end }
    if (this.#exclusive) return this.leave()
    this.#running.delete(id)
    running.listener.ended(end)
  }

  #printed(stream: 'stdout' | 'stderr', line: string, left: number): void {
    const specs = [...this.#running.values()].map(({ spec }) => spec)
    const text = redactor(specs.flatMap(({ secrets }) => secrets))(line)
    const of = specs.length === 1 ? { connector: specs[0]!.connector, task: specs[0]!.task } : {}
    const fields = { ...of, stream, ...(left === 0 ? {} : { linesLeftOut: left }) }
    if (stream === 'stdout') this.#log.info(fields, text)
    else this.#log.warn(fields, text)
  }

  async #look(): Promise<void> {
    const now = performance.now()
    // This process itself was held up (a suspended machine, say): the host had no chance to be heard.
    if (now - this.#lastWatchMs > watchMs * 4) this.#lastBeatMs = now
    this.#lastWatchMs = now
    const { heartbeatTimeoutMs, memoryMaxBytes } = this.#limits
    const silentMs = now - this.#lastBeatMs
    if (silentMs > (this.#heard ? heartbeatTimeoutMs : Math.max(heartbeatTimeoutMs, startTimeoutMs))) {
      const text = `The task's process gave no sign of life for ${Math.round(silentMs)} ms (task.heartbeat.timeout.ms=${heartbeatTimeoutMs}): it spins or blocks, and was killed`
      this.fail(failure('SPIN', text))
    }
    if (this.pid === null) return
    const resident = await readResident(this.pid)
    if (resident === undefined) return
    this.#residentBytes = resident
    if (memoryMaxBytes > 0 && resident > memoryMaxBytes) {
      const text = `The task's process held ${resident} bytes of memory, more than task.memory.max.bytes=${memoryMaxBytes}, and was killed`
      this.fail(failure('MEMORY', text))
    }
  }

  async #ended(end: HostEnd): Promise<void> {
    clearInterval(this.#watch)
    this.#gone = true
    this.#ready()
    const reason = this.#reason ?? describeEnd(end, this.#limits)
    if (this.pid !== null) {
      await this.#store
        .removeHost(this.pid)
        .catch((error: unknown) => this.#log.error({ err: error }, 'A host could not be struck from the store'))
    }
    for (const { reject, place } of this.#calls.values()) {
      reject(new RemoteError(reason.code === 'STALL' ? reason : { ...reason, message: `${place}: ${reason.message}` }))
    }
    const running = [...this.#running.values()]
    this.#running.clear()
    for (const { spec, listener, over } of running) {
      const redact = redactor(spec.secrets)
      const clean = { ...reason, message: redact(reason.message), trace: redact(withStderr(reason, end)) }
      listener.ended(over ? over.end : clean)
    }
    this.#onGone()
  }
}

function callText(request: CallRequest): string {
  if (request.kind === 'preview') return 'The preview'
  if (request.kind === 'validate') return "The connector's own validation"
  if (request.kind === 'letters') return `Reading the dead letter topic ${request.topic.topic}`
  if (request.kind === 'describe') return `Importing ${request.module}`
  return `"${request.kind}" of ${request.part.class}`
}

async function readResident(pid: number): Promise<number | undefined> {
  try {
    return Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]) * pageBytes
  } catch {
    return undefined // The process is gone, or the system has no /proc: then the host's own beats tell.
  }
}

function describeEnd({ code, signal, stderr, broken }: HostEnd, { heapMaxMb }: HostLimits): Failure {
  if (/heap out of memory|Reached heap limit|OOM error in V8/i.test(stderr)) {
    return failure('MEMORY', `The task ran out of its JavaScript heap of ${heapMaxMb} MB (task.heap.max.mb)`)
  }
  if (broken !== undefined) {
    return failure(
      'CRASH',
      `The task's process sent ${broken}, and was ended: something in it writes to file descriptor ${hostDescriptors.channel}`,
    )
  }
  if (signal !== null) return failure('CRASH', `The task's process was ended by ${signal}`)
  if (code === exitCodes.orphaned)
    return failure('CRASH', "The task's process lost its channel to the worker: something in it closed a file that is not its own")
  return failure('EXIT', `The task's process exited with code ${code}`)
}

function withStderr(reason: Failure, { stderr }: HostEnd): string {
  const last = stderr.trim()
  return last === '' || reason.code === 'SPIN' || reason.trace.includes(last) ? reason.trace : `${reason.trace}\nLast of stderr:\n${last}`
}
