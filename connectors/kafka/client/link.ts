import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { ConfigError, RetriableError, type Logger } from '../../../core/index.ts'
import { apis, type Api } from './apis.ts'
import { authentication } from './authentication.ts'
import { connectFailure, lostAnswer } from './connect-failure.ts'
import { Frames } from './frames.ts'
import { Connection } from './kafkajs.ts'
import { kafkajsLog } from './kafkajs-log.ts'
import type { BrokerAddress, ClientSettings } from './settings.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

export interface CallOptions {
  /** How long the broker may take over it, beside the time that any answer may take. Milliseconds; default 0. */
  readonly waitMs?: number
  /** False: the broker answers nothing (a produce request without acks); the call resolves when it is written. */
  readonly answered?: boolean
}

/** The broker does not speak a request in the version that we need. */
export class OldBrokerError extends ConfigError {}

/** Sockets are kept alive so that a peer that vanished is noticed. Milliseconds. */
const keepAliveMs = 60_000
/** Most that is taken from a socket at once. Bytes. */
const readBytes = 128 * 1024
/** A session is renewed this long before the broker ends it, or at 15 % of its life before. Milliseconds. */
const renewBeforeMs = 10_000

/**
 * One connection to a broker, made when it is first needed and again after it broke. Requests leave in the order of the calls. kafkajs has
 * the socket's life, the requests under way with their time limits, and SASL; bytes go in and out past its codecs, which copy them.
 */
export class Link implements Disposable {
  readonly address: BrokerAddress
  readonly #settings: ClientSettings
  readonly #log: Logger
  readonly #end = new AbortController()
  #connection: Connection | undefined
  #socket: Socket | undefined
  #open: Promise<void> | undefined
  #versions = new Map<number, { readonly min: number; readonly max: number }>()
  #ready = false
  /** What broke the connection that is being made, before kafkajs turned it into something else. */
  #broken: Error | undefined
  #failures = 0
  #notBefore = 0

  constructor(address: BrokerAddress, settings: ClientSettings, log: Logger) {
    this.address = address
    this.#settings = settings
    this.#log = log
  }

  /** True while the connection stands. */
  get standing(): boolean {
    return this.#ready && this.#connection?.isConnected() === true
  }

  /**
   * Sends a request; resolves to the answer's body. Rejects with a RetriableError where the connection cannot stand, breaks or is silent for
   * too long, with a ConfigError where the settings do not let us in.
   */
  async call(api: Api, body: WireWriter, options: CallOptions = {}): Promise<WireReader> {
    if (!this.#usable) await this.#stand()
    this.#requireVersion(api)
    const payload = await this.#send(api, body, options)
    const answer = new WireReader(payload)
    if (api.compact) answer.tags()
    return answer
  }

  [Symbol.dispose](): void {
    if (this.#end.signal.aborted) return
    const error = new RetriableError(`The Kafka client is closed (${this.#name})`)
    this.#end.abort(error)
    this.#drop(error)
  }

  get #name(): string {
    return `${this.address.host}:${this.address.port}`
  }

  get #usable(): boolean {
    return this.standing && this.#connection!.isAuthenticated() === (this.#settings.sasl !== null)
  }

  /** Resolves when requests may be sent; those who wait go on in the order in which they came, before anybody new. */
  #stand(): Promise<void> {
    if (this.#end.signal.aborted) return Promise.reject(this.#end.signal.reason as Error)
    this.#open ??= this.#establish().finally(() => (this.#open = undefined))
    return this.#open
  }

