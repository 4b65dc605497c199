import type { ConnectionOptions } from 'node:tls'

/** All that it takes to reach a cluster. Built from Java's keys by config/client-settings.ts. */
export interface ClientSettings {
  /** Where to begin; the cluster itself tells the rest. Not empty. */
  readonly brokers: readonly BrokerAddress[]
  readonly clientId: string
  /** null: no TLS. `servername` is set for each broker by the client. */
  readonly tls: ConnectionOptions | null
  /** null: no SASL. */
  readonly sasl: SaslSettings | null
  /** Longest time for one connection to stand (TCP, TLS and SASL). Milliseconds. */
  readonly connectTimeoutMs: number
  /** Longest time for one answer, beside the time that a request lets the broker wait. Milliseconds. */
  readonly requestTimeoutMs: number
  /** Longest time for a call with its retries (default.api.timeout.ms). Milliseconds. */
  readonly apiTimeoutMs: number
  /** Age at which what is known about topics is asked for again. Milliseconds. */
  readonly metadataMaxAgeMs: number
  /** Pause before the next attempt to connect to a broker, doubled at each failure up to `reconnectMaxMs`. Milliseconds. */
  readonly reconnectMs: number
  readonly reconnectMaxMs: number
  /** The same before a request is made again. */
  readonly retryMs: number
  readonly retryMaxMs: number
  /** What somebody should know of these settings; logged once by each client. */
  readonly warnings: readonly string[]
}

export interface BrokerAddress {
  readonly host: string
  readonly port: number
}

export type SaslSettings =
  | { readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512'; readonly username: string; readonly password: string }
  | { readonly mechanism: 'OAUTHBEARER'; readonly tokens: TokenSource }

/** Where OAUTHBEARER's tokens come from. */
export interface TokenSource {
  /** A token that is still good for a while; the same one as long as it is. `signal` ends the wait. Rejects with a ConfigError or a RetriableError. */
  token(signal: AbortSignal): Promise<BearerToken>
}

export interface BearerToken {
  readonly value: string
  /** SASL extensions (KIP-342), by name. */
  readonly extensions: Readonly<Record<string, string>>
}
