import { availableParallelism } from 'node:os'
import type { Logger } from '../contract/context.ts'
import type { WorkerStore } from '../store/store.ts'
import { failure } from './failure.ts'
import type { OpenHost } from './hosting.ts'
import type { CallAnswer, CallRequest } from './protocol.ts'
import { StartGate } from './start-gate.ts'
import { TaskHost, type HostLimits } from './task-host.ts'

export type Hosting = 'process' | 'shared' | 'inline'

export interface PoolParts {
  readonly open: Readonly<Record<'process' | 'inline', OpenHost>>
  /** Where short calls into plugins run, and the tasks of connectors that do not say otherwise. */
  readonly hosting: Hosting
  readonly store: WorkerStore
  readonly log: Logger
  /** Most hosts that `shared` tasks are spread over. */
  readonly sharedHosts: number
  /** Limits of shared hosts and of calls. */
  readonly limits: HostLimits
}

/** Longest time that a call into a plugin may take, in milliseconds. */
const callTimeoutMs = 30_000
/** A host for calls leaves after this long without one, in milliseconds. */
const callIdleMs = 2_000

/** Where Millrace's own plugins lie. */
const ownRooms = ['core/', 'connectors/', 'transforms/'].map((room) => new URL(`../../${room}`, import.meta.url).href)

interface Caller {
  readonly host: TaskHost
  calls: number
  idle: NodeJS.Timeout | undefined
}

/** Most hosts that start at the same time. */
const startingMax = Math.max(2, availableParallelism())

/** Opens hosts, and gives every task the one that its hosting asks for. */
export class HostPool {
  readonly #parts: PoolParts
  readonly #all = new Set<TaskHost>()
  readonly #shared = new Set<TaskHost>()
  /** They hold modules of packages that were changed since. */
  readonly #outdated = new WeakSet<TaskHost>()
  /** Hosts of calls, by the foreign modules that they import: what one plugin breaks in its process does not meet another's calls. */
  readonly #callers = new Map<string, Caller>()
  #whenEmpty: (() => void) | undefined
  readonly #gate = new StartGate(startingMax)

  constructor(parts: PoolParts) {
    this.#parts = parts
  }

  /** Before a task is prepared: few start at a time, so that a worker with many connectors answers meanwhile. Resolves with the way to leave. */
  enter(): Promise<() => void> {
    return this.#gate.enter()
  }

  /** A host for one more task; `leave` is called when it is up. */
  acquire(hosting: Hosting, limits: HostLimits, leave: () => void): TaskHost {
    if (hosting === 'process') return this.#open('process', limits, true, leave)
    if (hosting === 'inline') return this.#open('inline', { ...limits, memoryMaxBytes: 0 }, true, leave)
    const usable = [...this.#shared].filter((host) => host.usable && !this.#outdated.has(host)).sort((a, b) => a.tasks - b.tasks)
    const least = usable[0]
    if (least && (least.tasks === 0 || usable.length >= this.#parts.sharedHosts)) {
      leave()
      return least
    }
    const host = this.#open('process', this.#parts.limits, false, leave)
    this.#shared.add(host)
    return host
  }

  /** A task of a shared host ended; a host without tasks leaves. */
  release(host: TaskHost): void {
    if (this.#shared.has(host) && host.tasks === 0) host.leave()
  }

  /**
   * Runs plugin code outside this process (inline: in it). One host serves all calls into Millrace's own plugins, and one those into each
   * package; a host leaves when there are none for a while.
   */
  async call(request: CallRequest, secrets: readonly string[]): Promise<CallAnswer> {
    const caller = this.#callerFor(foreignModules(request))
    clearTimeout(caller.idle)
    caller.calls++
    try {
      return await caller.host.call(request, secrets, callTimeoutMs)
    } finally {
      caller.calls--
      if (caller.calls === 0) caller.idle = setTimeout(() => caller.host.leave(), callIdleMs)
    }
  }

  #callerFor(key: string): Caller {
    const known = this.#callers.get(key)
    if (known?.host.usable) return known
    const kind = this.#parts.hosting === 'inline' ? 'inline' : 'process'
    const caller: Caller = { host: this.#open(kind, this.#parts.limits, false), calls: 0, idle: undefined }
    this.#callers.set(key, caller)
    return caller
  }

  /**
   * Runs plugin code in a host of its own, which is killed where the code takes longer than `timeoutMs` once the host is up: no other call and
   * no task shares its fate. Inline it runs here.
   */
  async callAlone(request: CallRequest, secrets: readonly string[], timeoutMs: number): Promise<CallAnswer> {
    const { promise: up, resolve: ready } = Promise.withResolvers<void>()
    const host = this.#open(this.#parts.hosting === 'inline' ? 'inline' : 'process', this.#parts.limits, true, ready)
    try {
      await up
      return await host.call(request, secrets, timeoutMs)
    } finally {
      host.leave()
    }
  }

  /** Packages were changed: what is run from now on is imported anew. What runs is left alone. */
  forgetModules(): void {
    for (const caller of this.#callers.values()) {
      if (caller.calls === 0) caller.host.leave()
      else setTimeout(() => caller.host.leave(), callTimeoutMs).unref()
    }
    this.#callers.clear()
    for (const host of this.#shared) {
      this.#outdated.add(host)
      if (host.tasks === 0) host.leave()
    }
  }

  /** Calls that are under way fail: nobody waits for them any more. */
  abandonCalls(): void {
    for (const { host, calls } of this.#callers.values()) {
      if (calls > 0) host.fail(failure('STOPPED', 'The worker stops'))
    }
  }

  /** Resolves when every host is gone; those that still run are told to leave. */
  async close(): Promise<void> {
    for (const { idle } of this.#callers.values()) clearTimeout(idle)
    for (const host of this.#all) host.leave()
    if (this.#all.size > 0) await new Promise<void>((resolve) => (this.#whenEmpty = resolve))
  }

  #open(kind: 'process' | 'inline', limits: HostLimits, exclusive: boolean, onReady: () => void = () => {}): TaskHost {
    const { open, store, log } = this.#parts
    const host: TaskHost = new TaskHost(open[kind], { store, limits, log, exclusive, onReady, onGone: () => this.#forget(host) })
    this.#all.add(host)
    return host
  }

  #forget(host: TaskHost): void {
    this.#all.delete(host)
    this.#shared.delete(host)
    for (const [key, caller] of this.#callers) if (caller.host === host) this.#callers.delete(key)
    if (this.#all.size === 0) this.#whenEmpty?.()
  }
}

function foreignModules(request: CallRequest): string {
  const modules = new Set<string>(modulesOf(request))
  return [...modules]
    .filter((module) => !ownRooms.some((room) => module.startsWith(room)))
    .sort()
    .join(' ')
}

function modulesOf(request: CallRequest): readonly string[] {
  switch (request.kind) {
    case 'validate':
      return request.modules.map(({ specifier }) => specifier)
    case 'describe':
      return [request.module]
    case 'letters':
    case 'preview':
      return [] // Letters are read by a part of Millrace; previews run alone.
    default:
      return [request.part.module]
  }
}