  async #establish(): Promise<void> {
    if (this.standing) return this.#authenticate(this.#connection!)
    await this.#pause()
    const timeout = AbortSignal.timeout(this.#settings.connectTimeoutMs)
    const late = () =>
      this.#drop(new RetriableError(`Kafka at ${this.#name} could not be reached within ${this.#settings.connectTimeoutMs} ms`))
    timeout.addEventListener('abort', late)
    try {
      const connection = this.#begin()
      await connection.connect()
      await this.#greet(connection)
      if (this.#settings.sasl) await this.#authenticate(connection)
      this.#end.signal.throwIfAborted()
      this.#failures = 0
      this.#ready = true
    } catch (error) {
      if (this.#end.signal.aborted) throw this.#end.signal.reason
      const pause = Math.min(this.#settings.reconnectMs * 2 ** Math.min(this.#failures++, 20), this.#settings.reconnectMaxMs)
      this.#notBefore = performance.now() + pause
      const failure = connectFailure(this.#broken ?? error, this.address, this.#settings)
      this.#drop(failure)
      throw failure
    } finally {
      timeout.removeEventListener('abort', late)
    }
  }

  #begin(): Connection {
    this.#broken = undefined
    const { clientId, tls, connectTimeoutMs, requestTimeoutMs } = this.#settings
    // Read into one buffer: a new one for each 64 KiB, as streams have it, costs more than all the rest together.
    const read = (length: number, buffer: Uint8Array) => {
      connection.processData(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      return true
    }
    const connection: Connection = new Connection({
      ...this.address,
      clientId,
      logger: kafkajsLog(this.#log),
      ssl: tls,
      sasl: this.#settings.sasl === null ? null : authentication(this.#settings.sasl, this.#end.signal),
      requestTimeout: requestTimeoutMs,
      // Ours strikes first, and covers TLS and SASL as well.
      connectionTimeout: connectTimeoutMs * 2,
      socketFactory: ({ host, port, ssl, onConnect }) => {
        const target = { host, port, onread: { buffer: Buffer.allocUnsafeSlow(readBytes), callback: read } }
        const servername = isIP(host) === 0 ? { servername: host } : {}
        const socket = ssl ? connectTls({ ...target, ...servername, ...ssl }, onConnect) : connectTcp(target, onConnect)
        socket.setNoDelay(true)
        socket.setKeepAlive(true, keepAliveMs)
        socket.on('error', (error) => (this.#broken ??= error))
        socket.on('close', () => this.#closed(connection))
        this.#socket = socket
        return socket
      },
    })
    // Nothing is ever pending there, and a check that is set for the past makes Node warn of a negative time (kafkajs #1751).
    connection.requestQueue.scheduleCheckPendingRequests = () => {}
    const frames = new Frames((frame) => {
      const correlationId = frame.readInt32BE(0)
      connection.requestQueue.fulfillRequest({ correlationId, payload: frame.subarray(4), size: frame.length })
    })
    connection.processData = (chunk) => {
      try {
        frames.push(chunk)
      } catch (error) {
        this.#socket?.destroy(error as Error)
      }
    }
    this.#connection = connection
    return connection
  }

  async #greet(connection: Connection): Promise<void> {
    const answer = new WireReader(await this.#request(connection, apis.ApiVersions, new WireWriter(0), {}))
    const errorCode = answer.int16()
    if (errorCode !== 0) throw new Error(`it does not tell its versions (error code ${errorCode})`)
    const versions = answer.array(() => ({ key: answer.int16(), min: answer.int16(), max: answer.int16() }))
    this.#versions = new Map(versions.map(({ key, min, max }) => [key, { min, max }]))
    connection.setVersions(Object.fromEntries(versions.map(({ key, min, max }) => [key, { minVersion: min, maxVersion: max }])))
    connection.setSupportAuthenticationProtocol(true)
  }

  /** Also again, before the broker ends the session (KIP-368). */
  async #authenticate(connection: Connection): Promise<void> {
    try {
      await connection.authenticate()
      const lifeMs = Number(connection.sessionLifetime)
      if (lifeMs > 0) connection.reauthenticationThreshold = Math.min(renewBeforeMs, lifeMs * 0.15)
    } catch (error) {
      if (!this.#ready) throw error
      const failure = connectFailure(this.#broken ?? error, this.address, this.#settings)
      this.#drop(failure)
      throw failure
    }
  }

  #requireVersion({ name, key, version }: Api): void {
    const known = this.#versions.get(key)
    if (known && known.min <= version && version <= known.max) return
    const speaks = known ? `versions ${known.min} to ${known.max}` : 'no version at all'
    const message = `Kafka at ${this.#name} speaks ${speaks} of ${name}, but version ${version} is needed; brokers from 2.4 on have it`
    throw new OldBrokerError([{ key: 'bootstrap.servers', message }])
  }

  async #send(api: Api, body: WireWriter, options: CallOptions): Promise<Buffer> {
    const connection = this.#connection
    if (!connection) throw new RetriableError(`The connection to Kafka at ${this.#name} is lost`)
    try {
      return await this.#request(connection, api, body, options)
    } catch (error) {
      if (this.#end.signal.aborted) throw this.#end.signal.reason
      const failure = lostAnswer(error, api, this.address)
      // Whoever is silent on a connection for so long is not trusted with more requests on it.
      if (this.#connection === connection) this.#drop(failure)
      throw failure
    }
  }

  #request(connection: Connection, api: Api, body: WireWriter, { waitMs = 0, answered = true }: CallOptions): Promise<Buffer> {
    const correlationId = connection.nextCorrelationId()
    const begin = new WireWriter(64).int32(0).int16(api.key).int16(api.version).int32(correlationId).string(this.#settings.clientId)
    const head = (api.compact ? begin.uvarint(0) : begin).bytes()
    head.writeInt32BE(head.length - 4 + body.size, 0)
    const parts = body.parts()
    return new Promise((resolve, reject) => {
      connection.requestQueue.push({
        entry: {
          apiKey: api.key,
          apiName: api.name,
          apiVersion: api.version,
          correlationId,
          resolve: ({ payload }) => resolve(payload ?? Buffer.alloc(0)),
          reject,
        },
        expectResponse: answered,
        requestTimeout: this.#settings.requestTimeoutMs + waitMs,
        sendRequest: () => {
          const socket = this.#socket!
          socket.cork()
          socket.write(head)
          for (const part of parts) socket.write(part)
          socket.uncork()
        },
      })
    })
  }

  async #pause(): Promise<void> {
    const waitMs = this.#notBefore - performance.now()
    if (waitMs <= 0) return
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const signal = this.#end.signal
    const ended = () => reject(signal.reason as Error)
    const timer = setTimeout(resolve, waitMs)
    signal.addEventListener('abort', ended)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', ended)
    }
  }

  #closed(connection: Connection): void {
    connection.rejectRequests(this.#broken ?? new RetriableError(`Kafka at ${this.#name} has closed the connection`))
    connection.requestQueue.destroy()
    if (this.#connection !== connection) return
    this.#ready = false
    this.#connection = undefined
    this.#socket = undefined
  }

  #drop(error: Error): void {
    const connection = this.#connection
    const socket = this.#socket
    this.#ready = false
    this.#connection = undefined
    this.#socket = undefined
    if (!connection) return
    connection.rejectRequests(error)
    connection.requestQueue.destroy()
    socket?.destroy(error)
  }
}
