/** What the REST API is told by the worker's settings. Names of the keys: config/settings.ts. */
export interface RestSettings {
  /** URLs: `http://host:port`, `https://host:port`; no host means every interface, port 0 any free one. */
  readonly listeners: readonly string[]
  /** Further names that a Host header may carry; `*` allows every name. */
  readonly allowedHosts: readonly string[]
  /** `rest.advertised.host.name`: allowed as a Host, too. */
  readonly advertisedHost?: string
  /** `access.control.allow.origin`: origins separated by commas, `*` in them for any text; empty: no cross-origin calls. */
  readonly allowedOrigins: string
  /** `access.control.allow.methods`; empty: GET, POST and HEAD, as in Connect. */
  readonly allowedMethods: string
  /** `response.http.headers.config` (KIP-577). */
  readonly responseHeaders: string
  /** False: `admin.listeners` is empty, so there are no admin endpoints. */
  readonly admin: boolean
  readonly topicTracking: boolean
  readonly topicReset: boolean
  /** `listeners.https.*` and `ssl.*`, under their full names. */
  readonly https: Readonly<Record<string, string>>
  /** Largest request body in bytes. */
  readonly bodyBytesMax: number
  /** Most open connections for each listener; further ones are closed at once. */
  readonly connectionsMax: number
  /** A request must have arrived whole after this many milliseconds. */
  readonly requestTimeoutMs: number
  /** A call that has no answer after this many milliseconds is answered 503. Connect's 90 s. */
  readonly answerTimeoutMs: number
}

/** Connect's defaults, but on the loopback interface alone. */
export const defaultRestSettings: RestSettings = {
  listeners: ['http://127.0.0.1:8083'],
  allowedHosts: [],
  allowedOrigins: '',
  allowedMethods: '',
  responseHeaders: '',
  admin: true,
  topicTracking: true,
  topicReset: true,
  https: {},
  bodyBytesMax: 1024 * 1024,
  connectionsMax: 1_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 90_000,
}
