import { createRequire } from 'node:module'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'

/**
 * The few inner parts of kafkajs that the client stands on, with the types of what is touched. kafkajs is pinned to one version, and no
 * newer one is to be expected, so its insides do not move.
 */
const require = createRequire(import.meta.url)
export const Connection = require('kafkajs/src/network/connection') as new (options: ConnectionParts) => Connection

export interface ConnectionParts {
  readonly host: string
  readonly port: number
  readonly clientId: string
  readonly logger: KafkajsLogger
  readonly socketFactory: (target: { host: string; port: number; ssl: ConnectionOptions | null; onConnect: () => void }) => Duplex
  readonly ssl: ConnectionOptions | null
  readonly sasl: KafkajsSasl | null
  readonly requestTimeout: number
  readonly connectionTimeout: number
}

export interface Connection {
  connect(): Promise<unknown>
  authenticate(): Promise<void>
  isConnected(): boolean
  isAuthenticated(): boolean
  setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void
  setSupportAuthenticationProtocol(isSupported: boolean): void
  rejectRequests(error: Error): void
  nextCorrelationId(): number
  processData(chunk: Buffer): void
  /** Milliseconds, as a Long; 0: the session never ends. */
  readonly sessionLifetime: { toString(): string }
  reauthenticationThreshold: number
  readonly requestQueue: RequestQueue
}

export interface RequestQueue {
  push(request: {
    readonly entry: {
      readonly apiKey: number
      readonly apiName: string
      readonly apiVersion: number
      readonly correlationId: number
      readonly resolve: (answer: { readonly payload: Buffer | null }) => void
      readonly reject: (error: Error) => void
    }
    readonly expectResponse: boolean
    readonly requestTimeout: number
    readonly sendRequest: () => void
  }): void
  fulfillRequest(answer: { readonly correlationId: number; readonly payload: Buffer; readonly size: number }): void
  scheduleCheckPendingRequests(): void
  destroy(): void
}

export interface KafkajsSasl {
  readonly mechanism: string
  readonly username?: string
  readonly password?: string
  readonly authenticationProvider?: (parts: AuthenticationParts) => { authenticate(): Promise<void> }
}

export interface AuthenticationParts {
  readonly host: string
  readonly port: number
  saslAuthenticate<T>(message: {
    /** With the length before them. */
    readonly request: { encode(): Promise<Buffer> }
    readonly response: { decode(raw: Buffer): Promise<T>; parse(decoded: T): Promise<T> }
  }): Promise<T>
}

export interface KafkajsLogger {
  namespace(name: string): KafkajsLogger
  debug(message: string, fields?: object): void
  info(message: string, fields?: object): void
  warn(message: string, fields?: object): void
  error(message: string, fields?: object): void
}

/** Errors of kafkajs are told apart by name; `code` is the socket's. */
export interface KafkajsError extends Error {
  readonly code?: string | number
  readonly type?: string
}
